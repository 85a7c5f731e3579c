"""Finds the service and the calling party: in a profile, or in environment variables.

A profile is a JSON file. `--profile local` is the nearest `.duecare/local.json`, which `make run` writes;
`--profile NAME` is `$XDG_CONFIG_HOME/duecare/NAME.json` (`~/.config` without XDG_CONFIG_HOME).
All members are optional:

    url               the service's address
    issuer            the service's name, for which alone the parties sign; DUECARE_ISSUER without a profile's
    parties           {ID: {"roles": [...], "key": FILE}}: who may speak; FILE is a private JWK.
                      A creditor may have "subject_secret": FILE too, which `duecare keys subject-secret` makes.
                      Files are relative to the profile
    log_key           the log's verifier key, for `bundle verify` and `log check`
    aws_endpoint_url  a local AWS instead of the real one  ┐
    region            the AWS region                       │ for `duecare admin` and `log check`
    stack             the CloudFormation stack's name      │
    table, archive    the names of table and bucket        ┘

Other members are ignored.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from duecare_client.errors import BadKey, BadSettings
from duecare_client.keyfile import published, read_private

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
_NO_SERVICE = "no service is named: give --profile NAME, or set DUECARE_URL, DUECARE_PARTY and DUECARE_KEY"


class ProfileParty(msgspec.Struct, frozen=True):
    """`key`: the file of the private JWK, `subject_secret`: of the secret for subjects, relative to the profile's
    folder."""

    roles: tuple[str, ...] = ()
    key: str = ""
    subject_secret: str = ""


class Profile(msgspec.Struct, frozen=True):
    """The members of a profile. Other members are ignored."""

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
    """The service, the party that calls it, and the files of its private key and of its secret for subjects. `source`:
    where they were found."""

    url: str
    party: str
    key: Path
    source: str
    issuer: str | None = None
    subject_secret: Path | None = None


def profile_path(name: str, environment: Mapping[str, str], directory: Path) -> Path:
    """The file of a profile. `local` is the nearest `.duecare/local.json`, searched from `directory` upward.

    Raises BadSettings.
    """
    if not _NAME.match(name):
        raise BadSettings("--profile takes letters, digits, dots, dashes and underscores, such as local or my-bank")
    if name == "local":
        for folder in (directory, *directory.parents):
            if (path := folder / ".duecare" / "local.json").is_file():
                return path
        raise BadSettings("no .duecare/local.json in this folder or above it; `make run` writes it")
    config = environment.get("XDG_CONFIG_HOME") or str(Path(environment.get("HOME") or Path.home()) / ".config")
    path = Path(config) / "duecare" / f"{name}.json"
    if not path.is_file():
        raise BadSettings(f"there is no profile {name}: {path} does not exist")
    return path


def read_profile(path: Path) -> Profile:
    """Raises BadSettings and says what is wrong with the file."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Profile)
    except OSError as error:
        raise BadSettings(f"the profile {path} cannot be read: {error.strerror}") from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise BadSettings(f"{path} is not a profile: {error}") from None


def check_profile_key(private_key: Path, kid: str) -> None:
    """Raises BadSettings unless the file holds the private half of the key with this thumbprint."""
    try:
        found = published(read_private(private_key))["kid"]
    except BadKey as error:
        raise BadSettings(f"{private_key} is not a usable private key: {error}") from None
    if found != kid:
        raise BadSettings(f"{private_key} is not the private half of the key given with --key; nothing was registered")


def add_party(path: Path, party: str, roles: Sequence[str], private_key: Path) -> None:
    """Adds a party, or changes its key, in a profile file; leaves everything else in it as it is. Raises BadSettings.

    The file is replaced as a whole, so a crash leaves the old profile or the new one.
    """
    read_profile(path)
    key = os.path.relpath(private_key.absolute(), path.parent.absolute())
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        profile = json.loads(path.read_bytes())
        entry = profile.setdefault("parties", {}).setdefault(party, {})
        entry |= {"key": key} | ({"roles": list(roles)} if roles else {})
        temporary.write_text(json.dumps(profile, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path)
    except OSError as error:
        raise BadSettings(f"the profile {path} cannot be written: {error.strerror}") from None


def find_caller(
    profile_name: str | None,
    party: str | None,
    roles: Sequence[str],
    environment: Mapping[str, str],
    directory: Path,
) -> CallingParty:
    """The party that calls, and its service. `roles`: those that may, the most likely first, to choose among several.

    A profile named on the command line counts before the environment. Raises BadSettings and says what to give.
    """
    if profile_name is None:
        return _from_environment(party, environment)
    path = profile_path(profile_name, environment, directory)
    profile = read_profile(path)
    if not profile.url:
        raise BadSettings(f'{path} has no url; add one, like "url": "https://duecare.example"')
    chosen = party or _only_party(profile, roles, path)
    if chosen not in profile.parties:
        raise BadSettings(f"{path} has no party {chosen}; it has {', '.join(profile.parties) or 'none'}")
    if not profile.parties[chosen].key:
        raise BadSettings(f"{path} has no key for {chosen}; add the file name of its private JWK")
    key = path.parent / profile.parties[chosen].key
    issuer = profile.issuer or environment.get("DUECARE_ISSUER") or None
    named, elsewhere = profile.parties[chosen].subject_secret, environment.get("DUECARE_SUBJECT_SECRET")
    secret = path.parent / named if named else Path(elsewhere) if elsewhere else None
    return CallingParty(profile.url, chosen, key, f"profile {profile_name}", issuer, secret)


def _only_party(profile: Profile, roles: Sequence[str], path: Path) -> str:
    for role in roles:
        candidates = [name for name, party in profile.parties.items() if role in party.roles]
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            raise BadSettings(f"several parties may speak here; choose one with --party: {', '.join(candidates)}")
    raise BadSettings(f"{path} has no party that is {' or '.join(roles)}; name one with --party")


def _from_environment(party: str | None, environment: Mapping[str, str]) -> CallingParty:
    url, key = environment.get("DUECARE_URL"), environment.get("DUECARE_KEY")
    name = party or environment.get("DUECARE_PARTY")
    if not (url or key or environment.get("DUECARE_PARTY")):
        raise BadSettings(_NO_SERVICE)
    given = {"DUECARE_URL": url, "DUECARE_PARTY": name, "DUECARE_KEY": key}
    if missing := [variable for variable, value in given.items() if not value]:
        raise BadSettings(f"set {' and '.join(missing)} too, or give --profile NAME")
    issuer = environment.get("DUECARE_ISSUER") or None
    secret = environment.get("DUECARE_SUBJECT_SECRET")
    return CallingParty(str(url), str(name), Path(str(key)), "environment", issuer, Path(secret) if secret else None)
