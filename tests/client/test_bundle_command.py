"""`duecare bundle get|verify|report`."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from duecare_client import Client
from duecare_client.cli.bundle import MAX_ATTEMPTS
from duecare_client.errors import BadAnswer
from duecare_core.engine import engine
from duecare_core.evidence.canonical import canonical
from duecare_core.evidence.casefile.bundle import CANNOT_SHOW
from tests.client.evidence_service import URL, Command, EvidenceService, problem
from tests.client.logged_service import KEY, LoggedService
from tests.support.logs import LOG_KEY
from tests.support.world import ISSUER, KEYS

OTHER_KEY = type(LOG_KEY)(LOG_KEY.name, b"o" * 32).verifier_key


@pytest.fixture(scope="module")
def logged() -> LoggedService:
    """Shared by the module: no test changes it."""
    return LoggedService()


@pytest.fixture
def served(logged: LoggedService) -> EvidenceService:
    return EvidenceService(logged)


@pytest.fixture
def duecare(served: EvidenceService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)  # where files go that are named by no folder
    return Command(served, tmp_path)


@pytest.fixture
def file(logged: LoggedService, tmp_path: Path) -> Path:
    file = tmp_path / "case.duecare.json"
    file.write_bytes(logged.case_file(logged.decided))
    return file


@pytest.fixture
def changed(file: Path) -> Path:
    data = file.read_bytes().replace(b'"decision":"allow"', b'"decision":"deny"')
    assert data != file.read_bytes()
    file.write_bytes(data)
    return file


def test_get_writes_the_file_as_it_was_served_byte_for_byte(
    duecare: Command, logged: LoggedService, tmp_path: Path
) -> None:
    result = duecare("bundle", "get", logged.id)
    assert result.exit_code == 0, result.output
    assert (tmp_path / f"{logged.id}.duecare.json").read_bytes() == logged.case_file(logged.decided)
    assert f"duecare bundle verify {logged.id}.duecare.json" in result.stdout


def test_the_client_does_not_write_a_case_file_anew(served: EvidenceService, logged: LoggedService) -> None:
    """The bytes from the service are checked as they are: other spaces or another order of members fail."""
    spaced = json.dumps(json.loads(logged.case_file(logged.decided)), indent=1).encode()
    served.instead[f"/v1/decisions/{logged.id}/bundle"] = [lambda _: httpx.Response(200, content=spaced)]
    with Client(URL, "xinxi", KEYS["xinxi"], issuer=ISSUER, transport=served.network) as client:
        assert client.bundle(logged.id) == spaced


@pytest.mark.parametrize(
    "answer",
    [{}, {"decision": "allow"}, {"decision": {"record": {"decision_id": "another", "attempt": 1}}}],
    ids=["empty", "an answer of verify", "of another decision"],
)
def test_a_case_file_of_another_decision_is_refused(
    served: EvidenceService, duecare: Command, logged: LoggedService, tmp_path: Path, answer: dict[str, object]
) -> None:
    served.instead[f"/v1/decisions/{logged.id}/bundle"] = [lambda _: httpx.Response(200, json=answer)]
    with Client(URL, "xinxi", KEYS["xinxi"], issuer=ISSUER, transport=served.network) as c, pytest.raises(BadAnswer):
        c.bundle(logged.id)
    assert duecare("bundle", "get", logged.id).exit_code == 3
    assert not list(tmp_path.glob("*.json"))


def test_get_waits_while_the_decision_is_not_in_the_log_yet(
    served: EvidenceService, duecare: Command, logged: LoggedService
) -> None:
    path = f"/v1/decisions/{logged.id}/bundle"
    early = lambda _: problem(409, "not-logged-yet")  # noqa: E731
    served.instead[path] = [early, early, served._case_file]
    assert duecare("bundle", "get", logged.id).exit_code == 0
    assert len(duecare.slept) == 2
    served.instead[path] = [early]
    result = duecare("bundle", "get", logged.id, "--out", "never.json")
    assert result.exit_code == 3
    assert len(duecare.slept) == 2 + MAX_ATTEMPTS - 1
    assert not Path("never.json").exists()


def test_get_of_an_unknown_decision_or_attempt_fails_and_writes_nothing(
    duecare: Command, logged: LoggedService, tmp_path: Path
) -> None:
    assert duecare("bundle", "get", "-unknown").exit_code == 1
    assert duecare("bundle", "get", logged.id, "--attempt", "7").exit_code == 1
    assert not list(tmp_path.glob("*.json"))


def test_get_writes_over_the_same_file_and_over_nothing_else(
    duecare: Command, logged: LoggedService, tmp_path: Path
) -> None:
    out = tmp_path / "x.json"
    assert [duecare("bundle", "get", logged.id, "--out", str(out)).exit_code for _ in range(2)] == [0, 0]
    out.write_bytes(b"mine")
    result = duecare("bundle", "get", logged.id, "--out", str(out))
    assert (result.exit_code, out.read_bytes()) == (2, b"mine")
    assert "--out" in result.stderr
    for impossible in (tmp_path, tmp_path / "no-such-folder" / "x.json"):
        assert duecare("bundle", "get", logged.id, "--out", str(impossible)).exit_code == 2


def test_verify_says_every_check_and_the_answer(duecare: Command, file: Path, logged: LoggedService) -> None:
    result = duecare("bundle", "verify", str(file), "--log-key", KEY)
    assert result.exit_code == 0
    assert re.findall(r"^✓ (\w+)", result.stdout, re.MULTILINE) == [
        "form", "log", "record", "engine", "receipt", "inputs", "parties", "statements", "rows", "starts", "chains",
        "rules", "replay", "place",
    ]  # fmt: skip
    assert "ALLOW" in result.stdout
    assert logged.id in result.stdout
    assert "\x1b" not in result.stdout, "colours are for a terminal"
    assert not duecare.served.asked, "no network"


def test_verify_of_a_changed_file_names_the_failed_check(duecare: Command, changed: Path) -> None:
    result = duecare("bundle", "verify", str(changed), "--log-key", KEY)
    assert result.exit_code == 1
    assert "✗ record" in result.stdout
    assert "NOT GOOD" in result.stdout
    assert "it claims, without proof" in result.stdout
    told = duecare.json("bundle", "verify", str(changed), "--log-key", KEY)
    assert told["ok"] is False
    assert next(one["name"] for one in told["checks"] if not one["ok"]) == "record"


@pytest.mark.parametrize(
    "junk", [b"", b"{}", b"\xff", b"[1]", b"[" * 100_000], ids=["empty", "{}", "ff", "[1]", "deep"]
)
def test_verify_of_a_malformed_case_file_is_a_failed_check(duecare: Command, tmp_path: Path, junk: bytes) -> None:
    (tmp_path / "junk").write_bytes(junk)
    result = duecare("bundle", "verify", str(tmp_path / "junk"))
    assert (result.exit_code, "✗ form" in result.stdout) == (1, True)


def test_verify_of_a_missing_file_is_bad_usage(duecare: Command, tmp_path: Path) -> None:
    assert duecare("bundle", "verify", str(tmp_path / "none")).exit_code == 2
    assert duecare("bundle", "report", str(tmp_path)).exit_code == 2


def test_trust_comes_from_the_option_the_environment_or_the_profile_in_that_order(duecare: Command, file: Path) -> None:
    def told(*args: str, **environment: str) -> tuple[bool, str]:
        found = duecare.json("bundle", "verify", str(file), *args, **environment)
        return found["ok"], found["log_key_from"]

    assert told() == (False, "the file itself")
    duecare.write_profile(log_key=KEY)
    assert told() == (True, "the profile")
    assert told(DUECARE_LOG_KEY=OTHER_KEY) == (False, "DUECARE_LOG_KEY")
    assert told("--log-key", f" {KEY}\n", DUECARE_LOG_KEY=OTHER_KEY) == (True, "the command line")


def test_without_a_key_verify_says_that_nothing_shows_whose_log_it_is(duecare: Command, file: Path) -> None:
    result = duecare("bundle", "verify", str(file), profile=False)
    assert result.exit_code == 3
    assert "WHOLE, BUT WHOSE?" in result.stdout
    assert "GOOD" not in result.stdout
    assert "it claims, without proof" in result.stdout
    assert "nothing shows whose log it is" in result.stderr
    assert "--log-key" in result.stderr


@pytest.mark.parametrize(
    "key", ["x", "a+b+c", KEY[:-4], KEY.replace("+", "-"), "name+00000000+" + KEY.split("+", 2)[2]]
)
def test_a_malformed_verifier_key_is_bad_usage(duecare: Command, file: Path, key: str) -> None:
    result = duecare("bundle", "verify", str(file), "--log-key", key)
    assert (result.exit_code, "is not a verifier key" in result.stderr) == (2, True)


def test_report_writes_a_page_that_names_the_file_by_its_digest(duecare: Command, file: Path) -> None:
    result = duecare("bundle", "report", str(file), "--log-key", KEY)
    assert result.exit_code == 0
    page = (file.parent / "case.duecare.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert hashlib.sha256(file.read_bytes()).hexdigest() in page
    assert "case.duecare.json" in page
    assert "+86138****5678" in page
    assert "13812345678" not in page


def test_report_knows_languages_and_the_whole_number(duecare: Command, file: Path, tmp_path: Path) -> None:
    for language, has, has_not in (("zh-CN", "允许发送", "The answer"), ("en", "The answer", "允许发送")):
        page = tmp_path / f"{language}.html"
        result = duecare(
            "bundle", "report", str(file), "--out", str(page), "--language", language, "--show-number", "--log-key", KEY
        )
        assert result.exit_code == 0
        text = page.read_text(encoding="utf-8")
        assert (has in text, has_not in text, "+8613812345678" in text) == (True, False, True)
    assert duecare("bundle", "report", str(file), "--language", "fr").exit_code == 2


def test_a_report_without_a_key_is_a_page_that_asks_whose_the_file_is(duecare: Command, file: Path) -> None:
    result = duecare("bundle", "report", str(file), profile=False)
    assert result.exit_code == 3
    page = file.with_suffix(".html").read_text(encoding="utf-8")
    assert "Whole, but whose?" in page
    assert "核验通过" not in page


def test_report_of_a_file_that_fails_is_a_page_that_says_so_and_exit_1(duecare: Command, changed: Path) -> None:
    result = duecare("bundle", "report", str(changed), "--log-key", KEY)
    assert (result.exit_code, "A CHECK FAILED" in result.stdout) == (1, True)
    assert "核验未通过" in changed.with_suffix(".html").read_text(encoding="utf-8")


def test_report_of_a_malformed_case_file_is_a_page_that_says_so(duecare: Command, tmp_path: Path) -> None:
    junk = tmp_path / "junk.json"
    junk.write_bytes(canonical({"bundle": "<script>alert(1)</script>"}))
    assert duecare("bundle", "report", str(junk)).exit_code == 1
    page = (tmp_path / "junk.html").read_text(encoding="utf-8")
    assert "核验未通过" in page
    assert "<script" not in page


def test_report_writes_over_a_page_and_never_over_the_case_file(duecare: Command, file: Path) -> None:
    data = file.read_bytes()
    assert [duecare("bundle", "report", str(file), "--log-key", KEY).exit_code for _ in range(2)] == [0, 0]
    html = file.rename(file.with_name("case.html"))
    for args in ((str(html),), (str(html), "--out", str(html))):
        assert duecare("bundle", "report", *args).exit_code == 2
        assert html.read_bytes() == data


def test_report_in_json_names_the_page_and_the_checks(duecare: Command, file: Path) -> None:
    told = duecare.json("bundle", "report", str(file), "--log-key", KEY)
    assert (told["ok"], told["decision"], told["report"]) == (True, "allow", str(file.with_suffix(".html")))


def first_line(duecare: Command, tmp_path: Path, logged: LoggedService, **asked: Any) -> str:
    """The first line of `bundle verify` of a message that is asked about like this."""
    decided = logged.verify(**asked)
    logged.sequenced()
    (tmp_path / "asked.json").write_bytes(logged.case_file(decided))
    result = duecare("bundle", "verify", str(tmp_path / "asked.json"), "--log-key", KEY)
    assert result.exit_code == 0, result.output
    return result.stdout.partition("\n")[0]


def test_the_first_line_says_shadow_mode_and_rehearsal(tmp_path: Path) -> None:
    logged = LoggedService()
    duecare, later = Command(EvidenceService(logged), tmp_path), logged.now + timedelta(hours=20)
    line = first_line(duecare, tmp_path, logged, message_id="m-2")
    assert line == "An enforced answer, no rehearsal"
    line = first_line(duecare, tmp_path, logged, message_id="m-3", shadow=True)
    assert line == "SHADOW MODE: this answer permits nothing and bound nobody"
    line = first_line(duecare, tmp_path, logged, message_id="m-4", shadow=True, send_at=later)
    assert line.startswith("SHADOW MODE")
    assert "REHEARSAL of a later time" in line
    told = duecare.json("bundle", "verify", str(tmp_path / "asked.json"), "--log-key", KEY)
    assert (told["enforced"], told["provisional"], told["outcome"]) == (False, True, "good")
    page = duecare("bundle", "report", str(tmp_path / "asked.json"), "--log-key", KEY, "--language", "en")
    assert page.exit_code == 0
    text = re.sub(r"<[^>]*>", "", (tmp_path / "asked.html").read_text(encoding="utf-8").partition("<body>")[2])
    assert text.strip().startswith("Shadow mode")


def test_the_first_line_of_a_file_that_fails_is_only_a_claim(duecare: Command, changed: Path) -> None:
    result = duecare("bundle", "verify", str(changed), "--log-key", KEY)
    assert result.stdout.startswith("It claims to be: An enforced answer")


def test_verify_says_what_no_check_of_one_file_shows(duecare: Command, file: Path) -> None:
    result = duecare("bundle", "verify", str(file), "--log-key", KEY)
    assert "A later attempt under the same decision" in result.stdout
    told = duecare.json("bundle", "verify", str(file), "--log-key", KEY)
    assert told["cannot_show"] == list(CANNOT_SHOW) == json.loads(file.read_bytes())["cannot_show"]


LATER_ATTEMPT = "This is attempt 1, and there is a later one: attempt 3 has replaced this answer."
UNKNOWN_ATTEMPT = "Whether there is a later attempt is not known"
NOTES = (LATER_ATTEMPT, UNKNOWN_ATTEMPT)


@pytest.mark.parametrize(
    ("newest", "said"),
    [
        (1, ""),
        (3, LATER_ATTEMPT),
        (None, UNKNOWN_ATTEMPT),
    ],
)
def test_get_of_an_attempt_says_whether_there_is_a_later_one(
    newest: int | None, said: str, served: EvidenceService, duecare: Command, logged: LoggedService
) -> None:
    answer = httpx.Response(503) if newest is None else httpx.Response(200, json={"attempt": newest})
    served.instead[f"/v1/decisions/{logged.id}"] = [lambda _: answer]
    result = duecare("bundle", "get", logged.id, "--attempt", "1", "--out", "one.json")
    assert result.exit_code == 0
    assert [one for one in NOTES if one in result.stderr] == ([said] if said else [])
    assert duecare.json("bundle", "get", logged.id, "--attempt", "1", "--out", "one.json")["newest_attempt"] == newest


def test_a_file_that_is_too_long_is_not_read_to_its_end(duecare: Command, tmp_path: Path) -> None:
    with (tmp_path / "long").open("wb") as long:
        long.truncate(1 << 40)  # a sparse file of a terabyte
    result = duecare("bundle", "verify", str(tmp_path / "long"))
    assert (result.exit_code, "✗ form" in result.stdout) == (1, True)
    assert "a case file has at most" in result.stdout


NEWER = "duecare-core 9.9.9; phonenumbers 99.0.1; tzdata 2031.1"


@pytest.fixture
def newer_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """This command is of a later engine, which says more about every denial and calls the amount another."""
    monkeypatch.setattr("duecare_core.evidence.casefile.other_engine.engine", lambda: NEWER)
    monkeypatch.setattr("duecare_core.evidence.casefile.replay.differences", lambda *_: ("findings",))


@pytest.mark.usefixtures("newer_engine")
def test_verify_of_another_engines_file_has_an_exit_code_of_its_own_and_names_the_release(
    duecare: Command, file: Path
) -> None:
    result = duecare("bundle", "verify", str(file), "--log-key", KEY)
    assert result.exit_code == 4
    assert re.findall(r"^\? (\w+)", result.stdout, re.MULTILINE) == ["replay", "place"]
    assert "✗" not in result.stdout.replace("marked ✗", "")
    packages = engine().replace("; ", " ").split(" ")
    for name, version in zip(packages[::2], packages[1::2], strict=True):
        assert f"{name}=={version}" in result.stdout
    assert "WHOLE, BUT OF ANOTHER ENGINE" in result.stdout
    summary = json.loads(duecare("--json", "bundle", "verify", str(file), "--log-key", KEY).stdout)
    assert (summary["ok"], summary["outcome"], summary["engine"]) == (False, "other_engine", engine())


@pytest.mark.usefixtures("newer_engine")
def test_verify_of_another_engines_file_says_too_that_nobody_named_the_logs_key(duecare: Command, file: Path) -> None:
    result = duecare("bundle", "verify", str(file))
    assert result.exit_code == 4
    output = " ".join((result.stdout + result.stderr).split())
    assert "The log's key was taken from the file itself" in output
    assert "nothing shows whose log it is" in output
    summary = json.loads(duecare("--json", "bundle", "verify", str(file)).stdout)
    assert (summary["outcome"], summary["log_key_from"]) == ("other_engine", "the file itself")


@pytest.mark.usefixtures("newer_engine")
def test_a_changed_file_of_another_engine_is_not_good(duecare: Command, changed: Path) -> None:
    result = duecare("bundle", "verify", str(changed), "--log-key", KEY)
    assert result.exit_code == 1
    assert "NOT GOOD" in result.stdout


@pytest.mark.usefixtures("newer_engine")
def test_the_page_of_another_engines_file_does_not_say_that_it_failed(duecare: Command, file: Path) -> None:
    result = duecare("bundle", "report", str(file), "--log-key", KEY, "--out", "page.html")
    assert result.exit_code == 4
    page = Path("page.html").read_text("utf-8")
    assert "案卷完整，但由其他版本作出" in page
    assert "核验未通过" not in page


def test_the_version_names_the_engine(duecare: Command) -> None:
    result = duecare("--version")
    assert result.exit_code == 0
    assert engine() in result.stdout
    assert json.loads(duecare("--json", "--version").stdout)["engine"] == engine()
    assert json.loads(duecare("--version", "--json").stdout)["engine"] == engine()
