"""`duecare log check` and `bundle verify` with `--witness`: whom somebody names must have cosigned, and well."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from duecare.usecases.audit.case_file import CaseFileDeps, CaseFiles
from duecare_client.checks.log import checkpoint_file
from duecare_core.evidence.log.note import COSIGNATURE, LogKey, Signature, WitnessKey, parse_note
from tests.client.evidence_service import Command, EvidenceService
from tests.client.logged_service import KEY, LoggedService
from tests.support.packs import RULES
from tests.support.witness import Witness
from tests.support.world import ISSUER

HOUR = 3600


@pytest.fixture
def logged() -> LoggedService:
    return LoggedService()


@pytest.fixture
def duecare(logged: LoggedService, tmp_path: Path) -> Command:
    return Command(EvidenceService(logged), tmp_path)


def witness(name: str = "w.example", seed: bytes = b"w") -> Witness:
    return Witness(name, seed * 32, KEY)


def sign(logged: LoggedService, *lines: str) -> None:
    """Put signature lines under the checkpoint that is served."""
    logged.files.objects["checkpoint"] += "".join(lines).encode()


def line(logged: LoggedService, by: Witness, *, ago: int = HOUR) -> str:
    """The witness's cosignature of the checkpoint, made so many seconds ago."""
    note = logged.files.objects["checkpoint"].decode()
    status, answer = by.add_checkpoint(f"old {by.latest[0]}\n\n{note}", int(logged.now.timestamp()) - ago)
    assert status == 200, answer
    return answer


def spoiled(cosignature: str) -> str:
    dash, name, encoded = cosignature.split()
    data = base64.b64decode(encoded)
    return f"{dash} {name} {base64.b64encode(data[:-1] + bytes([data[-1] ^ 1])).decode()}\n"


def case_file(logged: LoggedService, folder: Path, *named: Witness) -> str:
    """The decision's, in which the service names these witnesses."""
    keys = tuple(one.verifier_key for one in named)
    means = CaseFileDeps(logged.table, logged.archive, logged.files, logged.sealer, logged.inputs_key, keys)
    found = logged.look_up()(logged.caller("xinxi"), logged.id, None)
    file = folder / "case.duecare.json"
    file.write_bytes(CaseFiles(means, RULES, ISSUER)(found))
    return str(file)


# The log


def test_a_cosigned_log_passes_and_the_age_of_the_cosignature_is_printed(
    duecare: Command, logged: LoggedService
) -> None:
    by = witness()
    sign(logged, line(logged, by))
    result = duecare("log", "check", "--witness", f" {by.verifier_key}\n")
    assert result.exit_code == 0, result.output
    assert "witness w.example saw it at" in result.stdout
    assert "1 hour ago" in result.stdout
    (told,) = duecare.json("log", "check", "--witness", by.verifier_key)["witnesses"]
    assert (told["name"], told["verifier_key"], told["age_seconds"]) == ("w.example", by.verifier_key, HOUR)
    assert told["seen_at"].endswith("+00:00")


def test_without_its_cosignature_the_check_fails_names_it_and_says_what_to_do(
    duecare: Command, logged: LoggedService, tmp_path: Path
) -> None:
    seen, missing = witness(), witness("m.example", b"m")
    sign(logged, line(logged, seen))
    named = [word for one in (seen, missing) for word in ("--witness", one.verifier_key)]
    result = duecare("log", "check", *named)
    assert result.exit_code == 1
    assert "witness m.example: it has not cosigned this checkpoint" in result.stdout
    assert "ask the witness which checkpoint it saw last" in result.stdout
    assert "witness w.example saw it at" in result.stdout
    assert not checkpoint_file(KEY, tmp_path / ".duecare").exists(), "what failed is not what the next look rests on"
    told = duecare.json("log", "check", *named)
    assert (told["ok"], [one["where"] for one in told["faults"]]) == (False, ["witness m.example"])
    assert [(one["name"], one["seen_at"] is None, one["age_seconds"]) for one in told["witnesses"]] == [
        ("w.example", False, HOUR),
        ("m.example", True, None),
    ]


def test_an_invalid_cosignature_fails_even_next_to_a_valid_one(duecare: Command, logged: LoggedService) -> None:
    by = witness()
    good = line(logged, by)
    for lines in ([spoiled(good)], [good, spoiled(good)], [spoiled(good), good]):
        before = logged.files.objects["checkpoint"]
        sign(logged, *lines)
        result = duecare("log", "check", "--witness", by.verifier_key)
        assert (result.exit_code, "w.example: its cosignature under this checkpoint is not valid" in result.stdout) == (
            1,
            True,
        )
        logged.files.objects["checkpoint"] = before


def test_a_cosignature_of_an_earlier_checkpoint_is_invalid(duecare: Command, logged: LoggedService) -> None:
    by = witness()
    stale = line(logged, by)
    logged.verify(message_id="m-2")
    logged.sequenced()
    sign(logged, stale)
    assert duecare("log", "check", "--witness", by.verifier_key).exit_code == 1


@pytest.mark.parametrize("seconds", [1 << 62, (1 << 64) - 1])
def test_a_cosignature_at_a_time_outside_the_calendar_is_invalid(
    duecare: Command, logged: LoggedService, seconds: int
) -> None:
    by = WitnessKey("w.example", b"w" * 32)
    text = parse_note(logged.files.objects["checkpoint"].decode()).text
    if seconds < 1 << 63:
        sign(logged, by.cosign(text, seconds))
    else:
        sign(logged, Signature(by.name, by.key_id, seconds.to_bytes(8, "big") + bytes(64)).line())
    result = duecare("log", "check", "--witness", by.verifier_key)
    assert (result.exit_code, "is not valid" in result.stdout) == (1, True)


def test_a_witness_that_signs_with_another_key_now_is_asked_which_is_its_own(
    duecare: Command, logged: LoggedService
) -> None:
    sign(logged, line(logged, witness(seed=b"n")))
    result = duecare("log", "check", "--witness", witness(seed=b"o").verifier_key)
    assert result.exit_code == 1
    assert "another key has signed this checkpoint under its name: ask the witness which key" in result.stdout


def test_cosignatures_of_witnesses_that_were_not_named_are_ignored(duecare: Command, logged: LoggedService) -> None:
    by, other = witness(), witness("other.example", b"x")
    sign(logged, spoiled(line(logged, other)), line(logged, by))
    assert duecare("log", "check", "--witness", by.verifier_key).exit_code == 0
    result = duecare("log", "check")
    assert (result.exit_code, "no witness was named" in result.stdout) == (0, True)
    assert duecare.json("log", "check")["witnesses"] == []


def test_two_cosignatures_of_one_witness_fail_and_a_witness_named_twice_is_one(
    duecare: Command, logged: LoggedService
) -> None:
    by = witness()
    sign(logged, line(logged, by, ago=30))
    told = duecare.json("log", "check", "--witness", by.verifier_key, "--witness", by.verifier_key)
    assert [one["age_seconds"] for one in told["witnesses"]] == [30]
    sign(logged, line(logged, by, ago=90))
    result = duecare("log", "check", "--witness", by.verifier_key)
    assert (result.exit_code, "w.example: its key has two signatures" in result.stdout) == (1, True)


@pytest.mark.parametrize(
    ("ago", "words"),
    [(0, "just now"), (-59, "just now"), (1, "1 second ago"), (119, "1 minute ago"), (2 * 86400, "2 days ago"),
     (-HOUR, "in the future by this machine's clock")],
)  # fmt: skip
def test_how_old_a_cosignature_is_is_said_in_words(
    duecare: Command, logged: LoggedService, ago: int, words: str
) -> None:
    by = witness()
    sign(logged, line(logged, by, ago=ago))
    result = duecare("log", "check", "--witness", by.verifier_key)
    assert (result.exit_code, words in result.stdout) == (0, True)


@pytest.mark.parametrize("command", [("log", "check"), ("bundle", "verify", "none.json")])
@pytest.mark.parametrize("key", ["", "w.example", LogKey("w.example", b"w" * 32).verifier_key])
def test_a_malformed_witness_key_is_bad_usage_and_nothing_is_requested(
    duecare: Command, command: tuple[str, ...], key: str
) -> None:
    result = duecare(*command, "--witness", key)
    assert (result.exit_code, "witness's" in result.stderr) == (2, True)
    assert "none.json" not in result.stderr
    assert not duecare.served.asked


# The case file


def test_a_case_file_whose_checkpoint_the_witness_has_seen_is_good(
    duecare: Command, logged: LoggedService, tmp_path: Path
) -> None:
    by = witness()
    sign(logged, line(logged, by))
    asked = "bundle", "verify", case_file(logged, tmp_path, by), "--log-key", KEY, "--witness", by.verifier_key
    result = duecare(*asked)
    assert result.exit_code == 0, result.output
    assert "✓ witness    w.example: saw it at" in result.stdout
    told = duecare.json(*asked)
    assert (told["ok"], told["witnesses"][0]["age_seconds"]) == (True, HOUR)


def test_a_case_file_without_that_witness_fails_though_the_file_itself_is_whole(
    duecare: Command, logged: LoggedService, tmp_path: Path
) -> None:
    seen, missing = witness(), witness("m.example", b"m")
    sign(logged, line(logged, seen))
    file = case_file(logged, tmp_path, seen)
    assert duecare("bundle", "verify", file, "--log-key", KEY).exit_code == 0
    result = duecare("bundle", "verify", file, "--log-key", KEY, "--witness", missing.verifier_key)
    assert result.exit_code == 1
    assert "✗ witness    m.example: it has not cosigned this checkpoint" in result.stdout
    told = duecare.json("bundle", "verify", file, "--witness", missing.verifier_key)
    assert [one["name"] for one in told["checks"] if not one["ok"]] == ["witness"]
    assert told["witnesses"][0]["seen_at"] is None


def test_a_case_file_with_a_bad_cosignature_fails(duecare: Command, logged: LoggedService, tmp_path: Path) -> None:
    by = witness()
    sign(logged, spoiled(line(logged, by)))
    result = duecare("bundle", "verify", case_file(logged, tmp_path, by), "--witness", by.verifier_key)
    assert (result.exit_code, "✗ witness    w.example: its cosignature" in result.stdout) == (1, True)


def test_a_case_file_whose_checkpoint_is_no_note_fails_for_that(
    duecare: Command, logged: LoggedService, tmp_path: Path
) -> None:
    file = Path(case_file(logged, tmp_path))
    data = file.read_bytes()
    broken = data.replace("\\n\\n\u2014 duecare".encode(), "\\n\u2014 duecare".encode())
    assert broken != data
    file.write_bytes(broken)
    told = duecare.json("bundle", "verify", str(file), "--witness", witness().verifier_key)
    assert (told["ok"], told["witnesses"]) == (False, [])


def test_the_key_of_a_witness_is_printed_as_it_was_given() -> None:
    from duecare_core.evidence.log.note import parse_verifier  # noqa: PLC0415

    key = witness().verifier_key
    assert (parse_verifier(key).verifier_key, parse_verifier(key).kind) == (key, COSIGNATURE)
