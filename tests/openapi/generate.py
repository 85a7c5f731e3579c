"""The examples of the OpenAPI document, from a run of the functions in memory. `make openapi` writes examples.json, and
a test compares the two."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from unittest.mock import patch

from duecare.ports import IndexEntry
from duecare.runtime.openapi.paths import LIMITED, ROUTES
from duecare.usecases import table
from duecare.usecases.statements.debt_limit import DebtCount
from duecare.usecases.verify.stored_decision import pack, unpack
from duecare_core.domain.portfolio import row_splitter
from duecare_core.evidence.jose import jws, keys
from duecare_core.evidence.jose.proof import proven_jwk
from duecare_core.evidence.record import text_digest
from tests.openapi.run import HOUR, Json, Run
from tests.support.imports import SEED, as_csv
from tests.support.world import (
    CASE_TEXT,
    DAY,
    KEYS,
    NOW,
    PARTIES,
    RECIPIENT,
    consent_members,
    debt_members,
    mandate_members,
    route_members,
    stamp,
)

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


def examples() -> Json:
    """All of them, always the same."""
    run = Run()
    for scene in (
        _service,
        _empty_log,
        _decisions,
        _statements,
        _evidence,
        _reconciliation,
        _uploads,
        _refusals,
        _admin,
    ):
        scene(run)
    problems = dict(sorted(run.problems.items()))
    return {"operations": run.operations, "payloads": run.payloads, "problems": problems}


def rendered() -> str:
    return json.dumps(examples(), ensure_ascii=False, indent=1) + "\n"


# The scenes, in their order


def _service(run: Run) -> None:
    run.call("getDiscovery", "Nothing is logged yet")
    run.call("getReceiptKeys", "A receipt key and an acknowledgement key")
    run.call("getStatus", "It can decide")
    for operation_id in ("getReceiptKeys", "getStatus"):
        run.call(operation_id, "The table is unavailable", failing=True)


def _empty_log(run: Run) -> None:
    run.call("getCheckpoint", "Nothing is logged yet")
    run.call("getTile", "No such tile", path={"path": "0/001"})


def _decisions(run: Run) -> None:
    world = run.world.register()
    run.call("identifyCaller", "A gateway", "xinxi")
    run.call("identifyCaller", "The table is unavailable", "xinxi", failing=True)
    run.call("verifyMessage", "Denied: nothing was stated", "xinxi", body=MESSAGE)
    run.state("A mandate", "mou-zichan", "mandate", **mandate_members(world.now))
    run.state("A route", "keji", "route", **route_members(world.now))
    run.state("A consent", "mou-zichan", "consent", **consent_members(world.now))
    run.state("A debt", "mou-zichan", "debt", **debt_members(world.now))
    message = MESSAGE | {"message_id": "m-2"}
    run.call("verifyMessage", "Allowed", "xinxi", body=message)
    run.call("verifyMessage", "The same message again: replayed", "xinxi", body=message)
    bad = MESSAGE | {"message_id": "m-3", "text": f"{CASE_TEXT}再不还就联系你的父母"}
    run.call(
        "verifyMessage", "Denied for its text, in Chinese", "xinxi", body=bad, headers={"accept-language": "zh-CN"}
    )
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
    world.now += timedelta(seconds=1)
    unknown = answered | {"answers_dispute": "sha256:" + "0" * 64, "as_of": stamp(world.now)}
    run.state("An unknown dispute", "mou-zichan", "debt", **unknown)
    reply = {"recipient": RECIPIENT, "text": "退订", "received_at": stamp(world.now)}
    run.state("A reply that opts out", "xinxi", "reply", creditor="mou-zichan", **reply)
    run.state("A reply to an unknown message", "xinxi", "reply", message_id="m-99", **reply)
    others = reply | {"recipient": "+8613900139000", "message_id": "m-2"}
    run.state("A reply of another recipient", "xinxi", "reply", **others)
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
    ahead = debt_members(world.now, as_of=stamp(world.now + HOUR))
    run.state("A debt that is dated ahead", "mou-zichan", "debt", **ahead)
    with patch.object(DebtCount, "has_room", return_value=False):
        run.state("One debt too many", "mou-zichan", "debt", **debt_members(world.now, debt_ref="A-33"))


def _evidence(run: Run) -> None:
    world = run.world
    denied = run.call("verifyMessage", "Denied: the recipient said stop", "xinxi", body=MESSAGE | {"message_id": "m-7"})
    path = {"id": denied["decision_id"]}
    revoked = {"recipient": RECIPIENT, "creditor": "mou-zichan", "revoked_at": stamp(world.now - HOUR / 60)}
    stated = {
        "id": run.state("An older revocation: superseded", "xinxi", "consent-revocation", **revoked)["statement_id"]
    }
    run.call("getStatement", "Not logged yet", "xinxi", path=stated)
    run.call("getDecision", "Not logged yet", "xinxi", path=path)
    run.call("getCaseFile", "Not logged yet", "xinxi", path=path)
    world.sequenced()
    run.call("getStatement", "Logged", "xinxi", path=stated)
    run.call("getStatement", "Somebody else's", "other-gateway", path=stated)
    run.call("getStatement", "The table is unavailable", "xinxi", path=stated, failing=True)
    run.call("getDecision", "Logged", "xinxi", path=path)
    run.call("getDecision", "An attempt that is no number", "xinxi", path=path, query={"attempt": "first"})
    run.call("getCaseFile", "The case file", "xinxi", path=path)
    run.call("getCaseFile", "An attempt that is no number", "xinxi", path=path, query={"attempt": "first"})
    for operation_id in ("getDecision", "getCaseFile"):
        run.call(operation_id, "Somebody else's", "other-gateway", path=path)
        run.call(operation_id, "The table is unavailable", "xinxi", path=path, failing=True)
    key = table.decision(path["id"])
    kept = world.table.get([key])[key]
    early = unpack(kept, world.inputs_key)
    without_inputs = pack(early.record, early.envelope, b"", world.decision_seal(early.record), None)
    world.table.put([IndexEntry(without_inputs, None)])
    run.call("getCaseFile", "A decision of an early version", "xinxi", path=path)
    world.table.put([IndexEntry(kept, None)])
    run.call("getDiscovery", "With a log")
    run.call("getCheckpoint", "A checkpoint")
    size = world.checkpoint().size
    run.call("getTile", "A tile, here in base64", path={"path": f"0/000.p/{size}"})
    for operation_id in ("getCheckpoint", "getTile"):
        path = {"path": "0/000"} if operation_id == "getTile" else {}
        run.call(operation_id, "The log is unavailable", path=path, failing=True)


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
    root = run.imports.root(data, 2)
    manifest = run.imports.manifest(data, 2, size=len(data), rows_root=root)
    run.payloads["Manifest"] = jws.read(manifest).payload
    body = {"manifest": manifest, "rows_seed": SEED.hex()}
    opened = run.call("announceUpload", "A portfolio", "mou-zichan", body=body)
    other = body | {"rows_seed": "1" * 64}
    run.call("announceUpload", "The manifest is announced with another seed", "mou-zichan", body=other)
    path = {"id": opened["upload_id"]}
    run.call("getUpload", "The file is awaited", "mou-zichan", path=path)
    run.imports.put(path["id"], data)
    run.call("getUpload", "It is being imported", "mou-zichan", path=path)
    run.imports.work()
    run.call("getUpload", "Done, with a rejected row", "mou-zichan", path=path)
    run.call("getUpload", "Somebody else's", "other-bank", path=path)
    run.call("getUpload", "The table is unavailable", "mou-zichan", path=path, failing=True)
    run.call("announceUpload", "The table is unavailable", "mou-zichan", body=body, failing=True)
    run.call("announceUpload", "Only for creditors", "xinxi", body=body)
    run.call("announceUpload", "A manifest with faults", "mou-zichan", body={"manifest": run.imports.manifest(data, 0)})
    run.file(data, 3, summary="Refused: another number of rows")
    _refused_files(run, data)


def _refused_files(run: Run, data: bytes) -> None:
    """One file for each problem that a file can have."""
    header, row, *_ = data.split(b"\r\n")
    run.file(data, 2, sha256="sha256:" + "0" * 64)
    run.file(data, 2, rows_seed=SEED.hex(), rows_root="sha256:" + "0" * 64)
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
    mandate = world.jws("mou-zichan", "mandate", **mandate_members(NOW))
    bodies: dict[str, tuple[str, Json]] = {
        "verifyMessage": ("xinxi", MESSAGE | {"message_id": "m-8"}),
        "verifyBatch": ("xinxi", {"messages": [MESSAGE | {"message_id": "m-9"}]}),
        "submitStatements": ("mou-zichan", {"statements": [mandate]}),
        "announceUpload": ("mou-zichan", {"manifest": "not.a.jws"}),
    }
    for operation_id, (party, body) in bodies.items():
        run.call(operation_id, "Not JSON", party, body="{")
        run.call(operation_id, "Not application/json", party, body=body, headers={"content-type": "text/plain"})
        run.call(operation_id, "Over 1 MiB", party, body=" " * (1024 * 1024 + 1))
        run.call(operation_id, "A member that is missing", party, body={})
    for operation_id in ("verifyMessage", "verifyBatch", "submitStatements"):
        party, body = bodies[operation_id]
        run.call(operation_id, "The table is unavailable", party, body=body, failing=True)
    run.call("verifyMessage", "A message_id that was used", "xinxi", body=MESSAGE | {"message_id": "m-2", "text": "…"})
    run.call("verifyMessage", "Only for gateways", "keji", body=MESSAGE)
    run.call("verifyBatch", "Only for gateways", "keji", body={"messages": [MESSAGE]})
    run.call("verifyMessage", "No authorizer", None, body=MESSAGE)
    _tokens(run, bodies)
    _limited(run, bodies)
    _suspended(run)


def _tokens(run: Run, bodies: dict[str, tuple[str, Json]]) -> None:
    """Well-signed tokens with other claims, for each operation that needs a token."""
    world = run.world
    wrong: dict[str, Json] = {
        "The token has expired": {"expires_at": world.now - HOUR},
        "The token begins in the future": {"begins_at": world.now + HOUR},
        "The token is for another service": {"audience_fits": False},
        "The token lives too long": {"lifetime_fits": False},
    }
    for route in ROUTES.values():
        if route.public:
            continue
        party, body = bodies.get(route.operation_id, ("xinxi", None))
        path = {"id": NO_ID} if "_id" in "".join(route.parameters) else {}
        for summary, token in wrong.items():
            run.call(route.operation_id, summary, party, body=body, path=path, token=token)


def _limited(run: Run, bodies: dict[str, tuple[str, Json]]) -> None:
    for operation_id in LIMITED:
        party, body = bodies[operation_id]
        run.call(operation_id, "More than the party's limit", party, body=body, limited=True)


def _suspended(run: Run) -> None:
    world = run.world
    data = as_csv([debt_members(world.now, debt_ref="S-1")])
    before, other = run.imports.announce(data, 1), run.imports.announce(data + b"\r\n", 1)
    world.operate.suspend("mou-zichan")
    run.imports.put(before.upload_id, data)
    body = {"statements": [world.jws("mou-zichan", "debt", **debt_members(world.now))]}
    run.call("submitStatements", "A suspended party", "mou-zichan", body=body)
    run.call("identifyCaller", "A suspended party", "mou-zichan")
    run.call("getUpload", "A suspended party", "mou-zichan", path={"id": before.upload_id})
    run.call("getDecision", "A suspended party", "mou-zichan", path={"id": NO_ID})
    run.call("getCaseFile", "A suspended party", "mou-zichan", path={"id": NO_ID})
    run.call("getStatement", "A suspended party", "mou-zichan", path={"id": "sha256:" + "0" * 64})
    world.operate.resume("mou-zichan")
    world.operate.revoke_key("mou-zichan", world.caller("mou-zichan").kid)
    run.call("submitStatements", "A revoked key", "mou-zichan", body=body)
    run.call("identifyCaller", "A revoked key", "mou-zichan")
    run.imports.put(other.upload_id, data + b"\r\n")


def _admin(run: Run) -> None:
    """Problems of the operator's commands, which no HTTP request has."""
    public = proven_jwk(KEYS["keji"], run.world.now)
    roles, name, _ = PARTIES["keji"]
    new = {"roles": roles, "name": name, "key": public}
    run.admin("party-add", id="keji", **new)
    run.admin("party-add", id="new-party", **new | {"key": KEYS["keji"]})
    run.admin("party-add", id="new-party", **new | {"key": {"kty": "RSA"}})
    run.admin("party-add", id="new-party", **new | {"key": keys.public_jwk(KEYS["keji"])})
    run.admin("party-add", id="new-party", **new | {"roles": ["gateway", "creditor"]})
    run.admin("key-add", id="mou-zichan", key=proven_jwk(KEYS["mou-zichan"], run.world.now))
    run.admin("key-add", id="mou-zichan", key=public)
    run.admin("key-revoke", id="keji", kid="nobody")
    run.admin("party-show", id="nobody")
    since = run.world.now.isoformat()
    run.world.backups.found = ["the table has backups that never expire: monthly"]
    run.admin("erase", recipient=RECIPIENT)
    run.void("void-undo", party="keji", since=since)
    void = run.void("void", party="keji", since=since)
    run.admin("party-resume", id="keji")
    run.void("void-step", party="keji", id=void["id"])
