"""`Client.reconciliation` and `duecare reconcile`: only what the service signed about what was asked is believed."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
import rfc8785

from duecare_client import BadAnswer, BadReceipt, CannotDecide, Client
from duecare_client.cli.reconcile import _COUNT_WORDS, _FINDING_WORDS
from duecare_client.errors import Unreadable
from duecare_core.domain.reconciliation import COUNTS, FINDINGS
from tests.client.conftest import ISSUER, NOW, Key

START, END = datetime(2023, 11, 1, tzinfo=UTC), datetime(2023, 11, 14, 22, tzinfo=UTC)
ARGS = ("reconcile", "--from", "2023-11-01", "--to", "2023-11-14T22:00:00Z", "--profile", "local")
FOUND = {
    "message_id": "m-1",
    "delivered_at": "2023-11-02T00:00:00Z",
    "statement_id": "sha256:00",
    "decision_id": "d-1",
    "decision": "deny",
    "decided_at": "2023-11-01T23:59:59Z",
    "valid_until": "2023-11-02T00:01:59Z",
}


def result(**changes: Any) -> dict[str, Any]:
    """A result in order, but for these members; `counts` are added to."""
    counts = dict.fromkeys((*COUNTS, *FINDINGS), 0) | {"deliveries": 1234, "matched": 1234} | changes.pop("counts", {})
    return {
        "gateway": "some-gateway",
        "from": "2023-11-01T00:00:00Z",
        "to": "2023-11-14T22:00:00Z",
        "complete_until": "2023-11-14T22:10:00Z",
        "decisions_since": "2023-10-31T00:00:00Z",
        "final": True,
        "ok": True,
        "truncated": False,
        "log_size": 9,
        "counts": counts,
        **{name: [] for name in FINDINGS},
        **changes,
    }


def signed(service: Any, answer: dict[str, Any], *, typ: str = "reconciliation+jws", **claims: Any) -> dict[str, Any]:
    """The answer with its signature, made without the code under test."""
    said = {
        name: answer[name]
        for name in ("gateway", "from", "to", "complete_until", "final", "ok", "counts")
        if name in answer
    }
    digest = "sha256:" + hashlib.sha256(rfc8785.dumps(answer)).hexdigest()
    payload = {"iss": ISSUER, "iat": NOW, **said, "result_sha256": digest, **claims}
    key = service.receipt_key
    token = jwt.encode(payload, key.private, algorithm="EdDSA", headers={"typ": typ, "kid": key.kid})
    return {**answer, "signed": token}


def answers(service: Any, answer: Any) -> None:
    service.instead("/v1/reconciliation", lambda _: httpx.Response(200, json=answer))


def client(service: Any, party: str = "some-gateway") -> Client:
    return Client("https://duecare.test", party, service.party.jwk, transport=service.network, clock=lambda: NOW)


def test_a_signed_result_about_the_requested_period_is_returned_unchanged(service: Any) -> None:
    answer = signed(service, result())
    answers(service, answer)
    assert client(service).reconciliation(START, END) == answer
    (request,) = service.to("/v1/reconciliation")
    assert dict(request.url.params) == {"from": "2023-11-01T00:00:00+00:00", "to": "2023-11-14T22:00:00+00:00"}
    assert b"%2B00%3A00" in request.url.query
    assert request.headers["authorization"].startswith("Bearer ")


def test_an_auditor_names_the_gateway(service: Any) -> None:
    answers(service, signed(service, result()))
    asked = client(service, "some-auditor")
    asked.reconciliation(START, END, "some-gateway")
    assert service.to("/v1/reconciliation")[0].url.params["gateway"] == "some-gateway"
    with pytest.raises(BadReceipt, match="another gateway"):
        asked.reconciliation(START, END, "other-gateway")


def test_times_without_a_zone_are_not_sent(service: Any) -> None:
    with pytest.raises(Unreadable):
        client(service).reconciliation(START.replace(tzinfo=None), END)
    assert service.requests == []


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"typ": "decision+jws"}, "not a reconciliation"),
        ({"iss": "urn:duecare:other"}, "another service"),
        ({"iat": NOW + 61}, "not made just now"),
        ({"iat": NOW - 61}, "not made just now"),
        ({"iat": None}, "not made just now"),
        ({"iat": float(NOW)}, "not made just now"),
        ({"result_sha256": "sha256:" + "0" * 64}, "another result"),
        ({"result_sha256": None}, "another result"),
        ({"ok": False}, "another result"),
        ({"gateway": "other-gateway"}, "another result"),
    ],
)
def test_a_signature_about_something_else_is_refused(service: Any, claims: dict[str, Any], why: str) -> None:
    answers(service, signed(service, result(), **claims))
    with pytest.raises(BadReceipt, match=why):
        client(service).reconciliation(START, END)


def test_a_signature_by_an_unpublished_key_is_refused(service: Any) -> None:
    answer = signed(service, result())
    service.published = [Key(9)]
    answers(service, answer)
    with pytest.raises(BadReceipt, match="does not publish"):
        client(service).reconciliation(START, END)
    # It may be newer than those that are known: they are asked for once more.
    assert len(service.to("/.well-known/jwks.json")) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"gateway": "other-gateway"},
        {"from": "2023-11-01T00:00:01Z"},
        {"to": "2023-11-14T21:00:00Z"},
        {"from": "never"},
        {"from": None},
    ],
    ids=str,
)
def test_a_result_about_something_else_is_not_the_answer(service: Any, change: dict[str, Any]) -> None:
    answers(service, signed(service, result(**change)))
    with pytest.raises(BadReceipt, match="another gateway or another period"):
        client(service).reconciliation(START, END)


def test_any_member_changed_after_it_was_signed_is_found_out(service: Any) -> None:
    made = result(counts={"delivered_though_denied": 1}, delivered_though_denied=[FOUND], ok=False)
    answer = signed(service, made)
    changed: list[dict[str, Any]] = [
        {"delivered_though_denied": []},
        {"delivered_though_denied": [{**FOUND, "decision": "allow"}]},
        {"counts": {**made["counts"], "delivered_though_denied": 0}},
        {"ok": True},
        {"final": False},
        {"truncated": True},
        {"log_size": 10},
        {"more": 1},
        {"decisions_since": "2023-10-30T00:00:00Z"},
    ]
    for change in changed:
        answers(service, answer | change)
        with pytest.raises(BadReceipt, match="another result"):
            client(service).reconciliation(START, END)


@pytest.mark.parametrize(
    "change",
    [
        {"ok": None},
        {"ok": 1},
        {"final": "yes"},
        {"counts": []},
        {"counts": {}},
        {"delivered_twice": None},
        {"delivered_twice": ["m-1"]},
        {"signed": None},
        {"gateway": 7},
    ],
    ids=str,
)
def test_an_answer_of_another_form_is_refused(service: Any, change: dict[str, Any]) -> None:
    answers(service, signed(service, result()) | change)
    with pytest.raises(BadAnswer):
        client(service).reconciliation(START, END)


def test_without_the_services_keys_nothing_is_believed(service: Any) -> None:
    answers(service, signed(service, result()))
    service.instead("/.well-known/jwks.json", lambda _: httpx.Response(503, json={}))
    with pytest.raises(CannotDecide):
        client(service).reconciliation(START, END)


# The command


def test_in_order_exits_0_and_says_so(duecare: Any, service: Any) -> None:
    answers(service, signed(service, result()))
    said = duecare(*ARGS)
    assert said.exit_code == 0, said.output
    assert "IN ORDER  some-gateway, from 2023-11-01T00:00:00Z to 2023-11-14T22:00:00Z" in said.stdout
    assert "signature verified" in said.stdout
    assert "1,234" in said.stdout
    assert said.stderr.startswith("as some-gateway")
    assert "\x1b" not in said.stdout


def test_findings_exit_1_and_are_named(duecare: Any, service: Any) -> None:
    listed = [{**FOUND, "message_id": f"m-{number}[red]\x1b"} for number in range(7)]
    silent = {name: FOUND[name] for name in ("message_id", "decision_id", "decision", "decided_at", "valid_until")}
    answer = result(
        ok=False,
        counts={"delivered_though_denied": 1007, "allowed_without_delivery": 1},
        delivered_though_denied=listed,
        allowed_without_delivery=[silent],
    )
    answers(service, signed(service, answer))
    said = duecare(*ARGS)
    assert said.exit_code == 1
    for words in (
        "MISSING",
        "delivered, though denied",
        "1,007",
        "m-0[red]",
        "deny at 2023-11-01T23:59:59Z",
        "1,002 more",
    ):
        assert words in said.stdout
    assert "m-5" not in said.stdout
    assert "\x1b" not in said.stdout


def test_json_is_the_answer_as_it_was_signed(duecare: Any, service: Any) -> None:
    answer = signed(service, result(ok=False, counts={"delivered_twice": 1}, delivered_twice=[FOUND]))
    answers(service, answer)
    said = duecare(*ARGS, "--json")
    assert (said.exit_code, json.loads(said.stdout)) == (1, answer)


def test_a_result_that_is_not_final_exits_3_unless_it_has_findings(duecare: Any, service: Any) -> None:
    early = {"ok": False, "final": False, "complete_until": "2023-11-14T20:00:00Z"}
    for change, code in (({}, 3), ({"counts": {"delivered_twice": 1}, "delivered_twice": [FOUND]}, 1)):
        answers(service, signed(service, result(**early, **change)))
        said = duecare(*ARGS)
        assert said.exit_code == code
        assert "not final" in said.stderr
        assert "2023-11-14T20:00:00Z" in said.stderr
    without_a_log = {name: value for name, value in result(ok=False, final=False).items() if name != "complete_until"}
    answers(service, signed(service, without_a_log))
    assert duecare(*ARGS).exit_code == 3


def test_a_signature_that_does_not_hold_exits_1_and_shows_nothing(duecare: Any, service: Any) -> None:
    answers(service, signed(service, result()) | {"log_size": 10})
    said = duecare(*ARGS)
    assert (said.exit_code, said.stdout) == (1, "")
    assert "another result" in said.stderr


def test_no_answer_exits_3(duecare: Any, service: Any) -> None:
    service.instead("/v1/reconciliation", lambda _: httpx.Response(503, json={"detail": "the table does not answer"}))
    said = duecare(*ARGS)
    assert said.exit_code == 3
    assert "the table does not answer" in said.stderr


@pytest.mark.parametrize(("status", "code"), [(422, 2), (403, 3), (404, 3)])
def test_a_refusal_is_no_finding(duecare: Any, service: Any, status: int, code: int) -> None:
    problem = {
        "type": "urn:duecare:problem:period-too-full",
        "title": "Not acceptable",
        "status": status,
        "detail": "Ask for a shorter period.",
    }
    service.instead("/v1/reconciliation", lambda _: httpx.Response(status, json=problem))
    said = duecare(*ARGS)
    assert said.exit_code == code
    assert "shorter period" in said.stderr
    assert json.loads(duecare(*ARGS, "--json").stdout)["problem"]["status"] == status


@pytest.mark.parametrize(
    "bad", ["yesterday", "2023-13-01", "2023-11-01T00:00:00", "2023-11-01 00:00", "", "1700000000", "2023-W44-1T"]
)
def test_an_invalid_time_exits_2_and_sends_nothing(duecare: Any, service: Any, bad: str) -> None:
    said = duecare("reconcile", "--from", bad, "--to", "2023-11-14", "--profile", "local")
    assert said.exit_code == 2
    assert "--from" in said.stderr
    assert service.requests == []


@pytest.mark.parametrize("args", [["reconcile"], ["reconcile", "--from", "2023-11-01"], ["reconcile", "2023-11-01"]])
def test_a_period_has_two_ends(duecare: Any, args: list[str]) -> None:
    assert duecare(*args, "--profile", "local").exit_code == 2


def test_a_date_is_its_midnight_in_utc_and_a_time_is_what_it_says(duecare: Any, service: Any) -> None:
    answers(service, signed(service, result()))
    ends = ("2023-11-01T08:00:00+08:00", (END + timedelta(hours=8)).replace(tzinfo=None).isoformat() + "+08:00")
    assert duecare("reconcile", "--from", ends[0], "--to", ends[1], "--profile", "local").exit_code == 0
    assert duecare(*ARGS).exit_code == 0
    sent = [datetime.fromisoformat(request.url.params["from"]) for request in service.to("/v1/reconciliation")]
    assert sent == [START, START]


def test_an_auditor_is_chosen_where_a_gateway_is_named(duecare: Any, service: Any) -> None:
    answers(service, signed(service, result()))
    folder = duecare.directory / ".duecare" / "local.json"
    profile = json.loads(folder.read_text())
    profile["parties"]["some-auditor"] = {"roles": ["auditor"], "key": "party.jwk"}
    folder.write_text(json.dumps(profile))

    def who(*args: str) -> str:
        assert duecare(*ARGS, *args).exit_code == 0
        token = service.to("/v1/reconciliation")[-1].headers["authorization"].removeprefix("Bearer ")
        return str(jwt.decode(token, options={"verify_signature": False})["iss"])

    assert who() == "some-gateway"
    assert who("--gateway", "some-gateway") == "some-auditor"
    assert who("--gateway", "some-gateway", "--party", "some-gateway") == "some-gateway"


def test_every_count_has_its_words() -> None:
    assert tuple(_FINDING_WORDS) == FINDINGS
    assert tuple(_COUNT_WORDS) == COUNTS
