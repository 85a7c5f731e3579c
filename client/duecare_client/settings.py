"""Where the command finds the service and the party it speaks for: a profile, or three environment variables.

A profile is the file that `make run` writes (`.duecare/local.json`, profile `local`), or one of the same shape at
`$XDG_CONFIG_HOME/duecare/<name>.json`. `url` and `parties` are what a party needs; the rest is for the operator.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from duecare_client.errors import BadSettings

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
_NOWHERE = "no service is named: give --profile NAME, or set DUECARE_URL, DUECARE_PARTY and DUECARE_KEY"


class ProfileParty(msgspec.Struct, frozen=True):
    """`key`: the private JWK's file name, beside the profile."""

    roles: tuple[str, ...] = ()
    key: str = ""


class Profile(msgspec.Struct, frozen=True):
    """What a profile file holds. Members unknown to this version are left alone."""

    url: str = ""
    issuer: str | None = None
    aws_endpoint_url: str | None = None
    region: str | None = None
    stack: str | None = None
    table: str | None = None
    archive: str | None = None
    log_key: str | None = None
    parties: dict[str, ProfileParty] = {}


class CallingParty(msgspec.Struct, frozen=True):
    """The service, the party that speaks, and the file of its private key."""

    url: str
    party: str
    key: Path
    issuer: str | None = None


def profile_path(name: str, environment: Mapping[str, str], directory: Path) -> Path:
    """The profile's file. `local` is the nearest `.duecare/local.json` from `directory` upward. Raises BadSettings."""
    if not _NAME.match(name):
        raise BadSettings("a profile's name is letters, digits, dots, dashes and underscores")
    if name == "local":
        for folder in (directory, *directory.parents):
            if (path := folder / ".duecare" / "local.json").is_file():
                return path
        raise BadSettings("there is no .duecare/local.json here or above; `make run` writes it")
    config = environment.get("XDG_CONFIG_HOME") or str(Path(environment.get("HOME") or Path.home()) / ".config")
    path = Path(config) / "duecare" / f"{name}.json"
    if not path.is_file():
        raise BadSettings(f"there is no profile {name}: {path} does not exist")
    return path


def read_profile(path: Path) -> Profile:
    """Raises BadSettings, naming what is wrong with the file."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Profile)
    except OSError as error:
        raise BadSettings(f"the profile {path} cannot be read: {error.strerror}") from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise BadSettings(f"{path} is not a profile: {error}") from None


def find_caller(
    profile_name: str | None,
    party: str | None,
    roles: Sequence[str],
    environment: Mapping[str, str],
    directory: Path,
) -> CallingParty:
    """Who speaks, to which service. `roles`: those that may, the likeliest first; they choose among several parties.

    A profile named on the command line counts before the environment. Raises BadSettings, saying what to give.
    """
    if profile_name is None:
        return _from_environment(party, environment)
    path = profile_path(profile_name, environment, directory)
    profile = read_profile(path)
    if not profile.url:
        raise BadSettings(f"{path} names no url")
    chosen = party or _only_party(profile, roles, path)
    if chosen not in profile.parties:
        raise BadSettings(f"{path} knows no party {chosen}; it has {', '.join(profile.parties) or 'none'}")
    if not profile.parties[chosen].key:
        raise BadSettings(f"{path} names no key for {chosen}")
    return CallingParty(profile.url, chosen, path.parent / profile.parties[chosen].key, profile.issuer)


def _only_party(profile: Profile, roles: Sequence[str], path: Path) -> str:
    for role in roles:
        fitting = [name for name, party in profile.parties.items() if role in party.roles]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise BadSettings(f"several parties fit, choose one with --party: {', '.join(fitting)}")
    raise BadSettings(f"{path} has no party that is {' or '.join(roles)}; name one with --party")


def _from_environment(party: str | None, environment: Mapping[str, str]) -> CallingParty:
    url, key = environment.get("DUECARE_URL"), environment.get("DUECARE_KEY")
    name = party or environment.get("DUECARE_PARTY")
    if not (url or key or environment.get("DUECARE_PARTY")):
        raise BadSettings(_NOWHERE)
    given = {"DUECARE_URL": url, "DUECARE_PARTY": name, "DUECARE_KEY": key}
    if missing := [variable for variable, value in given.items() if not value]:
        raise BadSettings(f"set {' and '.join(missing)} too, or give --profile NAME")
    return CallingParty(str(url), str(name), Path(str(key)))
