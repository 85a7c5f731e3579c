"""The way of an uploaded file: the three functions on S3, SQS and events as AWS sends them."""

from __future__ import annotations

import csv
import io
import json
import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from duecare_core.evidence.statement import statement_id
from tests.functional.conftest import RECIPIENT, Stack, leaks
from tests.functional.files import ANNOUNCED, Json, announce, failures, imported, look, manifest, messages, objects, put
from tests.support import events, tables
from tests.support.events import PORTFOLIO
from tests.support.imports import as_csv, recipient
from tests.support.world import DAY, debt_members, stamp

# The way of a file


def test_a_file_is_announced_put_checked_and_imported(stack: Stack) -> None:
    stack.register()
    opened = stack.send("upload-announce")
    assert (opened.status, opened.body["upload_id"], opened.body["state"]) == (200, ANNOUNCED, "awaiting_file")
    put(opened.body)
    assert stack.invoke("ingest", events.load("ingest-object-created")) is None
    assert stack.send("upload-look").body["state"] == "importing"
    assert messages(stack) == [{"upload": ANNOUNCED, "part": 0}]
    assert stack.invoke("import_part", events.load("import_part-part")) == {"batchItemFailures": []}
    told = stack.send("upload-look").body
    assert {name: told[name] for name in ("state", "rows", "accepted", "unchanged", "rejected")} == {
        "state": "done",
        "rows": 2,
        "accepted": 1,
        "unchanged": 0,
        "rejected": 1,
    }
    rejects = httpx.get(told["rejects_url"])
    assert list(csv.reader(io.StringIO(rejects.text, newline=""))) == [
        ["row", "column", "code", "message"],
        ["2", "outstanding", "wrong-type-or-form", "a decimal amount without sign, separators and currency, of at most"
         " 4 decimal places, is expected"],
    ]  # fmt: skip
    assert not leaks(rejects.text)
    assert objects(stack) == [f"rejects/{ANNOUNCED}.csv"]


def test_a_row_counts_as_a_statement_does_and_its_statement_is_the_manifest(stack: Stack) -> None:
    stack.honest()
    assert stack.verify(text="【某资产】您目前欠款500元,请按约还款。退订回T").reasons == ["TEXT_AMOUNT"]
    debt = debt_members(stack.now, as_of=stamp(stack.now), outstanding="500", recipient=RECIPIENT)
    data = as_csv([debt])
    told = imported(stack, data, 1)
    assert (told["accepted"], told["rejected"]) == (1, 0)
    [item] = [item for item in stack.items() if item["sk"]["S"].startswith("D#")]
    token = manifest(stack, data, 1)
    assert json.loads(item["body"]["S"])["newest"]["statement"] == f"{statement_id(token)}#1"


def test_the_same_event_and_the_same_message_again_change_nothing(stack: Stack) -> None:
    stack.register()
    put(stack.send("upload-announce").body)
    for _ in range(2):
        stack.invoke("ingest", events.load("ingest-object-created"))
    assert len(messages(stack)) == 2
    for _ in range(2):
        assert stack.invoke("import_part", events.load("import_part-part")) == {"batchItemFailures": []}
    stack.invoke("ingest", events.load("ingest-object-created"))
    told = stack.send("upload-look").body
    assert (told["state"], told["accepted"], told["rejected"]) == ("done", 1, 1)
    assert messages(stack) == []


def test_a_file_that_is_wrong_as_a_whole_is_refused_with_its_problem(stack: Stack) -> None:
    stack.register()
    opened = announce(stack, manifest(stack, rows=3)).body
    put(opened)
    stack.invoke("ingest", events.object_created(f"uploads/{opened['upload_id']}"))
    told = look(stack, opened["upload_id"]).body
    assert (told["state"], told["accepted"], told["rejected"]) == ("refused", 0, 0)
    assert (told["problem"]["type"], told["problem"]["status"]) == ("urn:duecare:problem:wrong-row-count", 422)
    assert (messages(stack), objects(stack)) == ([], [])


def test_a_snapshot_that_would_withdraw_too_many_debts_reports_how_many(stack: Stack) -> None:
    stack.register()
    rows = [debt_members(stack.now, recipient=recipient(n), debt_ref=f"L-{n}") for n in range(10)]
    imported(stack, as_csv(rows), 10)
    snapshot = {"snapshot": True, "as_of": stamp(stack.now)}
    told = imported(stack, as_csv(rows[:6]), 6, **snapshot)
    assert (told["state"], told["withdrawn"], told["withdrawals_to_confirm"]) == ("done", 0, 4)
    told = imported(stack, as_csv(rows[:6]), 6, **snapshot, confirm_withdrawals=4)
    assert told["withdrawn"] == 4
    assert "withdrawals_to_confirm" not in told


# What the presigned URL restricts


def signature(opened: Json, method: str, headers: dict[str, str]) -> str:
    """The signature that S3 computes for such a request to that URL, and compares with the one in it."""
    url = re.sub(r"&X-Amz-Signature=\w+", "", opened["url"])
    request = AWSRequest(method, url, {name: headers[name] for name in sorted(headers)})
    request.context["timestamp"] = parse_qs(urlsplit(url).query)["X-Amz-Date"][0]
    signer = S3SigV4QueryAuth(Credentials(tables.ACCESS_KEY, tables.SECRET_KEY), "s3", tables.REGION)
    return str(signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request))


def test_the_url_takes_one_file_by_one_method_for_one_hour(stack: Stack) -> None:
    stack.register()
    opened = stack.send("upload-announce").body
    query = {name: values[0] for name, values in parse_qs(urlsplit(opened["url"]).query).items()}
    assert query["X-Amz-SignedHeaders"] == "content-length;content-type;host;x-amz-checksum-sha256"
    assert query["X-Amz-Expires"] == "3600"
    assert opened["headers"]["content-length"] == str(len(PORTFOLIO))
    signed = query["X-Amz-Signature"]
    assert signature(opened, "PUT", opened["headers"]) == signed
    assert signature(opened, "GET", opened["headers"]) != signed
    other = "A" * 43 + "="
    for name, value in (("content-type", "text/csv"), ("content-length", "5"), ("x-amz-checksum-sha256", other)):
        assert signature(opened, "PUT", opened["headers"] | {name: value}) != signed, name
    elsewhere = {**opened, "url": opened["url"].replace(ANNOUNCED, "a" * 26)}
    assert signature(elsewhere, "PUT", opened["headers"]) != signed


def test_without_a_size_in_the_manifest_its_digest_still_binds(stack: Stack) -> None:
    stack.register()
    opened = announce(stack, manifest(stack, size=None)).body
    signed = parse_qs(urlsplit(opened["url"]).query)["X-Amz-SignedHeaders"]
    assert signed == ["content-type;host;x-amz-checksum-sha256"]


def test_the_same_manifest_again_is_the_same_upload_with_a_fresh_url(stack: Stack) -> None:
    stack.register()
    first, second = stack.send("upload-announce").body, stack.send("upload-announce").body
    assert first["upload_id"] == second["upload_id"]
    put(second)
    stack.invoke("ingest", events.load("ingest-object-created"))
    assert stack.send("upload-announce").body["state"] == "importing"


# Events and messages that cannot be served


@pytest.mark.parametrize(
    "name", ["uploads/" + "a" * 26, "uploads/a b+c/余", "parts/x/00000", "rejects/x.csv", "uploads/"]
)
def test_an_object_that_was_not_announced_is_ignored(stack: Stack, name: str) -> None:
    assert stack.invoke("ingest", events.object_created(name)) is None
    assert messages(stack) == []


def test_an_object_is_found_however_its_name_is_encoded(stack: Stack) -> None:
    stack.register()
    put(stack.send("upload-announce").body)
    event = events.load("ingest-object-created")
    event["Records"][0]["s3"]["object"]["key"] = f"uploads%2F{ANNOUNCED}"
    stack.invoke("ingest", event)
    assert stack.send("upload-look").body["state"] == "importing"


def test_a_check_that_fails_raises_so_that_the_event_is_retried(stack: Stack) -> None:
    stack.register()
    opened = stack.send("upload-announce").body
    with pytest.raises(Exception, match="no such object"):
        stack.invoke("ingest", events.load("ingest-object-created"))
    assert stack.send("upload-look").body["state"] == "awaiting_file"
    put(opened)
    stack.invoke("ingest", events.load("ingest-object-created"))
    assert stack.send("upload-look").body["state"] == "importing"


def test_only_the_failed_parts_of_a_batch_are_retried_with_growing_pauses(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.register()
    put(stack.send("upload-announce").body)
    stack.invoke("ingest", events.load("ingest-object-created"))
    asked: list[tuple[str, int]] = []
    monkeypatch.setattr(stack.service("import_part").queue, "again", lambda *again: asked.append(again))
    batch = ("no json", {"upload": ANNOUNCED}, {"upload": ANNOUNCED, "part": 0}, {"upload": "a" * 26, "part": 7})
    assert failures(stack.invoke("import_part", events.parts(*batch))) == ["0", "1"]
    assert asked == [("receipt-0", 30), ("receipt-1", 30)]
    assert stack.send("upload-look").body["state"] == "done"
    asked.clear()
    for received in (2, 3, 4, 40):
        stack.invoke("import_part", events.parts("no json", received=received))
    assert [pause for _, pause in asked] == [120, 480, 1800, 1800]


def test_a_part_that_cannot_be_read_is_retried_even_if_the_queue_is_unavailable(stack: Stack) -> None:
    stack.register()
    put(stack.send("upload-announce").body)
    stack.invoke("ingest", events.load("ingest-object-created"))
    s3 = tables.client("s3", stack.endpoint)
    (part,) = s3.list_objects_v2(Bucket=stack.bucket, Prefix=f"parts/{ANNOUNCED}/")["Contents"]
    s3.delete_object(Bucket=stack.bucket, Key=part["Key"])
    assert failures(stack.invoke("import_part", events.load("import_part-part"))) == ["0"]
    assert stack.send("upload-look").body["accepted"] == 0


def test_a_creditors_old_rows_change_nothing(stack: Stack) -> None:
    stack.honest()
    old = debt_members(stack.now, as_of=stamp(stack.now - 9 * DAY), outstanding="1", recipient=RECIPIENT)
    told = imported(stack, as_csv([old]), 1)
    assert (told["accepted"], told["unchanged"]) == (0, 1)
