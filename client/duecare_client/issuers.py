"""The issuer that a key signs for: configured, or pinned at first use.

A server names its issuer itself. If a client signed for whatever issuer a server names, an evil server could name
another service's issuer, collect statements and tokens, and send them to that service, which would accept them. So a
key signs for one issuer, at one address:

- If the issuer is configured (DUECARE_ISSUER, `issuer` in a profile or of a `Client`), the server must name that one.
- Otherwise the first issuer that the key signs for is pinned together with the server's address, in
  `issuers/<kid>.json` of the state directory: $XDG_STATE_HOME/duecare, or ~/.local/state/duecare. From then on the key
  signs for no other issuer and at no other address, unless the issuer is configured. (A service on this machine may
  change its port: nothing that is signed leaves the machine.)
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import httpx
import msgspec

from duecare_client.errors import BadSettings
from duecare_client.network import is_loopback


class PinnedIssuer(msgspec.Struct, frozen=True):
    """The service that a key signs for."""

    url: str
    issuer: str


class IssuerPins:
    """The issuer that is configured, if any, and the pinned issuers of this user's keys.

    `folder`: where pins are stored; None keeps them in memory only, for tests.
    """

    def __init__(self, folder: Path | None, configured: str | None = None) -> None:
        self._folder = folder
        self._configured = configured
        self._memory: dict[str, PinnedIssuer] = {}

    def signs_for(self, kid: str, url: str, named: str) -> str:
        """The issuer that this key signs for at `url`, whose server names the issuer `named`. Pins it at first use.

        Raises BadSettings if the server names another issuer than the configured or pinned one.
        """
        seen, configured = PinnedIssuer(url, named), self._configured
        if configured is not None:
            if named != configured:
                raise BadSettings(
                    f"{url} names the issuer {named!r}, but the configured issuer is {configured!r}. Nothing was "
                    "signed. Check the URL; if it is right, ask the operator for the issuer, and set it in "
                    "DUECARE_ISSUER or the profile"
                )
            with suppress(BadSettings):  # a configured issuer needs no pin
                self._pin(kid, seen)
            return configured
        pinned = self._pin(kid, seen)
        if pinned.issuer != named:
            raise BadSettings(
                f"{url} names the issuer {named!r}, but this key signs for {pinned.issuer!r} (since its first use, at "
                f"{pinned.url}). Nothing was signed. Check the URL; if the issuer is right, {_ADVICE}"
            )
        if pinned.url != url and not is_loopback(httpx.URL(url).host):
            raise BadSettings(
                f"{url} names the issuer {named!r}, which this key has signed for at {pinned.url}. A server that names "
                "another service's issuer could use what you sign. Nothing was signed. Check the URL; if the service "
                f"has this address too, {_ADVICE}"
            )
        return named

    def _pin(self, kid: str, seen: PinnedIssuer) -> PinnedIssuer:
        """The pin of this key, which is `seen` if it had none. Raises BadSettings."""
        if self._folder is None:
            return self._memory.setdefault(kid, seen)
        path = self._folder / f"{kid}.json"
        try:
            if not path.exists():
                self._write_new(path, seen)
            return msgspec.json.decode(path.read_bytes(), type=PinnedIssuer)
        except OSError as error:
            raise BadSettings(
                f"the issuer {seen.issuer!r} of {seen.url} cannot be remembered in {path}: {error.strerror}. If it is "
                f"right, {_ADVICE}"
            ) from None
        except (msgspec.MsgspecError, ValueError):
            raise BadSettings(f"{path} is not a pinned issuer; delete the file, or {_ADVICE}") from None

    def _write_new(self, path: Path, pin: PinnedIssuer) -> None:
        """Write the file unless it exists. The file appears as a whole, so that no reader finds half of it."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = path.with_name(f"{path.name}.{os.getpid()}")
        temporary.write_bytes(msgspec.json.encode(pin) + b"\n")
        try:
            with suppress(FileExistsError):  # another process was first
                os.link(temporary, path)
        finally:
            temporary.unlink()


_ADVICE = "set DUECARE_ISSUER, or `issuer` in the profile, or give `Client` an issuer"


def state_folder(environment: Mapping[str, str]) -> Path:
    """The user's state directory of duecare: $XDG_STATE_HOME/duecare, or ~/.local/state/duecare. Raises BadSettings."""
    try:
        home = environment.get("HOME") or str(Path.home())
    except RuntimeError:
        raise BadSettings("this user has no home directory; set XDG_STATE_HOME") from None
    return Path(environment.get("XDG_STATE_HOME") or Path(home) / ".local" / "state") / "duecare"


def user_pins(environment: Mapping[str, str], configured: str | None) -> IssuerPins:
    """The pins of the user with this environment, and the configured issuer. Raises BadSettings."""
    return IssuerPins(state_folder(environment) / "issuers", configured)
