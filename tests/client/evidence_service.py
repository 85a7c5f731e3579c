"""A service with a log, in memory, and the command that talks to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from typer.testing import CliRunner, Result

from duecare.usecases.verify.stored_decision import StoredDecision
from duecare_client.cli.context import CliContext
from duecare_client.cli.main import app
from duecare_core.errors import NotFound
from duecare_core.evidence.casefile.bundle import MEDIA_TYPE
from tests.client.logged_service import KEY, LoggedService
from tests.support.world import ISSUER, KEYS

URL = "https://duecare.test"
Handler = Callable[[httpx.Request], httpx.Response]


def problem(status: int, name: str) -> httpx.Response:
    return httpx.Response(status, json={"type": f"urn:duecare:problem:{name}", "title": name, "status": status})


class EvidenceService:
    """Serves the objects of a log, discovery and case files. A handler in `instead` answers a path in their place."""

    def __init__(self, logged: LoggedService) -> None:
        self.logged = logged
        self.key: str | None = KEY
        self.instead: dict[str, list[Handler]] = {}
        self.asked: list[str] = []
        self.decisions: dict[str, StoredDecision] = {logged.id: logged.decided}
        self.network = httpx.MockTransport(self._handle)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.asked.append(path)
        if waiting := self.instead.get(path):
            return (waiting.pop(0) if len(waiting) > 1 else waiting[0])(request)
        if path == "/.well-known/duecare":
            log = {"log": {"verifier_key": self.key}} if self.key else {}
            return httpx.Response(200, json={"issuer": ISSUER, **log})
        if path.startswith("/log/"):
            data = self.logged.files.objects.get(path.removeprefix("/log/"))
            return httpx.Response(404) if data is None else httpx.Response(200, content=data)
        if path.startswith("/v1/decisions/") and path.endswith("/bundle"):
            return self._case_file(request)
        return httpx.Response(404, json={"message": "Not Found"})

    def _case_file(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"].startswith("Bearer ")
        decided = self.decisions.get(request.url.path.split("/")[3])
        attempt = request.url.params.get("attempt")
        if decided is None:
            return problem(404, "not-found")
        try:
            data = self.logged.case_file(decided, attempt=int(attempt) if attempt else None)
        except NotFound:
            return problem(404, "not-found")
        return httpx.Response(200, content=data, headers={"content-type": MEDIA_TYPE})


class Command:
    """In a folder with the profile `local` of a gateway."""

    def __init__(self, served: EvidenceService, folder: Path) -> None:
        self.served = served
        self.folder = folder
        self.slept: list[float] = []
        self.environment = {"HOME": str(folder)}
        self.write_profile()

    def write_profile(self, **more: Any) -> None:
        home = self.folder / ".duecare"
        home.mkdir(exist_ok=True)
        (home / "xinxi.jwk").write_text(json.dumps(KEYS["xinxi"]))
        parties = {"xinxi": {"roles": ["gateway"], "key": "xinxi.jwk"}}
        profile = {"url": URL, "issuer": ISSUER, "parties": parties, **more}
        (home / "local.json").write_text(json.dumps(profile))

    def __call__(self, *args: str, profile: bool = True, **environment: str) -> Result:
        cli = CliContext(
            environment=self.environment | environment,
            directory=self.folder,
            network=self.served.network,
            clock=self.served.logged.now.timestamp,
            sleep=self.slept.append,
        )
        named = ("--profile", "local") if profile else ()
        return CliRunner().invoke(app, [*args, *named], obj=cli)

    def json(self, *args: str, **given: Any) -> Any:
        return json.loads(self(*args, "--json", **given).stdout)
