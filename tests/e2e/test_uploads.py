"""A creditor's morning, end to end: files announced, put and imported over HTTP against the deployed template."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from tests.e2e.conftest import Caller, at, recipient
from tests.support.engines import Stack
from tests.support.world import NOTICE
from tools.portfolio import Plan, write
from tools.steps import wait_for

Register = Callable[..., Caller]
Json = dict[str, Any]
# What a machine with two busy cores needs, several times over.
PATIENCE = 300.0


@pytest.fixture
def creditor(register: Register) -> Caller:
    return register("mou-zichan", "creditor", name="某资产", sender_names=("某资产",))


def manifest(creditor: Caller, data: bytes, rows: int, **more: Any) -> str:
    claims: Json = {"kind": "debt", "format": "csv", "charset": "utf-8", "rows": rows, "size": len(data)}
    return creditor.statement("upload", **claims | {"sha256": f"sha256:{hashlib.sha256(data).hexdigest()}"} | more)


def announced(creditor: Caller, token: str) -> Json:
    answer = creditor.post("/v1/uploads", {"manifest": token})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def put(opened: Json, data: bytes) -> httpx.Response:
    """The PUT, with the headers that the answer says and no others of ours."""
    return httpx.put(opened["url"], content=data, headers=opened["headers"], timeout=60)


def ended(creditor: Caller, upload_id: str) -> Json:
    """What became of it, once it has; the counts only ever grow, and never beyond the rows."""
    counts, told = [0], {}

    def over() -> bool:
        nonlocal told
        answer = creditor.get(f"/v1/uploads/{upload_id}")
        assert answer.status_code == 200, answer.text
        told = answer.json()
        counts.append(told["accepted"] + told["unchanged"] + told["rejected"])
        assert counts[-2] <= counts[-1] <= told["rows"]
        return told["state"] in ("done", "refused")

    assert wait_for(over, PATIENCE, every=0.25), f"not imported within {PATIENCE} s: {told}"
    return told


def imported(creditor: Caller, data: bytes, rows: int, **more: Any) -> Json:
    opened = announced(creditor, manifest(creditor, data, rows, **more))
    assert put(opened, data).status_code == 200
    return ended(creditor, opened["upload_id"])


def counts(told: Json) -> tuple[str, int, int, int]:
    return (told["state"], told["accepted"], told["unchanged"], told["rejected"])


def debts(*rows: Json) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def debt(number: str, **changes: str) -> Json:
    return {"recipient": number, "debt_ref": "2023-0417", "currency": "CNY", "outstanding": "27911.00",
            "as_of": at(minutes=-1), "status": "open"} | changes  # fmt: skip


def test_fifty_thousand_rows_come_out_exactly_as_the_generator_says(
    stack: Stack, creditor: Caller, tmp_path: Path
) -> None:
    file = tmp_path / "portfolio.csv"
    as_of = datetime.now(UTC).replace(microsecond=0)
    expected = write(Plan(50_000, 7, 0.01, "debt", "csv", "utf-8", as_of), file)
    data = file.read_bytes()
    told = imported(creditor, data, expected["rows"])
    assert counts(told) == ("done", expected["good"], 0, len(expected["bad"])), told
    rejects = httpx.get(told["rejects_url"]).text
    rows = list(csv.DictReader(io.StringIO(rejects, newline="")))
    named = [{"row": int(row["row"]), "column": row["column"], "code": row["code"]} for row in rows]
    assert named == expected["bad"]
    assert all(row["message"] for row in rows)
    # The file is gone from where it was put, and so is whatever was made of it but the rejects.
    listed = stack.aws("s3").list_objects_v2(Bucket=stack.outputs["Bucket"])["Contents"]
    left = [found["Key"] for found in listed if told["upload_id"] in found["Key"]]
    assert left == [f"rejects/{told['upload_id']}.csv"]


def test_a_message_about_a_row_imported_a_moment_ago_is_allowed(register: Register, creditor: Caller) -> None:
    gateway, collector = register("xinxi", "gateway"), register("keji", "collector")
    mandate = {"collector": collector.party, "channels": ["sms"], "status": "active", "as_of": at(minutes=-1)}
    creditor.state("mandate", valid_from=at(days=-1), valid_until=at(days=30), **mandate)
    route = {"gateway": gateway.party, "channels": ["sms"], "status": "active", "as_of": at(minutes=-1)}
    collector.state("route", valid_from=at(days=-1), valid_until=at(days=30), **route)
    number = recipient()
    message = {"message_id": f"m-{number}", "recipient": number, "creditor": creditor.party, "channel": "sms",
               "collector": collector.party, "text": "【某资产】您目前欠款27911元,请按约还款。退订回T"}  # fmt: skip
    consent = {"recipient": number, "channels": ["sms"], "granted_at": at(days=-9), "method": "contract",
               "notice": NOTICE}  # fmt: skip
    packed = gzip.compress(json.dumps(consent).encode() + b"\n")
    assert counts(imported(creditor, packed, 1, kind="consent", format="jsonl+gzip")) == ("done", 1, 0, 0)

    data = debts(debt(number, collectors=collector.party, original_creditor="某银行"))
    token = manifest(creditor, data, 1)
    opened = announced(creditor, token)
    assert put(opened, data).status_code == 200
    assert counts(ended(creditor, opened["upload_id"])) == ("done", 1, 0, 0)
    answer = gateway.post("/v1/verify", message).json()
    assert (answer["decision"], answer["reasons"]) == ("allow", [])
    # The decision rests on that row of what the creditor signed.
    relied_on = jwt.decode(answer["receipt"], options={"verify_signature": False})["relied_on"]
    assert f"sha256:{hashlib.sha256(token.encode()).hexdigest()}#1" in relied_on
    # The same file again, newly signed, changes nothing.
    again = imported(creditor, data, 1, iat=int(time.time()) - 30)  # in the same second it would be the same manifest
    assert counts(again) == ("done", 0, 1, 0)


def test_a_file_that_arrives_twice_counts_once(creditor: Caller) -> None:
    data = debts(*(debt(recipient(), debt_ref=f"L-{number}") for number in range(4_000)))
    opened = announced(creditor, manifest(creditor, data, 4_000))
    # Two objects of the same name one after the other: two events, each of which starts the function.
    assert [put(opened, data).status_code for _ in range(2)] == [200, 200]
    assert counts(ended(creditor, opened["upload_id"])) == ("done", 4_000, 0, 0)


def test_a_snapshot_withdraws_the_debts_it_leaves_out(register: Register, creditor: Caller) -> None:
    rows = [debt(recipient(), as_of=at(hours=-1)) for _ in range(6)]
    assert counts(imported(creditor, debts(*rows), 6)) == ("done", 6, 0, 0)
    told = imported(creditor, debts(*rows[:5]), 5, snapshot=True, as_of=at(minutes=-1))
    assert (counts(told), told["withdrawn"]) == (("done", 0, 5, 0), 1)
    message = {"message_id": rows[5]["recipient"], "recipient": rows[5]["recipient"], "creditor": creditor.party,
               "channel": "sms", "text": "【某资产】您目前欠款27911元。退订回T"}  # fmt: skip
    gateway = register("xinxi", "gateway")
    route = {"gateway": gateway.party, "channels": ["sms"], "status": "active", "as_of": at(minutes=-1)}
    creditor.state("route", valid_from=at(days=-1), valid_until=at(days=30), **route)
    answer = gateway.post("/v1/verify", message).json()
    assert [reason["code"] for reason in answer["reasons"]] == ["CONSENT_MISSING", "DEBT_WITHDRAWN"]


def test_another_file_than_the_announced_does_not_get_in(creditor: Caller) -> None:
    data = debts(debt(recipient()))
    opened = announced(creditor, manifest(creditor, data, 1))
    assert put(opened, data.replace(b"27911", b"37911")).status_code == 400
    assert creditor.get(f"/v1/uploads/{opened['upload_id']}").json()["state"] == "awaiting_file"
    assert put(opened, data).status_code == 200
    assert counts(ended(creditor, opened["upload_id"])) == ("done", 1, 0, 0)


def test_a_file_of_another_row_count_is_refused_with_the_reason(creditor: Caller) -> None:
    told = imported(creditor, debts(debt(recipient())), 2)
    assert (told["state"], told["problem"]["type"]) == ("refused", "urn:duecare:problem:wrong-row-count")


def test_nobody_else_sees_an_upload(register: Register, creditor: Caller) -> None:
    data = debts(debt(recipient()))
    token = manifest(creditor, data, 1)
    path = f"/v1/uploads/{announced(creditor, token)['upload_id']}"
    other = register("other", "creditor")
    assert (creditor.get(path).status_code, other.get(path).status_code) == (200, 404)
    assert httpx.get(f"{creditor.http.base_url}{path}").status_code == 401
    assert other.post("/v1/uploads", {"manifest": token}).status_code == 422
    assert register("xinxi", "gateway").post("/v1/uploads", {"manifest": token}).status_code == 403
