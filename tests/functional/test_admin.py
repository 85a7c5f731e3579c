"""operate: what the operator does with IAM rights. No route leads there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from duecare_core.errors import StoreFailed
from duecare_core.evidence.jose.keys import public_jwk, thumbprint
from duecare_core.evidence.jose.proof import proven_jwk
from tests.functional.conftest import RECIPIENT, Stack
from tests.functional.keys import p256
from tests.support import events, tables

ADD: dict[str, Any] = events.load("admin-add-mou-zichan")


def problem(response: dict[str, Any]) -> tuple[int, str]:
    assert response["status"] == response["problem"]["status"]
    return response["status"], response["problem"]["type"].removeprefix("urn:duecare:problem:")


def test_a_party_is_shown_as_it_was_registered(stack: Stack) -> None:
    added = stack.operate(**ADD, shadow=True)
    shown = stack.operate("party-show", id="mou-zichan")
    assert shown == added
    party = shown["result"]
    assert (party["id"], party["name"], list(party["sender_names"])) == ("mou-zichan", "某资产", ["某资产"])
    assert (list(party["roles"]), party["shadow"]) == (["creditor"], True)
    (key,) = party["keys"]
    assert key["kid"] == thumbprint(events.key("mou-zichan"))
    assert key["jwk"] == public_jwk(events.key("mou-zichan"))


def test_the_same_id_again_is_a_conflict_and_changes_nothing(stack: Stack) -> None:
    stack.operate(**ADD)
    before = stack.items()
    assert problem(stack.operate(**ADD | {"name": "Another"})) == (409, "party-exists")
    assert stack.items() == before


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"id": "*"}, "/id"),
        ({"id": "a"}, "/id"),
        ({"id": "Mou"}, "/id"),
        ({"id": "a" * 64}, "/id"),
        ({"id": None}, "/id"),
        ({"roles": []}, "/roles"),
        ({"roles": ["operator"]}, "/roles/0"),
        ({"name": ""}, "/name"),
        ({"name": "a\nb"}, "/name"),
        ({"sender_names": ["x"] * 21}, "/sender_names"),
        ({"key": "x"}, "/key"),
        ({"key": {}}, "/key"),
        ({"key": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}}, "/key"),
        ({"key": {"kty": "oct", "k": "AAAA"}}, "/key"),
        ({"key": {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}}, "/key"),
        ({"key": {"kty": "OKP", "crv": "X25519", "x": "A" * 43}}, "/key"),
        ({"key": {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}}, "/key"),
        ({"key": {"kty": ["OKP"], "crv": "Ed25519", "x": "A" * 43}}, "/key"),
        ({"shadow": "yes"}, "/shadow"),
        ({"state": "active"}, "/state"),
    ],
    ids=str,
)
def test_a_party_that_is_not_as_it_should_be_is_not_registered(
    stack: Stack, changes: dict[str, Any], pointer: str
) -> None:
    response = stack.operate(**ADD | changes)
    assert response["status"] == 422
    assert [error["pointer"] for error in response["problem"]["errors"]] == [pointer]
    assert stack.items() == []


def test_a_private_key_is_refused_and_not_repeated(stack: Stack) -> None:
    response = stack.operate(**ADD | {"key": events.key("mou-zichan")})
    assert problem(response) == (422, "private-key")
    assert events.key("mou-zichan")["d"] not in str(response) + stack.said.getvalue()
    assert stack.items() == []


@pytest.mark.parametrize("do", ["party-show", "party-suspend", "party-resume"])
def test_an_unknown_party_is_a_404(stack: Stack, do: str) -> None:
    assert problem(stack.operate(do, id="nobody")) == (404, "unknown-party")


@pytest.mark.parametrize("event", [{}, {"do": "party-forget"}, {"do": 1}, {"do": None}, {"version": "2.0"}], ids=str)
def test_an_unknown_verb_is_a_422(stack: Stack, event: dict[str, Any]) -> None:
    response = stack.invoke("admin", event)
    assert response["status"] == 422


def test_suspending_twice_and_resuming_twice_answer_the_same(stack: Stack) -> None:
    stack.operate(**ADD)
    once = stack.operate("party-suspend", id="mou-zichan")
    before = stack.items()
    assert stack.operate("party-suspend", id="mou-zichan") == once
    assert once["result"]["state"] == "suspended"
    assert stack.items() == before
    assert stack.operate("party-resume", id="mou-zichan")["result"].get("state", "active") == "active"


def test_keys_are_added_revoked_and_stay_revoked(stack: Stack) -> None:
    stack.operate(**ADD)
    key = proven_jwk(p256(), stack.now)
    kid = thumbprint(key)
    added = stack.operate("key-add", id="mou-zichan", key=key)
    assert stack.operate("key-add", id="mou-zichan", key=key) == added
    assert len(added["result"]["keys"]) == 2
    revoked = stack.operate("key-revoke", id="mou-zichan", kid=kid)
    assert stack.operate("key-revoke", id="mou-zichan", kid=kid) == revoked
    assert [key.get("revoked_at") is not None for key in revoked["result"]["keys"]] == [False, True]
    assert problem(stack.operate("key-add", id="mou-zichan", key=key)) == (409, "key-revoked")
    assert problem(stack.operate("key-revoke", id="mou-zichan", kid="nobody")) == (404, "unknown-key")


@pytest.mark.parametrize("whom", [{"creditor": "xinxi"}, {"gateway": "mou-zichan"}, {"creditor": "nobody"}], ids=str)
def test_a_halt_of_a_party_without_that_role_is_a_404(stack: Stack, whom: dict[str, str]) -> None:
    stack.register("mou-zichan", "xinxi")
    assert problem(stack.operate("halt", on=True, **whom)) == (404, "unknown-party")


def test_a_halt_of_both_at_once_is_a_422(stack: Stack) -> None:
    stack.register("mou-zichan", "xinxi")
    assert stack.operate("halt", on=True, creditor="mou-zichan", gateway="xinxi")["status"] == 422


def test_a_halt_that_does_not_say_on_or_off_is_a_422(stack: Stack) -> None:
    assert stack.operate("halt")["status"] == 422
    assert stack.items() == []


def test_copies_under_legal_retention_are_kept_and_the_date_is_reported(stack: Stack) -> None:
    stack.honest()
    stack.verify()
    stack.invoke("sequence", events.load("sequence-clock"))
    result = stack.operate("erase", recipient=RECIPIENT)["result"]
    assert (result["erased"], result["records"]) == (0, ())
    assert result["kept"] == 3  # the decision, the consent, the debt
    kept_until = datetime.fromisoformat(result["kept_until"])
    assert kept_until - datetime.now(UTC) > timedelta(days=150)


@pytest.mark.parametrize("number", ["13812345678", "+86", "", "*"])
def test_a_recipient_that_is_no_number_is_a_422_that_does_not_repeat_it(stack: Stack, number: str) -> None:
    response = stack.operate("erase", recipient=number)
    assert response["status"] == 422
    assert not number or number not in str(response["problem"].get("errors"))


def test_old_copies_are_erased_and_the_erasure_is_logged(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.honest()
    stack.verify()
    stack.invoke("sequence", events.load("sequence-clock"))
    monkeypatch.setattr("duecare_core.domain.rules.retention.shortest_retention", lambda pack: timedelta(0))
    result = stack.operate("erase", recipient=RECIPIENT)["result"]
    assert (result["erased"], result["kept"], result["kept_until"]) == (3, 0, None)
    (record,) = [item for item in stack.items() if item["pk"]["S"].startswith("Z#")]
    assert record["pk"]["S"] == f"Z#{result['records'][0]}"
    assert RECIPIENT[1:] not in record["body"]["S"]
    assert stack.operate("erase", recipient=RECIPIENT)["result"]["erased"] == 0


@pytest.fixture
def aged(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A decision and its statements, logged, that may be erased."""
    stack.honest()
    stack.verify()
    stack.invoke("sequence", events.load("sequence-clock"))
    monkeypatch.setattr("duecare_core.domain.rules.retention.shortest_retention", lambda pack: timedelta(0))
    return stack


def sealed(stack: Stack, *prefixes: str) -> list[str]:
    """The items under these prefixes that still have an encrypted part."""
    return [item["pk"]["S"] for item in stack.items() if item["pk"]["S"].startswith(prefixes) and "sealed" in item]


def test_an_erasure_reaches_the_table(aged: Stack) -> None:
    assert len(sealed(aged, "X#")) == 1
    others = len(sealed(aged, "S#")) - 2  # of the mandate and the routes
    assert aged.operate("erase", recipient=RECIPIENT)["result"]["documents"] == 5
    assert sealed(aged, "X#") == []
    assert len(sealed(aged, "S#")) == others
    facts = {item["sk"]["S"][0]: item["body"]["S"] for item in aged.items() if item["pk"]["S"].startswith("R#")}
    assert facts == {"C": "null", "D": "null", "F": "{}"}  # a cap still counts the contact
    again = aged.verify()
    assert again.body["decision"] == "deny"
    assert {"CONSENT_MISSING", "DEBT_MISSING"} <= set(again.reasons)


def test_it_says_how_long_point_in_time_backups_hold_what_was_erased(aged: Stack) -> None:
    assert aged.operate("erase", recipient=RECIPIENT)["result"]["backups_until"] is None
    dynamodb = tables.client("dynamodb", aged.endpoint)
    dynamodb.update_continuous_backups(
        TableName=aged.table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    until = datetime.fromisoformat(str(aged.operate("erase", recipient=RECIPIENT)["result"]["backups_until"]))
    assert timedelta(days=34) < until - datetime.now(UTC) <= timedelta(days=35)


def test_an_erasure_that_a_backup_would_outlast_is_refused(aged: Stack) -> None:
    before = sealed(aged, "X#", "S#")
    tables.client("dynamodb", aged.endpoint).create_backup(TableName=aged.table, BackupName="monthly")
    response = aged.operate("erase", recipient=RECIPIENT)
    assert problem(response) == (409, "erasure-would-not-hold")
    assert "monthly" in response["problem"]["detail"]
    assert sealed(aged, "X#", "S#") == before


def test_an_erasure_is_refused_where_copies_cannot_be_deleted(aged: Stack) -> None:
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 200}}
    strict = tables.bucket(aged.endpoint, locks=True)
    tables.client("s3", aged.endpoint).put_object_lock_configuration(
        Bucket=strict, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    aged.restart(DUECARE_ARCHIVE_BUCKET=strict)
    response = aged.operate("erase", recipient=RECIPIENT)
    assert problem(response) == (409, "erasure-would-not-hold")
    assert "COMPLIANCE" in response["problem"]["detail"]


def test_an_erasure_is_refused_where_copies_are_replicated(aged: Stack) -> None:
    s3 = tables.client("s3", aged.endpoint)
    other = tables.bucket(aged.endpoint)
    for bucket in (other, aged.archive_bucket):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    rule = {
        "ID": "all",
        "Status": "Enabled",
        "Priority": 1,
        "Filter": {"Prefix": ""},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{other}"},
    }
    role = "arn:aws:iam::123456789012:role/replication"
    s3.put_bucket_replication(Bucket=aged.archive_bucket, ReplicationConfiguration={"Role": role, "Rules": [rule]})
    response = aged.operate("erase", recipient=RECIPIENT)
    assert problem(response) == (409, "erasure-would-not-hold")
    assert other in response["problem"]["detail"]


def test_nothing_is_erased_while_the_backups_cannot_be_read(aged: Stack) -> None:
    aged.restart(AWS_ENDPOINT_URL_S3="http://127.0.0.1:9")
    with pytest.raises(StoreFailed):
        aged.operate("erase", recipient=RECIPIENT)
    assert len(sealed(aged, "X#")) == 1
