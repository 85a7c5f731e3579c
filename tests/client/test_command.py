"""The `duecare` command as a person or a script meets it: exit codes, streams, settings, keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

DENIED = [
    {"code": "CONSENT_MISSING", "message": "没有同意"},
    {"code": "DEBT_MISSING", "message": "[bold]no[/bold]\x1b[31m"},
]


def test_an_allow_with_a_good_receipt_exits_0(duecare: Any, message: dict[str, Any]) -> None:
    result = duecare("verify", "-", "--profile", "local", stdin=message)
    assert result.exit_code == 0, result.output
    assert "ALLOW" in result.stdout
    assert "receipt verified" in result.stdout
    assert result.stderr == "as some-gateway (profile local)\n"


def test_a_deny_exits_1_with_every_reason(duecare: Any, service: Any, message: dict[str, Any]) -> None:
    service.decision, service.reasons = "deny", DENIED
    result = duecare("verify", "-", "--profile", "local", stdin=message)
    assert result.exit_code == 1
    for words in ("DENY", "CONSENT_MISSING", "没有同意", "DEBT_MISSING", "receipt verified"):
        assert words in result.stdout


def test_text_from_the_service_is_printed_without_markup_and_terminal_controls(
    duecare: Any, service: Any, message: dict[str, Any]
) -> None:
    service.decision, service.reasons = "deny", DENIED
    result = duecare("verify", "-", "--profile", "local", stdin=message)
    assert "[bold]no[/bold]" in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize(
    "changes", [{"text_sha256": "sha256:00"}, {"message_id": "m-2"}, {"decision": "deny"}, {"exp": 1}]
)
def test_an_allow_whose_receipt_proves_something_else_exits_1(
    duecare: Any, service: Any, message: dict[str, Any], changes: dict[str, Any]
) -> None:
    service.receipt_changes = changes
    result = duecare("verify", "-", "--profile", "local", stdin=message)
    assert result.exit_code == 1
    assert "NOT verified" in result.stdout


def test_an_allow_whose_receipt_cannot_be_checked_exits_3(duecare: Any, service: Any, message: dict[str, Any]) -> None:
    service.instead("/.well-known/jwks.json", lambda _: httpx.Response(503, json={}))
    assert duecare("verify", "-", "--profile", "local", stdin=message).exit_code == 3


def test_no_answer_exits_3_and_says_not_to_send(duecare: Any, service: Any, message: dict[str, Any]) -> None:
    service.instead("/v1/verify", lambda _: httpx.Response(503, json={"detail": "the table does not answer"}))
    result = duecare("verify", "-", "--profile", "local", stdin=message)
    assert result.exit_code == 3
    assert result.stdout == ""
    assert "the table does not answer" in result.stderr
    assert "do not send" in result.stderr


def test_a_refused_message_exits_1_and_names_the_member(duecare: Any, service: Any, message: dict[str, Any]) -> None:
    wrong = [{"pointer": "/recipient", "code": "not-e164", "message": "is not E.164"}]
    body = {
        "type": "urn:duecare:problem:unacceptable",
        "title": "Not acceptable",
        "detail": "Mend it.",
        "errors": wrong,
    }
    service.instead("/v1/verify", lambda _: httpx.Response(422, json=body))
    result = duecare("verify", "-", "--profile", "local", stdin=message)
    assert result.exit_code == 1
    assert "Mend it." in result.stderr
    assert "/recipient" in result.stderr
    as_json = duecare("verify", "-", "--profile", "local", "--json", stdin=message)
    assert json.loads(as_json.stdout)["problem"]["errors"] == wrong


PLACES = [
    ["--profile", "local", "--json", "verify", "-"],
    ["--json", "verify", "--profile", "local", "-"],
    ["verify", "--json", "-", "--profile=local"],
    ["--profile=local", "verify", "-", "--json"],
    ["verify", "-", "--json", "--profile", "local", "--party", "some-gateway"],
]


@pytest.mark.parametrize("args", PLACES)
def test_profile_and_json_stand_anywhere(duecare: Any, message: dict[str, Any], args: list[str]) -> None:
    result = duecare(*args, stdin=message)
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert (answer["decision"], answer["receipt_verified"]) == ("allow", True)
    assert result.stderr == ""


def test_json_is_the_only_thing_on_stdout(duecare: Any, service: Any, message: dict[str, Any]) -> None:
    service.decision, service.reasons = "deny", DENIED
    for args, stdin in (
        (["verify", "-"], message),
        (["state", "reply", "-"], {}),
        (["state", "reply", "-"], [{}, {"text": "T"}]),
        (["decision", "d-1"], None),
        (["keys", "new", "--out", str(duecare.directory / "new.jwk")], None),
    ):
        result = duecare(*args, "--json", "--profile", "local", stdin=stdin)
        json.loads(result.stdout)
    assert isinstance(
        json.loads(duecare("state", "reply", "-", "--json", "--profile", "local", stdin=[{}]).stdout), list
    )


def test_a_file_is_read_with_or_without_a_byte_order_mark(
    duecare: Any, message: dict[str, Any], tmp_path: Path
) -> None:
    for start in (b"", b"\xef\xbb\xbf"):
        (tmp_path / "m.json").write_bytes(start + json.dumps(message, ensure_ascii=False).encode())
        assert duecare("verify", str(tmp_path / "m.json"), "--profile", "local").exit_code == 0


@pytest.mark.parametrize("stdin", ["", "{", "[]", "7", b"\xff", '"x"', "[" * 100_000])
def test_a_malformed_message_exits_2(duecare: Any, service: Any, stdin: Any) -> None:
    result = duecare("verify", "-", "--profile", "local", "--json", stdin=stdin)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "stdin" in result.stderr
    assert service.requests == []


BAD_USAGE = [
    ["verify"],
    ["verify", "-", "--no-such-option"],
    ["no-such-command"],
    ["verify", "/no/such/file", "--profile", "local"],
    ["verify", "-", "--profile"],
    ["verify", "-", "--profile", "nobody"],
    ["verify", "-", "--profile", "../local"],
    ["verify", "-"],
    ["state", "no-such-kind", "-", "--profile", "local"],
    ["state", "debt", "-", "--profile", "local"],
    ["state", "number-reassignment", "-", "--profile", "local", "--party", "nobody"],
    ["keys", "new"],
    ["keys", "new", "--out", "k.jwk", "--alg", "RS256"],
    ["keys", "new", "--out", "/no/such/directory/k.jwk"],
    ["admin", "halt", "maybe"],
]


@pytest.mark.parametrize("args", BAD_USAGE, ids=" ".join)
def test_bad_usage_exits_2_with_words_and_no_traceback(duecare: Any, args: list[str], message: dict[str, Any]) -> None:
    result = duecare(*args, stdin=message)
    assert result.exit_code == 2
    assert result.stderr.strip()
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_an_empty_list_of_statements_is_bad_usage_and_asks_nothing(duecare: Any, service: Any) -> None:
    result = duecare("state", "reply", "-", "--profile", "local", stdin=[])
    assert (result.exit_code, result.stdout, service.requests) == (2, "", [])
    assert "empty" in result.stderr


def test_state_signs_as_the_party_whose_role_fits(duecare: Any, service: Any) -> None:
    result = duecare("state", "reply", "-", "--profile", "local", stdin={"text": "T"})
    assert result.exit_code == 0, result.output
    assert "accepted" in result.stdout


def test_several_parties_that_fit_are_named(duecare: Any) -> None:
    result = duecare("state", "debt", "-", "--profile", "local", stdin={})
    assert "some-asset, other-asset" in result.stderr
    assert duecare("state", "debt", "-", "--profile", "local", "--party", "other-asset", stdin={}).exit_code == 0


def test_one_rejected_statement_of_many_exits_1(duecare: Any, service: Any) -> None:
    def reject_second(request: httpx.Request) -> httpx.Response:
        results = service._results(json.loads(request.content)["statements"])
        results[1] |= {"status": "rejected", "problem": {"title": "Conflict", "detail": "Stated otherwise."}}
        results[0] |= {"read_as": "opt_out"}
        return httpx.Response(200, json={"results": results})

    service.instead("/v1/statements", reject_second)
    result = duecare("state", "reply", "-", "--profile", "local", stdin=[{"text": "T"}, {"text": "X"}])
    assert result.exit_code == 1
    assert "read as opt_out" in result.stdout
    assert "Conflict: Stated otherwise." in result.stdout


def test_a_decision_is_shown_with_its_place_in_the_log(duecare: Any, service: Any) -> None:
    service.receipt_changes, service.now = {"jti": "-d_1"}, 0.0
    result = duecare("decision", "-d_1", "--profile", "local")
    assert result.exit_code == 0, result.output
    assert service.paths()[:2] == ["/.well-known/duecare", "/v1/decisions/-d_1"]
    assert "in the log, entry 7" in result.stdout


def test_reasons_are_asked_for_in_the_language_of_the_terminal(
    command: Any, service: Any, profile: Path, message: dict[str, Any]
) -> None:
    for lang, wanted in (("zh_CN.UTF-8", "zh-CN"), ("C.UTF-8", "en")):
        command(profile, {"LANG": lang})("verify", "-", "--profile", "local", stdin=message)
        assert service.to("/v1/verify")[-1].headers["accept-language"] == wanted
