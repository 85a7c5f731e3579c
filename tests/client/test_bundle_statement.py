"""`duecare bundle verify --statement` and `duecare bundle compare`, on what a service really answers."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from duecare.usecases.verify.stored_decision import StoredDecision
from tests.client.evidence_service import Command, EvidenceService
from tests.client.logged_service import KEY, LoggedService
from tests.support.world import RECIPIENT, stamp

MINUTE = timedelta(minutes=1)


@pytest.fixture
def logged() -> LoggedService:
    return LoggedService()


@pytest.fixture
def duecare(logged: LoggedService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command(EvidenceService(logged), tmp_path)


def acknowledged(logged: LoggedService, number: str = RECIPIENT) -> str:
    """The acknowledgement of a stop that the service accepts now."""
    members = {"recipient": number, "creditor": "mou-zichan", "received_at": stamp(logged.now)}
    result = logged.state("xinxi", "opt-out", **members)
    assert result.acknowledgement
    return result.acknowledgement


def written(logged: LoggedService, folder: Path, decided: StoredDecision, name: str) -> str:
    logged.sequenced()
    file = folder / name
    file.write_bytes(logged.case_file(decided))
    return str(file)


def test_a_stop_after_the_decision_is_no_omission_and_one_before_is_in_its_place(
    logged: LoggedService, duecare: Command, tmp_path: Path
) -> None:
    logged.now += 2 * MINUTE
    token = acknowledged(logged)
    (tmp_path / "ack.jws").write_text(f"{token}\n")
    logged.now += 2 * MINUTE
    denied = logged.verify(message_id="denied")
    before = written(logged, tmp_path, logged.decided, "before.json")
    after = written(logged, tmp_path, denied, "after.json")
    for file, presence, words in (
        (before, "later", "it was accepted 120 s after the decision"),
        (after, "included", "place 1 of the recipient's chain of mou-zichan, and the decision relies on it"),
    ):
        result = duecare("bundle", "verify", file, "--log-key", KEY, "--statement", "ack.jws")
        assert result.exit_code == 0, result.output
        assert words in " ".join(result.stdout.split())
        told = duecare.json("bundle", "verify", file, "--log-key", KEY, "--statement", "ack.jws")
        assert told["statement"]["presence"] == presence


def test_a_decision_that_left_the_stop_out_fails_and_says_what_the_answer_would_have_been(
    logged: LoggedService, duecare: Command, tmp_path: Path
) -> None:
    """The acknowledgement is of another table with the same keys, as an operator with two tables would have it."""
    second = LoggedService()
    second.now -= 5 * MINUTE
    members = {"recipient": RECIPIENT, "creditor": "mou-zichan", "received_at": stamp(second.now)}
    statement = second.jws("xinxi", "opt-out", **members)
    (result,) = second.state_all("xinxi", [statement])
    (tmp_path / "ack.jws").write_text(f"{result.acknowledgement}\n{statement}\n")
    file = written(logged, tmp_path, logged.decided, "case.json")
    result_of_verify = duecare("bundle", "verify", file, "--log-key", KEY, "--statement", "ack.jws")
    assert result_of_verify.exit_code == 1
    words = " ".join(result_of_verify.stdout.split())
    assert "LEFT OUT: it was accepted 300 s before the decision" in words
    assert "deny (OPTED_OUT)" in words
    told = duecare.json("bundle", "verify", file, "--log-key", KEY, "--statement", "ack.jws")
    assert (told["ok"], told["statement"]["presence"]) == (False, "left-out")
    assert told["statement"]["answer_with_it"]["differs"] is True


def test_an_acknowledgement_of_another_recipient_is_not_compared(
    logged: LoggedService, duecare: Command, tmp_path: Path
) -> None:
    (tmp_path / "ack.jws").write_text(acknowledged(logged, "+8613900139000"))
    file = written(logged, tmp_path, logged.decided, "case.json")
    result = duecare("bundle", "verify", file, "--log-key", KEY, "--statement", "ack.jws")
    assert result.exit_code == 1
    assert "another telephone number" in " ".join(result.stdout.split())


@pytest.mark.parametrize("content", ["", "hello", "e30.e30.e30", "\u9000\u8ba2"])
def test_a_file_that_is_no_acknowledgement_is_bad_usage(
    logged: LoggedService, duecare: Command, tmp_path: Path, content: str
) -> None:
    (tmp_path / "ack.jws").write_text(content, encoding="utf-8")
    file = written(logged, tmp_path, logged.decided, "case.json")
    result = duecare("bundle", "verify", file, "--log-key", KEY, "--statement", "ack.jws")
    assert result.exit_code == 2
    assert "ack.jws is no acknowledgement" in result.stderr


def test_two_files_of_an_honest_service_do_not_contradict(
    logged: LoggedService, duecare: Command, tmp_path: Path
) -> None:
    logged.now += 2 * MINUTE
    acknowledged(logged)
    logged.now += 2 * MINUTE
    later = logged.verify(message_id="later")
    one = written(logged, tmp_path, logged.decided, "one.json")
    other = written(logged, tmp_path, later, "other.json")
    result = duecare("bundle", "compare", one, other, "--log-key", KEY)
    assert result.exit_code == 0, result.output
    assert "NO CONTRADICTION" in result.stdout
    assert duecare("bundle", "compare", one, other, profile=False).exit_code == 3


def test_two_files_that_contradict_are_shown_to(logged: LoggedService, duecare: Command, tmp_path: Path) -> None:
    """An operator with two tables and one set of keys: the second table has a stop that the first one has not."""
    second = LoggedService()
    acknowledged(second)
    second.now += MINUTE
    denied = second.verify(message_id="denied")
    logged.now += 10 * MINUTE
    allowed = logged.verify(message_id="allowed")
    one = written(second, tmp_path, denied, "one.json")
    other = written(logged, tmp_path, allowed, "other.json")
    result = duecare("bundle", "compare", one, other, "--log-key", KEY)
    assert result.exit_code == 1
    assert "CONTRADICTION" in result.stdout
    told = duecare.json("bundle", "compare", one, other, "--log-key", KEY)
    assert (told["ok"], told["outcome"]) == (False, "failed")


def test_files_about_different_recipients_are_bad_usage_and_a_bad_file_fails(
    logged: LoggedService, duecare: Command, tmp_path: Path
) -> None:
    stranger = logged.verify(message_id="stranger", recipient="+8613900139000")
    one = written(logged, tmp_path, logged.decided, "one.json")
    other = written(logged, tmp_path, stranger, "other.json")
    result = duecare("bundle", "compare", one, other, "--log-key", KEY)
    assert result.exit_code == 2
    assert "different telephone numbers" in result.stderr
    Path(other).write_bytes(b"{}")
    assert duecare("bundle", "compare", one, other, "--log-key", KEY).exit_code == 1
