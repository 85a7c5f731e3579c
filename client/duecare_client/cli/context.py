"""Everything a command uses outside the process (files, network, clock, AWS), in one place, so tests can replace it."""

from __future__ import annotations

import codecs
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import typer

from duecare_client.aws import connect
from duecare_client.cli import output
from duecare_client.client import Client, Reader
from duecare_client.errors import BadSettings
from duecare_client.issuers import IssuerPins, state_folder, user_pins
from duecare_client.messages import Language, Messages
from duecare_client.operator import Operator
from duecare_client.settings import Profile, find_caller, profile_path, read_profile
from duecare_client.subjects import read_secret
from duecare_core.errors import BadEvidence
from duecare_core.evidence.canonical import strict_json

DEFAULT_STACK = "duecare"
# Seconds. A person waits longer than a gateway may, and a function that starts cold is no failure here.
CALL_TIMEOUT = 15.0


@dataclass
class CliContext:
    """The options that any command takes (`profile`, `json`), and everything outside the process."""

    profile: str | None = None
    json: bool = False
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    directory: Path = field(default_factory=Path.cwd)
    network: httpx.BaseTransport | None = None
    aws: Callable[[Profile | None, Mapping[str, str]], Callable[[str], Any]] = connect
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def client(self, party: str | None, roles: Sequence[str], subject_secret: Path | None = None) -> Client:
        """A client for the named party, or for the only one with a fitting role; says on stderr which one it is.

        `subject_secret`: the file that the command names, instead of the profile's or the environment's.

        Raises BadSettings, BadKey.
        """
        caller = find_caller(self.profile, party, roles, self.environment, self.directory)
        secret = subject_secret or caller.subject_secret
        client = Client(
            caller.url,
            caller.party,
            caller.key,
            issuer=self._issuer_pins(caller.issuer),
            subject_secret=read_secret(secret) if secret else None,
            timeout=CALL_TIMEOUT,
            language=self.language,
            transport=self.network,
            clock=self.clock,
        )
        if not self.json:
            output.note(self.messages.text("cli.speaks_as", party=caller.party, source=caller.source))
        return client

    def _issuer_pins(self, configured: str | None) -> IssuerPins:
        """The issuers that keys sign for. Tests with a network and no home of their own pin nothing on disk."""
        if self.network is not None and not {"HOME", "XDG_STATE_HOME"} & self.environment.keys():
            return IssuerPins(None, configured)
        return user_pins(self.environment, configured)

    def operator(self) -> Operator:
        """The operator of the stack that the profile, DUECARE_STACK or the default names. Raises BadSettings."""
        profile = self._profile()
        stack = (profile.stack if profile else None) or self.environment.get("DUECARE_STACK") or DEFAULT_STACK
        return Operator(self.aws(profile, self.environment), stack)

    def reader(self) -> Reader:
        """The public part of the service that the profile or DUECARE_URL names. Raises BadSettings."""
        return Reader(self.service_url(), timeout=CALL_TIMEOUT, transport=self.network)

    def service_url(self) -> str:
        """The URL of the service that the profile or DUECARE_URL names. Raises BadSettings."""
        profile = self._profile()
        url = (profile.url if profile else None) or self.environment.get("DUECARE_URL")
        if not url:
            raise BadSettings("no service is named: give --profile NAME, or set DUECARE_URL")
        return url.rstrip("/")

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), UTC)

    def log_key(self) -> str | None:
        """The log's verifier key that the profile names."""
        profile = self._profile()
        return profile.log_key if profile else None

    def store(self) -> tuple[Callable[[str], Any], str, str] | None:
        """`service name -> boto3 client`, the table and the archive's bucket, if the profile or DUECARE_STACK names
        them; None without such access. Raises BadSettings."""
        profile = self._profile()
        if profile and profile.table and profile.archive:
            return self.aws(profile, self.environment), profile.table, profile.archive
        if not (profile and profile.stack) and "DUECARE_STACK" not in self.environment:
            return None
        return self.operator().store()

    def state_folder(self) -> Path:
        """The folder that remembers earlier checks: the one of the profile `local`, else the user's state directory."""
        if self.profile == "local":
            return self.profile_file().parent
        return state_folder(self.environment)

    def profile_file(self) -> Path:
        """The file of the profile. Raises BadSettings, also if no profile was named."""
        if self.profile is None:
            raise BadSettings("this needs --profile NAME: the profile that gets the key, such as local")
        return profile_path(self.profile, self.environment, self.directory)

    @property
    def language(self) -> Language:
        """`zh-CN` for a Chinese locale, `en` for every other."""
        locales = (self.environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
        return "zh-CN" if next(filter(None, locales), "").startswith("zh") else "en"

    @property
    def messages(self) -> Messages:
        """The catalogue of the user's language."""
        return Messages(self.language)

    def _profile(self) -> Profile | None:
        return None if self.profile is None else read_profile(self.profile_file())


def cli_context(context: typer.Context) -> CliContext:
    """The context that the root command set."""
    cli = context.find_root().obj
    assert isinstance(cli, CliContext)  # noqa: S101  set by the root callback, before any command runs
    return cli


def read_json(file: str) -> Any:
    """The JSON value in a file, or on stdin for `-`; UTF-8, with or without a byte order mark. Raises BadSettings."""
    name = "stdin" if file == "-" else file
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise BadSettings(f"{name} cannot be read: {error.strerror}") from None
    try:
        return strict_json(data.removeprefix(codecs.BOM_UTF8))
    except BadEvidence:
        raise BadSettings(f"{name} is not JSON in UTF-8 with every member once") from None


def read_object(file: str) -> dict[str, Any]:
    """The JSON object in a file, or on stdin for `-`. Raises BadSettings."""
    value = read_json(file)
    if not isinstance(value, dict):
        raise BadSettings(f"{'stdin' if file == '-' else file} must hold one JSON object, in braces")
    return value
