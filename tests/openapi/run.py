"""A deployment in memory with a fixed clock and fixed keys, which keeps what it is sent and what it answers."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any
from unittest.mock import patch

from duecare.ports import Clock, UploadTarget
from duecare.runtime import responses, telemetry
from duecare.runtime.http import context_of
from duecare.runtime.openapi.paths import ROUTES
from duecare.runtime.party_limit import PartyLimit
from duecare.usecases.audit.case_file import CaseFileDeps, CaseFiles
from duecare.usecases.audit.reconcile import Reconcile
from duecare_core.domain.facts.statement import KINDS
from duecare_core.errors import StoreFailed
from duecare_core.evidence.jose import jws
from duecare_core.evidence.statement import statement_id
from tests.support.functions import Context, function, handler, service_type, unused
from tests.support.imports import Imports
from tests.support.logs import ORIGIN, LoggedWorld
from tests.support.memory import MemoryFiles
from tests.support.packs import RULES
from tests.support.voids import voiding
from tests.support.world import (
    ISSUER,
)

Json = dict[str, Any]
HOUR = timedelta(hours=1)
BUCKET = "https://uploads.duecare.example/"


class PlainSealer:
    """A sealer that keeps nothing secret and takes nothing from chance."""

    def seal(self, data: bytes) -> bytes:
        return b"sealed:" + data

    def open(self, sealed: bytes) -> bytes:
        return sealed.removeprefix(b"sealed:")


class Bucket(MemoryFiles):
    """Files under URLs of one host."""

    def target(self, name: str, *, content_type: str, sha256: str, size: int | None, seconds: int) -> UploadTarget:
        headers = {"content-type": content_type, "x-amz-checksum-sha256": _base64(sha256)}
        return UploadTarget(f"{BUCKET}{name}?X-Amz-Signature=example", headers)

    def link(self, name: str, seconds: int) -> str:
        return f"{BUCKET}{name}?X-Amz-Signature=example"


class Broken:
    """A table, or a use case over it, that is unavailable."""

    def __getattr__(self, name: str) -> Any:
        raise StoreFailed("the table is unavailable")

    def __call__(self, *_: Any) -> Any:
        raise StoreFailed("the table is unavailable")


class Run:
    """A deployment in memory, and the examples that its calls have given so far."""

    def __init__(self) -> None:
        numbers = count()
        self.entropy = lambda size: hashlib.sha256(b"%d" % next(numbers)).digest()[:size]
        self.world = LoggedWorld(sealer=PlainSealer(), entropy=self.entropy)
        self.imports = Imports(self.world, files=Bucket())
        self.services = {
            name: self._service(name)
            for name in ("admin", "evidence", "reconcile", "state", "upload", "verify", "void")
        }
        self.operations: Json = {
            route.operation_id: {"parameters": {}, "requests": {}, "responses": {}} for route in ROUTES.values()
        }
        self.problems: Json = {}
        self.payloads: Json = {}

    def _service(self, name: str) -> Any:
        world, kind = self.world, service_type(name)
        settings = unused(kind.settings_type, issuer=ISSUER, log_origin=ORIGIN)
        service: Any = kind(settings, clock=world.clock, entropy=self.entropy)
        secrets = {"pepper_secret": "70" * 32, "inputs_secret": "69" * 32}
        secrets["receipt_key_secret"] = json.dumps({"seed": "72" * 32})
        secrets["acknowledgement_key_secret"] = json.dumps({"seed": "61" * 32})
        service.read_secrets = lambda names: [secrets[one] for one in names]
        service.decision_store = service.documents = world.table
        service.rules = RULES
        match name:
            case "admin":
                service.party_admin, service.erase = world.operate, world.erase(timedelta(0))
            case "void":
                service.void_statements = voiding(world)
            case "state":
                service.accept_statements = world.state_use_case
            case "upload":
                service.uploads = self.imports.uploads
            case "evidence":
                service.archive, service.log_files = world.archive, world.files
                deps = CaseFileDeps(world.table, world.archive, world.files, world.sealer, world.inputs_key)
                service.case_files = CaseFiles(deps, RULES, ISSUER)
                service.opener, service.inputs_key = world.sealer, world.inputs_key
            case "reconcile":
                service.reconcile = self._reconcile(world.clock)
        return service

    def _reconcile(self, clock: Clock) -> Reconcile:
        memory, key = self.world.table, self.world.receipt_key
        return Reconcile(reader=memory, ranges=memory, receipt_key=lambda: key, issuer=ISSUER, clock=clock)

    def call(self, operation_id: str, summary: str, party: str | None = None, **parts: Any) -> Any:
        """Call an operation, keep its request and its response as examples, and give the body of the response.

        `parts`: `body`, `query`, `path`, `headers`, `token` (members of the caller); `failing`: the table is
        unavailable; `limited`: the party has asked for too much; `slow`: every look at the clock is a minute after the
        one before.
        """
        route, described = next((name, one) for name, one in ROUTES.items() if one.operation_id == operation_id)
        key = route.replace("{path}", "{proxy+}")
        name = next(name for name in self.services if key in getattr(function(name), "ROUTES", {}))
        service = self.services[name]
        if parts.pop("failing", False):
            service = self._service(name)
            service.decision_store = service.documents = Broken()
            service.accept_statements = service.uploads = service.reconcile = service.log_files = Broken()
        if parts.pop("limited", False):
            service = self._service(name)
            service.party_limit = PartyLimit(1, lambda: 0.0)
            service.party_limit.take(party or "", 100)
        if parts.pop("slow", False):
            service = self._service(name)
            minutes = count()
            service.reconcile = self._reconcile(lambda: self.world.now + next(minutes) * HOUR / 60)
        response = _quietly(handler(name, service), self._event(key, party, **parts))
        example = self.operations[operation_id]
        label = _label(summary)
        example["parameters"] |= parts.get("path", {})
        if described.body and response["statusCode"] == 200:
            example["requests"][label] = {"summary": summary, "value": parts["body"]}
        body = _body(response)
        example["responses"].setdefault(str(response["statusCode"]), {})[label] = {"summary": summary, "value": body}
        self._keep_problems(body)
        return body

    def _event(self, key: str, party: str | None, **parts: Any) -> Json:
        context: Json = {"domainName": "duecare.example", "requestId": "request-1"}
        if party:
            caller = self.world.caller(party)._replace(**parts.get("token", {}))
            context["authorizer"] = {"lambda": context_of(caller)}
        body = parts.get("body")
        return {
            "routeKey": key,
            "requestContext": context,
            "headers": {"content-type": "application/json", **parts.get("headers", {})},
            "body": body if isinstance(body, str) else json.dumps(body),
            "queryStringParameters": parts.get("query", {}),
            "pathParameters": {
                {"path": "proxy"}.get(name, name): value for name, value in parts.get("path", {}).items()
            },
        }

    def state(self, summary: str, party: str, kind: str, /, **members: Any) -> Json:
        """State one thing; the result."""
        token = self.world.jws(party, kind, **members)
        self.world.tokens[statement_id(token)] = token
        payload = KINDS[kind].__name__
        if payload not in self.payloads:
            self.payloads[payload] = jws.read(token).payload
        (result,) = self.call("submitStatements", summary, party, body={"statements": [token]})["results"]
        return dict(result)

    def file(self, data: bytes, rows: int = 1, *, summary: str = "", **changes: Any) -> str:
        """Import a file; the upload's id. What became of it is an example, if it has a summary."""
        upload = self.imports.send(data, rows, **changes)
        path = {"id": upload.upload_id}
        if summary:
            self.call("getUpload", summary, "mou-zichan", path=path)
        else:
            event = self._event("GET /v1/uploads/{id}", "mou-zichan", path=path)
            self._keep_problems(_body(_quietly(handler("upload", self.services["upload"]), event)))
        return upload.upload_id

    def admin(self, do: str, **members: Any) -> None:
        self._keep_problems(_quietly(handler("admin", self.services["admin"]), {"do": do, **members}))

    def void(self, do: str, **members: Any) -> Json:
        """The result, if there is one."""
        answer = _quietly(handler("void", self.services["void"]), {"do": do, **members})
        self._keep_problems(answer)
        return dict(answer.get("result", {}))

    def _keep_problems(self, value: Any) -> None:
        """The first example of each problem, wherever it is in a body."""
        if isinstance(value, list):
            for one in value:
                self._keep_problems(one)
        elif isinstance(value, dict):
            kind = str(value.get("type", ""))
            if kind.startswith(responses.PROBLEM_TYPE):
                self.problems.setdefault(kind.removeprefix(responses.PROBLEM_TYPE), value)
            for one in value.values():
                self._keep_problems(one)


def _quietly(call: Callable[[Any, Any], Any], event: Json) -> Any:
    """The function's return value, without its log lines and metrics."""
    with patch.object(telemetry, "failed"), patch.object(telemetry, "count"), patch.object(telemetry.logger, "info"):
        return call(event, Context())


def _body(response: Json) -> Any:
    body, kind = response["body"], response["headers"]["content-type"]
    if response.get("isBase64Encoded"):
        data = base64.b64decode(body)
        body = data.decode() if "octet" not in kind else body
    return json.loads(body) if "json" in kind else body


def _label(summary: str) -> str:
    """A name for an example, of the characters that OpenAPI has for one."""
    return re.sub("[^a-z0-9_]+", "-", summary.lower().replace("'", ""))


def _base64(digest: str) -> str:
    return base64.b64encode(bytes.fromhex(digest.removeprefix("sha256:"))).decode()
