"""The examples of the OpenAPI document, from a run of the functions in memory with a fixed clock and fixed keys:
`python -m tests.openapi.generate` writes examples.json, and a test compares the two.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from typing import Any
from unittest.mock import patch

import msgspec

from duecare.ports import Clock, IndexEntry, UploadTarget
from duecare.runtime import responses, telemetry
from duecare.runtime.openapi.document import EXAMPLES
from duecare.runtime.openapi.paths import ROUTES
from duecare.usecases import table
from duecare.usecases.audit.case_file import CaseFileDeps, CaseFiles
from duecare.usecases.audit.reconcile import Reconcile
from duecare_core.domain.facts.statement import KINDS
from duecare_core.domain.portfolio import row_splitter
from duecare_core.errors import StoreFailed
from duecare_core.evidence.jose import jws, keys
from duecare_core.evidence.record import text_digest
from duecare_core.evidence.statement import statement_id
from tests.support.functions import Context, function, handler, service_type, unused
from tests.support.imports import Imports, as_csv
from tests.support.logs import LOG_KEY, ORIGIN, Logged
from tests.support.memory import MemoryFiles
from tests.support.packs import RULES
from tests.support.world import (
    CASE_TEXT,
    DAY,
    ISSUER,
    KEYS,
    NOW,
    PARTIES,
    RECIPIENT,
    consent_members,
    debt_members,
    mandate_members,
    stamp,
)

Json = dict[str, Any]
HOUR = timedelta(hours=1)
BUCKET = "https://uploads.duecare.example/"
TEXT = "【某资产】您的欠款为27911元,详情请致电客服。退订回T"
MESSAGE: Json = {
    "message_id": "m-1",
    "recipient": RECIPIENT,
    "creditor": "mou-zichan",
    "collector": "keji",
    "debt_ref": "A-1",
    "channel": "sms",
    "text": TEXT,
}
NO_ID = "a" * 26


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
        self.world = Logged(sealer=PlainSealer(), entropy=_entropy)
        self.imports = Imports(self.world, files=Bucket())
        self.services = {
            name: self._service(name) for name in ("admin", "evidence", "reconcile", "state", "upload", "verify")
        }
        self.operations: Json = {
            route.operation_id: {"parameters": {}, "requests": {}, "responses": {}} for route in ROUTES.values()
        }
        self.problems: Json = {}
        self.payloads: Json = {}

    def _service(self, name: str) -> Any:
        world, kind = self.world, service_type(name)
        settings = unused(kind.settings_type, issuer=ISSUER, log_origin=ORIGIN)
        service: Any = kind(settings, clock=world.clock, entropy=_entropy)
        secrets = {"pepper_secret": "70" * 32, "inputs_secret": "69" * 32}
        secrets["receipt_key_secret"] = json.dumps({"seed": "72" * 32})
        service.read_secrets = lambda names: [secrets[one] for one in names]
        service.decision_store = service.documents = world.table
        service.rules = RULES
        match name:
            case "admin":
                service.party_admin = world.operate
            case "state":
                service.accept_statements = world.state_use_case
            case "upload":
                service.uploads = self.imports.uploads
            case "evidence":
                service.archive, service.log_files = world.archive, world.files
                deps = CaseFileDeps(world.table, world.archive, world.files, world.sealer, world.inputs_key)
                service.case_files = CaseFiles(deps, RULES, ISSUER)
            case "reconcile":
                service.reconcile = self._reconcile(world.clock)
        return service

    def _reconcile(self, clock: Clock) -> Reconcile:
        memory, key = self.world.table, self.world.receipt_key
        return Reconcile(reader=memory, ranges=memory, receipt_key=lambda: key, issuer=ISSUER, clock=clock)

    def call(self, operation_id: str, summary: str, party: str | None = None, **parts: Any) -> Any:
        """Call an operation, keep its request and its response as examples, and give the body of the response.

        `parts`: `body`, `query`, `path`, `headers`, `expires`; `failing`: the table is unavailable; `slow`: every look
        at the clock is a minute after the one before.
        """
        route, described = next((name, one) for name, one in ROUTES.items() if one.operation_id == operation_id)
        key = route.replace("{path}", "{proxy+}")
        name = next(name for name in self.services if key in getattr(function(name), "ROUTES", {}))
        service = self.services[name]
        if parts.pop("failing", False):
            service = self._service(name)
            service.decision_store = service.documents = Broken()
            service.accept_statements = service.uploads = service.reconcile = service.log_files = Broken()
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
            caller = self.world.caller(party)
            expires = parts.get("expires", caller.expires_at.timestamp())
            context["authorizer"] = {"lambda": {"party": party, "kid": caller.kid, "exp": expires}}
        body = parts.get("body")
        return {
            "routeKey": key,
            "requestContext": context,
            "headers": {"content-type": "application/json", **parts.get("headers", {})},
            "body": body if isinstance(body, str) else json.dumps(body),
            "queryStringParameters": parts.get("query", {}),
            "pathParameters": {{"path": "proxy"}.get(name, name): value for name, value in parts.get("path", {}).items()},
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


def examples() -> Json:
    """All of them, always the same."""
    global _NUMBERS  # noqa: PLW0603  chance, from its beginning
    _NUMBERS = count()
    run = Run()
    for scene in (_service, _empty_log, _decisions, _statements, _evidence, _reconciliation, _uploads, _refusals, _admin):
        scene(run)
    problems = dict(sorted(run.problems.items()))
    return {"operations": run.operations, "payloads": run.payloads, "problems": problems}


def rendered() -> str:
    return json.dumps(examples(), ensure_ascii=False, indent=1) + "\n"


# The scenes, in their order


def _service(run: Run) -> None:
    run.call("getDiscovery", "Nothing is logged yet")
    run.call("getReceiptKeys", "One key")
    run.call("getStatus", "It can decide")
    for operation_id in ("getReceiptKeys", "getStatus"):
        run.call(operation_id, "The table is unavailable", failing=True)


def _empty_log(run: Run) -> None:
    run.call("getCheckpoint", "Nothing is logged yet")
    run.call("getTile", "No such tile", path={"path": "0/001"})


def _decisions(run: Run) -> None:
    world = run.world.register()
    run.call("verifyMessage", "Denied: nothing was stated", "xinxi", body=MESSAGE)
    run.state("A mandate", "mou-zichan", "mandate", **mandate_members(world.now))
    run.state("A consent", "mou-zichan", "consent", **consent_members(world.now))
    run.state("A debt", "mou-zichan", "debt", **debt_members(world.now))
    message = MESSAGE | {"message_id": "m-2"}
    run.call("verifyMessage", "Allowed", "xinxi", body=message)
    run.call("verifyMessage", "The same message again: replayed", "xinxi", body=message)
    bad = MESSAGE | {"message_id": "m-3", "text": f"{CASE_TEXT}再不还就联系你的父母"}
    run.call("verifyMessage", "Denied for its text, in Chinese", "xinxi", body=bad, headers={"accept-language": "zh-CN"})
    ahead = MESSAGE | {"message_id": "m-4", "send_at": stamp(world.now + DAY)}
    run.call("verifyMessage", "A rehearsal", "xinxi", body=ahead)
    good = MESSAGE | {"message_id": "m-5", "shadow": True}
    messages = [good, MESSAGE | {"message_id": "m-6", "recipient": "+999123456"}]
    run.call("verifyBatch", "A decision, and a number that does not exist", "xinxi", body={"messages": messages})


def _statements(run: Run) -> None:
    world, digest = run.world, text_digest(TEXT)
    at = stamp(world.now)
    delivery = {"message_id": "m-2", "at": at, "status": "delivered", "text_sha256": digest}
    run.state("A delivery", "xinxi", "delivery", **delivery)
    run.state("The same delivery again: unchanged", "xinxi", "delivery", **delivery)
    run.state("A conflict", "xinxi", "delivery", **delivery | {"status": "failed"})
    dispute = {"recipient": RECIPIENT, "creditor": "mou-zichan", "debt_ref": "A-1", "claim": "paid", "received_at": at}
    disputed = run.state("A dispute", "xinxi", "dispute", **dispute)
    world.now += HOUR
    answered = debt_members(world.now, as_of=stamp(world.now), answers_dispute=disputed["statement_id"])
    run.state("A debt that answers a dispute", "mou-zichan", "debt", **answered)
    unknown = answered | {"answers_dispute": "sha256:" + "0" * 64, "as_of": stamp(world.now + timedelta(seconds=1))}
    run.state("An unknown dispute", "mou-zichan", "debt", **unknown)
    reply = {"recipient": RECIPIENT, "text": "退订", "received_at": stamp(world.now)}
    run.state("A reply that opts out", "xinxi", "reply", creditor="mou-zichan", **reply)
    run.state("A reply to an unknown message", "xinxi", "reply", message_id="m-99", **reply)
    run.state("A reply of another recipient", "xinxi", "reply", message_id="m-2", **reply | {"recipient": "+8613900139000"})
    stop = {"recipient": RECIPIENT, "received_at": stamp(world.now)}
    run.state("An opt-out", "xinxi", "opt-out", creditor="mou-zichan", **stop)
    run.state("An opt-out from an unknown creditor", "xinxi", "opt-out", creditor="nobody", **stop)
    run.state("An opt-out that is not the collector's", "other-collector", "opt-out", creditor="mou-zichan", **stop)
    revoked = {"recipient": RECIPIENT, "creditor": "mou-zichan", "revoked_at": stamp(world.now)}
    run.state("A revocation", "xinxi", "consent-revocation", **revoked)
    reassigned = {"recipient": "+8613800138001", "effective_at": stamp(world.now)}
    run.state("A reassigned number", "yunyingshang", "number-reassignment", **reassigned)
    run.state("A role that may not", "xinxi", "number-reassignment", **reassigned)
    run.state("A kind for other roles", "keji", "consent", **consent_members(world.now))
    run.state("A statement of another party", "mou-zichan", "consent", iss="other-bank", **consent_members(world.now))
    run.state("A fact with a fault", "mou-zichan", "debt", **debt_members(world.now, currency="XXX", outstanding="1"))
    _many_disputes(run, dispute)


def _many_disputes(run: Run, dispute: Json) -> None:
    """Up to the most that are kept of one recipient."""
    for number in range(200):
        members = dispute | {"recipient": "+8613700137000", "debt_ref": f"D-{number}"}
        result = run.world.state("xinxi", "dispute", **members)
        if result.problem:
            run.state("Too many disputes", "xinxi", "dispute", **members)
            return


def _evidence(run: Run) -> None:
    world = run.world
    denied = run.call("verifyMessage", "Denied: the recipient said stop", "xinxi", body=MESSAGE | {"message_id": "m-7"})
    path = {"id": denied["decision_id"]}
    run.call("getDecision", "Not logged yet", "xinxi", path=path)
    run.call("getCaseFile", "Not logged yet", "xinxi", path=path)
    world.sequenced()
    run.call("getDecision", "Logged", "xinxi", path=path)
    run.call("getDecision", "An attempt that is no number", "xinxi", path=path, query={"attempt": "first"})
    run.call("getCaseFile", "The case file", "xinxi", path=path)
    run.call("getCaseFile", "An attempt that is no number", "xinxi", path=path, query={"attempt": "first"})
    for operation_id in ("getDecision", "getCaseFile"):
        run.call(operation_id, "Somebody else's", "other-gateway", path=path)
        run.call(operation_id, "The table is unavailable", "xinxi", path=path, failing=True)
    key = table.decision(path["id"])
    kept = world.table.get([key])[key]
    world.table.mark([IndexEntry(kept._replace(inputs=b""), None)])
    run.call("getCaseFile", "A decision of an early version", "xinxi", path=path)
    world.table.mark([IndexEntry(kept, None)])
    run.call("getDiscovery", "With a log")
    run.call("getCheckpoint", "A checkpoint")
    size = world.checkpoint().size
    run.call("getTile", "A tile, here in base64", path={"path": f"0/000.p/{size}"})
    for operation_id in ("getCheckpoint", "getTile"):
        run.call(operation_id, "The log is unavailable", path={"path": "0/000"} if "Tile" in operation_id else {}, failing=True)


def _reconciliation(run: Run) -> None:
    world = run.world
    world.now += HOUR
    world.debt(debt_ref="later", as_of=stamp(world.now))
    world.sequenced()
    period = {"from": stamp(NOW - HOUR), "to": stamp(NOW + HOUR)}
    run.call("reconcileDeliveries", "A report", "xinxi", query=period)
    swapped = {"from": period["to"], "to": period["from"]}
    run.call("reconcileDeliveries", "A period that ends before it begins", "xinxi", query=swapped)
    run.call("reconcileDeliveries", "Another gateway's", "other-gateway", query=period | {"gateway": "xinxi"})
    run.call("reconcileDeliveries", "An unknown gateway", "shenji", query=period | {"gateway": "nobody"})
    run.call("reconcileDeliveries", "The table is unavailable", "xinxi", query=period, failing=True)
    run.call("reconcileDeliveries", "More than can be compared in time", "xinxi", query=period, slow=True)


def _uploads(run: Run) -> None:
    world = run.world
    good = debt_members(world.now, recipient="+8613600136000", debt_ref="L-1", as_of=stamp(world.now))
    data = as_csv([good, good | {"debt_ref": "L-2", "outstanding": "a lot"}])
    manifest = run.imports.manifest(data, 2, size=len(data))
    run.payloads["Manifest"] = jws.read(manifest).payload
    opened = run.call("announceUpload", "A portfolio", "mou-zichan", body={"manifest": manifest})
    path = {"id": opened["upload_id"]}
    run.call("getUpload", "The file is awaited", "mou-zichan", path=path)
    run.imports.put(path["id"], data)
    run.call("getUpload", "It is being imported", "mou-zichan", path=path)
    run.imports.work()
    run.call("getUpload", "Done, with a rejected row", "mou-zichan", path=path)
    run.call("getUpload", "Somebody else's", "other-bank", path=path)
    run.call("getUpload", "The table is unavailable", "mou-zichan", path=path, failing=True)
    run.call("announceUpload", "The table is unavailable", "mou-zichan", body={"manifest": manifest}, failing=True)
    run.call("announceUpload", "Only for creditors", "xinxi", body={"manifest": manifest})
    run.call("announceUpload", "A manifest with faults", "mou-zichan", body={"manifest": run.imports.manifest(data, 0)})
    run.file(data, 3, summary="Refused: another number of rows")
    _refused_files(run, data)


def _refused_files(run: Run, data: bytes) -> None:
    """One file for each problem that a file can have."""
    header, row, *_ = data.split(b"\r\n")
    run.file(data, 2, sha256="sha256:" + "0" * 64)
    run.file(b"PK\x03\x04")
    run.file(b"\xff\xfe")
    run.file(b'"recipient"x\r\n' + row)
    run.file(header + b",colour\r\n" + row + b",red\r\n")
    run.file(header + b",as_of\r\n" + row + b",x\r\n")
    run.file(b"recipient\r\n+8613800138000\r\n")
    run.file(header + b'\r\n"' + row)
    packed = gzip.compress(data, mtime=0)
    run.file(b"no gzip", format="csv+gzip")
    run.file(packed[:-4], format="csv+gzip")
    with patch.object(row_splitter, "MAX_UNPACKED_BYTES", 10):
        run.file(packed, 2, format="csv+gzip")
    twice = b"".join((row.replace(b"L-1", b"L-%d" % number) + b"\r\n") * 2 for number in range(10_001))
    run.file(header + b"\r\n" + twice, 20_002)


def _refusals(run: Run) -> None:
    """Calls that are refused as a whole, for each operation with a body; and parties that may not call."""
    world = run.world
    bodies: dict[str, tuple[str, Json]] = {
        "verifyMessage": ("xinxi", MESSAGE | {"message_id": "m-8"}),
        "verifyBatch": ("xinxi", {"messages": [MESSAGE | {"message_id": "m-9"}]}),
        "submitStatements": ("mou-zichan", {"statements": [world.jws("mou-zichan", "mandate", **mandate_members(NOW))]}),
        "announceUpload": ("mou-zichan", {"manifest": "not.a.jws"}),
    }
    for operation_id, (party, body) in bodies.items():
        run.call(operation_id, "Not JSON", party, body="{")
        run.call(operation_id, "Not application/json", party, body=body, headers={"content-type": "text/plain"})
        run.call(operation_id, "Over 1 MiB", party, body=" " * (1024 * 1024 + 1))
        run.call(operation_id, "A member that is missing", party, body={})
        run.call(operation_id, "The token has expired", party, body=body, expires=int(NOW.timestamp()) - HOUR.seconds)
    for operation_id in ("verifyMessage", "verifyBatch", "submitStatements"):
        party, body = bodies[operation_id]
        run.call(operation_id, "The table is unavailable", party, body=body, failing=True)
    run.call("verifyMessage", "A message_id that was used", "xinxi", body=MESSAGE | {"message_id": "m-2", "text": "…"})
    run.call("verifyMessage", "Only for gateways", "keji", body=MESSAGE)
    no_authorizer = {"body": MESSAGE}
    run.call("verifyMessage", "No authorizer", None, **no_authorizer)
    _suspended(run)


def _suspended(run: Run) -> None:
    world = run.world
    data = as_csv([debt_members(world.now, debt_ref="S-1")])
    before, other = run.imports.announce(data, 1), run.imports.announce(data + b"\r\n", 1)
    world.operate.suspend("mou-zichan")
    run.imports.put(before.upload_id, data)
    body = {"statements": [world.jws("mou-zichan", "debt", **debt_members(world.now))]}
    run.call("submitStatements", "A suspended party", "mou-zichan", body=body)
    run.call("getUpload", "A suspended party", "mou-zichan", path={"id": before.upload_id})
    run.call("getDecision", "A suspended party", "mou-zichan", path={"id": NO_ID})
    run.call("getCaseFile", "A suspended party", "mou-zichan", path={"id": NO_ID})
    world.operate.resume("mou-zichan")
    world.operate.revoke_key("mou-zichan", world.caller("mou-zichan").kid)
    run.call("submitStatements", "A revoked key", "mou-zichan", body=body)
    run.imports.put(other.upload_id, data + b"\r\n")


def _admin(run: Run) -> None:
    """Problems of the operator's commands, which no HTTP request has."""
    public = keys.public_jwk(KEYS["keji"])
    roles, name, _ = PARTIES["keji"]
    new = {"roles": roles, "name": name, "key": public}
    run.admin("party-add", id="keji", **new)
    run.admin("party-add", id="new-party", **new | {"key": KEYS["keji"]})
    run.admin("party-add", id="new-party", **new | {"key": {"kty": "RSA"}})
    run.admin("key-add", id="mou-zichan", key=keys.public_jwk(KEYS["mou-zichan"]))
    run.admin("key-revoke", id="keji", kid="nobody")
    run.admin("party-show", id="nobody")


# Help


_NUMBERS: Iterator[int] = count()


def _entropy(size: int) -> bytes:
    return hashlib.sha256(b"%d" % next(_NUMBERS)).digest()[:size]


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


if __name__ == "__main__":
    EXAMPLES.write_text(rendered(), encoding="utf-8")
    print(f"wrote {EXAMPLES.name}")
