"""Bad input to the commands about evidence: one line that says what to do, the contract's exit code, no traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.client.evidence_service import Command, EvidenceService, problem
from tests.client.logged_service import KEY, LoggedService

KINDS: dict[str, Callable[[Path], Any]] = {
    "nothing": lambda file: None,
    "empty": lambda file: file.write_bytes(b""),
    "no JSON": lambda file: file.write_bytes(b"{"),
    "no UTF-8": lambda file: file.write_bytes(b"\xff\xfe"),
    "another JSON": lambda file: file.write_bytes(b'{"message_id":"m-1"}'),
    "a folder": lambda file: file.mkdir(),
}
NO_NETWORK = "no answer from duecare.test (ConnectError); check the URL and the network, and ask again"


@pytest.fixture(scope="module")
def logged() -> LoggedService:
    """Shared by the module: no test changes it."""
    return LoggedService()


@pytest.fixture
def duecare(logged: LoggedService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command(EvidenceService(logged), tmp_path)


def said(duecare: Command, *args: str, **environment: str) -> tuple[int, str]:
    """The exit code, and the one line of what went wrong."""
    result = duecare(*args, **environment)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    (line,) = (line for line in result.stderr.splitlines() if not line.startswith("as "))
    return result.exit_code, line.removeprefix("duecare: ")


def unreachable(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


# Files


@pytest.mark.parametrize("command", ["verify", "report"])
@pytest.mark.parametrize("kind", ["nothing", "a folder"])
def test_a_file_that_cannot_be_read_is_named(duecare: Command, command: str, kind: str) -> None:
    KINDS[kind](duecare.folder / "case.json")
    exit_code, line = said(duecare, "bundle", command, "case.json", "--log-key", KEY)
    assert (exit_code, "case.json cannot be read" in line) == (2, True)


def test_a_file_that_is_no_case_file_is_said_to_be_none(duecare: Command) -> None:
    for content in ("# a page", '{"message_id": "m-1"}', '["m-1"]', '{ "bundle": "another/1" }'):
        (duecare.folder / "case.json").write_text(content)
        result = duecare("bundle", "verify", "case.json")
        assert (result.exit_code, "this is not a case file" in result.stdout) == (1, True)


@pytest.mark.parametrize("kind", ["empty", "no JSON", "no UTF-8", "another JSON"])
def test_a_malformed_case_file_is_refused_with_the_command_that_fetches_one(duecare: Command, kind: str) -> None:
    KINDS[kind](duecare.folder / "case.json")
    exit_code, line = said(duecare, "bundle", "verify", "case.json")
    assert (exit_code, line) == (
        1,
        "This is not a case file, or it was changed. Fetch it again: duecare bundle get DECISION_ID",
    )


def test_a_case_file_with_a_failed_check_is_never_called_whole(duecare: Command, logged: LoggedService) -> None:
    file = duecare.folder / "case.json"
    file.write_bytes(logged.case_file(logged.decided))
    assert "the file is whole" in duecare("bundle", "verify", "case.json").stderr
    file.write_bytes(file.read_bytes().replace(b'"decision":"allow"', b'"decision":"deny"'))
    result = duecare("bundle", "verify", "case.json")
    assert (result.exit_code, "whole" in result.stderr, "nothing shows whose log" in result.stderr) == (1, False, True)


@pytest.mark.parametrize("command", [("bundle", "verify", "case.json"), ("log", "check")])
@pytest.mark.parametrize("key", ["x", "a+b+c", KEY[:-4]])
def test_a_malformed_log_key_is_refused_before_any_request(
    duecare: Command, command: tuple[str, ...], key: str
) -> None:
    exit_code, line = said(duecare, *command, "--log-key", key)
    assert (exit_code, "is not a verifier key, like NAME+HASH+KEY" in line) == (2, True)
    assert not duecare.served.asked


# The service


@pytest.mark.parametrize(
    "command",
    [
        ("bundle", "get", "a" * 26),
        ("decision", "a" * 26),
        ("log", "check"),
        ("reconcile", "--from", "2026-11-01", "--to", "2026-11-02"),
    ],
    ids=" ".join,
)
def test_no_network_is_no_verdict_and_names_the_host(duecare: Command, command: tuple[str, ...]) -> None:
    duecare.served.network = httpx.MockTransport(unreachable)
    assert said(duecare, *command) == (3, NO_NETWORK)


def test_a_password_in_the_url_is_never_printed(duecare: Command) -> None:
    duecare.served.network = httpx.MockTransport(unreachable)
    duecare.write_profile()
    result = duecare("log", "check", profile=False, DUECARE_URL="https://me:secret@duecare.test:8443/x")
    assert (result.exit_code, "duecare.test:8443" in result.stderr, "secret" in result.output) == (3, True, False)


def test_an_unknown_decision_is_refused(duecare: Command) -> None:
    duecare.served.instead[f"/v1/decisions/{'a' * 26}/bundle"] = [lambda _: problem(404, "unknown-decision")]
    assert said(duecare, "bundle", "get", "a" * 26) == (1, "unknown-decision")


def test_another_service_s_404_says_to_check_the_url(duecare: Command) -> None:
    duecare.served.instead[f"/v1/decisions/{'a' * 26}/bundle"] = [lambda _: httpx.Response(404, text="<html>")]
    assert said(duecare, "bundle", "get", "a" * 26) == (3, "the answer (404) is not duecare's; check the URL")


def test_a_decision_that_is_not_logged_yet_exits_3(duecare: Command, logged: LoggedService) -> None:
    duecare.served.instead[f"/v1/decisions/{logged.id}/bundle"] = [lambda _: problem(409, "not-logged-yet")]
    assert said(duecare, "bundle", "get", logged.id)[0] == 3
    told = duecare.json("bundle", "get", logged.id)
    assert told["problem"]["type"] == "urn:duecare:problem:not-logged-yet"


def test_another_conflict_stays_a_refusal(duecare: Command, logged: LoggedService) -> None:
    duecare.served.instead[f"/v1/decisions/{logged.id}/bundle"] = [lambda _: problem(409, "no-case-file")]
    assert said(duecare, "bundle", "get", logged.id)[0] == 1
    assert duecare.slept == []


def test_a_receipt_that_cannot_be_checked_now_is_no_verdict_on_the_decision(duecare: Command) -> None:
    reasons = [{"code": "DEBT_MISSING", "message": "No debt."}]
    answer = {"decision": "deny", "decision_id": "x", "attempt": 1, "message_id": "m-1",
              "reasons": reasons, "valid_until": "2026-11-24T09:02:00Z", "receipt": "a.b.c", "enforced": True,
              "provisional": False}  # fmt: skip
    duecare.served.instead["/v1/decisions/x"] = [lambda _: httpx.Response(200, json={"answer": answer})]
    duecare.served.instead["/.well-known/jwks.json"] = [lambda _: httpx.Response(503)]
    assert duecare("decision", "x").exit_code == 3
    duecare.served.instead["/.well-known/jwks.json"] = [lambda _: httpx.Response(200, json={"keys": []})]
    assert duecare("decision", "x").exit_code == 1


# Times


@pytest.mark.parametrize(
    "time", ["", "x", "20261101", "2026-W45", "2026-13-01", "2026-11-31", "2026-11-01T25:00Z", "1 Nov 2026", "2026-11"]
)
def test_an_invalid_time_is_refused_with_an_example(duecare: Command, time: str) -> None:
    exit_code, line = said(duecare, "reconcile", "--from", "2026-11-01", "--to", time)
    assert exit_code == 2
    assert line == ("--to cannot be read: give a date like 2026-11-01, or a time like 2026-11-01T00:00:00+08:00")


@pytest.mark.parametrize("time", ["2026-11-01T00:00", "2026-11-01 00:00:00.5"])
def test_a_time_without_an_offset_is_refused_with_the_offset_added(duecare: Command, time: str) -> None:
    exit_code, line = said(duecare, "reconcile", "--from", time, "--to", "2026-11-02")
    assert (exit_code, line) == (2, f"--from needs its offset from UTC: {time}+08:00, or {time}Z")


# Numbers


@pytest.mark.parametrize("number", ["", "-"])
def test_an_erasure_without_a_number_is_not_requested(duecare: Command, number: str) -> None:
    exit_code, line = said(duecare, "admin", "erase", number, "--yes", AWS_REGION="us-east-1")
    assert (exit_code, "no number was given" in line, "Nothing was erased" in line) == (2, True, True)
