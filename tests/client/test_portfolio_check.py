"""`duecare bundle verify --portfolio`: rows of files held against the files that the creditor signed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from duecare.ports import Document, Key
from duecare.usecases import table
from duecare_client.checks.portfolio import check_portfolios
from duecare_client.progress import ProgressMeter
from duecare_core.domain.facts.states import DebtState
from duecare_core.evidence.casefile.bundle import CaseFile
from tests.client.evidence_service import Command, EvidenceService
from tests.client.logged_service import KEY, LoggedService
from tests.support.imports import Imports, as_csv, debt_row
from tests.support.world import DAY, RECIPIENT, consent_members, debt_members, stamp

TEXT = "【某资产】您欠款27911元,退订回T"


class Imported(LoggedService):
    """Debt and consent came with files; `debts` and `consents` are these, in `folder`."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.now += DAY
        self.imports = Imports(self)
        self.debts, self.consents = folder / "debts.csv.gz", folder / "consents.jsonl"
        rows = [debt_row(self, 1), debt_members(self.now, outstanding="27911.00"), debt_row(self, 2)]
        data = as_csv(rows, gzip=True, charset="gb18030")
        self.debts.write_bytes(data)
        looked = self.imports.send(data, 3, format="csv+gzip", charset="gb18030")
        assert (looked.upload.accepted, looked.upload.rejected) == (3, 0)
        consent = json.dumps(consent_members(self.now, granted_at=stamp(self.now - DAY))).encode()
        self.consents.write_bytes(consent)
        assert self.imports.send(consent, 1, kind="consent", format="jsonl").upload.accepted == 1

    def asked(self, folder: Path, **changes: Any) -> Path:
        """The case file of a message."""
        decided = self.verify(**{"message_id": "of-a-file", "text": TEXT} | changes)
        self.sequenced()
        file = folder / "case.duecare.json"
        file.write_bytes(self.case_file(decided))
        return file

    @property
    def debt_key(self) -> Key:
        return table.debt(table.recipient(self.pseudonyms.recipient_key(RECIPIENT)), "mou-zichan", "A-1")

    def debt_in_the_table(self, change: Callable[[DebtState], DebtState]) -> None:
        """A change that an operator could make to a fact."""

        def changed(document: Document) -> Document:
            return document._replace(body=table.encode(change(table.read(document, DebtState))))

        self.edit(self.debt_key, changed)


@pytest.fixture
def world(tmp_path: Path) -> Imported:
    return Imported(tmp_path)


@pytest.fixture
def duecare(world: Imported, tmp_path: Path) -> Command:
    command = Command(EvidenceService(world), tmp_path)
    command.write_profile(log_key=KEY)
    return command


def portfolio_checks(duecare: Command, file: Path, *portfolios: Path) -> list[tuple[bool, str]]:
    named = [word for one in portfolios for word in ("--portfolio", str(one))]
    result = duecare("bundle", "verify", str(file), *named, "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == (0 if told["ok"] else 1)
    assert told["ok"] == all(one["ok"] for one in told["checks"])
    return [(one["ok"], one["detail"]) for one in told["checks"] if one["name"] == "portfolio"]


def test_the_files_that_the_creditor_signed_say_the_same(world: Imported, duecare: Command, tmp_path: Path) -> None:
    file = world.asked(tmp_path)
    assert portfolio_checks(duecare, file, world.debts, world.consents) == [
        (True, f"{world.debts}: it is the file that mou-zichan signed, and says the same in row 2"),
        (True, f"{world.consents}: it is the file that mou-zichan signed, and says the same in row 1"),
    ]


def test_without_a_portfolio_the_output_says_what_is_not_shown(
    world: Imported, duecare: Command, tmp_path: Path
) -> None:
    file = world.asked(tmp_path)
    result = duecare("bundle", "verify", str(file))
    assert result.exit_code == 0
    assert "2 of the facts are rows of a file" in result.stderr
    assert "--portfolio" in result.stderr
    assert "rows of a file" not in duecare("bundle", "verify", str(file), "--portfolio", str(world.debts)).stderr


def test_another_file_is_not_taken_for_it(world: Imported, duecare: Command, tmp_path: Path) -> None:
    file = world.asked(tmp_path)
    other = tmp_path / "other.csv"
    other.write_bytes(as_csv([debt_members(world.now)]))
    ((good, said),) = portfolio_checks(duecare, file, other)
    assert not good
    assert "none of the files with these facts" in said
    for known in (world.debts, world.consents, other):  # which file to ask for, and which this one is
        assert f"sha256:{hashlib.sha256(known.read_bytes()).hexdigest()}" in said


def test_a_case_file_without_rows_of_a_file_matches_no_portfolio(
    world: Imported, duecare: Command, tmp_path: Path
) -> None:
    file = tmp_path / "single.duecare.json"
    file.write_bytes(world.case_file(world.decided))
    ((good, said),) = portfolio_checks(duecare, file, world.debts)
    assert not good
    assert "no fact here is a row of a file" in said


def newest(**changes: Any) -> Callable[[DebtState], DebtState]:
    return lambda state: structs.replace(state, newest=structs.replace(state.newest, **changes))


def of_row(number: int) -> Callable[[DebtState], DebtState]:
    return lambda state: newest(statement=state.newest.statement.replace("#2", f"#{number}"))(state)


FORGED: dict[str, Callable[[DebtState], DebtState]] = {
    "an amount": newest(outstanding=Decimal("27911.01")),
    "a day": newest(valid_until=datetime(2027, 1, 1, tzinfo=UTC)),
    "a place": newest(region="CN-BJ"),
    "a row of somebody else": of_row(3),
}
SAID = {"a row of somebody else": "its row 3 is about another number"}


@pytest.mark.parametrize("forged", FORGED)
def test_a_row_that_an_operator_changed_is_found(
    forged: str, world: Imported, duecare: Command, tmp_path: Path
) -> None:
    """Everything else about such a case file is good: the decision is what follows from what the operator says."""
    world.debt_in_the_table(FORGED[forged])
    file = world.asked(tmp_path, text="【某资产】请与我们联系。退订回T")  # allowed with any of these
    assert duecare("bundle", "verify", str(file)).exit_code == 0
    (found,) = portfolio_checks(duecare, file, world.debts)
    assert found == (False, f"{world.debts}: {SAID.get(forged, 'its row 2 says something else about A-1')}")


@pytest.mark.parametrize(("number", "why"), [("4", "the file has 3 rows"), ("left-out", "the file is no snapshot")])
def test_a_row_that_the_manifest_rules_out_is_found_without_the_file(
    number: str, why: str, world: Imported, duecare: Command, tmp_path: Path
) -> None:
    world.debt_in_the_table(lambda state: newest(statement=state.newest.statement.replace("#2", f"#{number}"))(state))
    result = duecare("bundle", "verify", str(world.asked(tmp_path)))
    assert (result.exit_code, why in result.stdout) == (1, True)


def test_a_row_that_answers_a_dispute_is_held_against_the_file(
    world: Imported, duecare: Command, tmp_path: Path
) -> None:
    about = {"recipient": RECIPIENT, "creditor": "mou-zichan", "claim": "not_mine"}
    dispute = world.accepted("xinxi", "dispute", **about, received_at=stamp(world.now))
    world.now += DAY
    answer, data = (
        tmp_path / "answer.csv",
        as_csv([debt_members(world.now, as_of=stamp(world.now), answers_dispute=dispute)]),
    )
    answer.write_bytes(data)
    assert world.imports.send(data, 1).upload.accepted == 1
    file = world.asked(tmp_path)
    ((good, _),) = portfolio_checks(duecare, file, answer)
    assert good
    (mark,) = table.read(world.table.get([world.debt_key])[world.debt_key], DebtState).answers.values()
    other = "sha256:" + "0" * 64
    world.debt_in_the_table(lambda state: structs.replace(state, answers={other: mark, **state.answers}))
    file = world.asked(tmp_path, message_id="forged")
    ((good, said),) = portfolio_checks(duecare, file, answer)
    assert (good, said) == (False, f"{answer}: its row 1 says something else about A-1")


def test_a_debt_that_a_snapshot_left_out_is_not_in_it(world: Imported, duecare: Command, tmp_path: Path) -> None:
    world.now += DAY
    as_of = stamp(world.now)
    snapshot, data = (
        tmp_path / "snapshot.csv",
        as_csv([debt_row(world, 1, as_of=as_of), debt_row(world, 2, as_of=as_of)]),
    )
    snapshot.write_bytes(data)
    looked = world.imports.send(data, 2, snapshot=True, as_of=as_of, confirm_withdrawals=1)
    assert looked.upload.withdrawn == 1, looked
    file = world.asked(tmp_path)
    assert json.loads(file.read_bytes())["decision"]["record"]["reasons"] == ["DEBT_WITHDRAWN"]
    assert portfolio_checks(duecare, file, snapshot) == [
        (True, f"{snapshot}: it is the file that mou-zichan signed, and says the same in the debts that it leaves out")
    ]


def test_a_debt_that_was_not_left_out_is_found(world: Imported, duecare: Command, tmp_path: Path) -> None:
    world.now += DAY
    as_of = stamp(world.now)
    snapshot, data = (
        tmp_path / "snapshot.csv",
        as_csv([debt_row(world, 1, as_of=as_of), debt_members(world.now, as_of=as_of)]),
    )
    snapshot.write_bytes(data)
    assert world.imports.send(data, 2, snapshot=True, as_of=as_of, confirm_withdrawals=1).upload.accepted == 2
    manifest = world.asked(tmp_path)
    case = msgspec.json.decode(manifest.read_bytes(), type=CaseFile)
    (name,) = [one for one in case.decision.record.relied_on if one.endswith("#2")]
    world.debt_in_the_table(
        lambda state: structs.replace(
            state,
            newest=structs.replace(state.newest, status="withdrawn", statement=name.replace("#2", "#left-out")),
        )
    )
    file = world.asked(tmp_path, message_id="forged")
    ((good, said),) = portfolio_checks(duecare, file, snapshot)
    assert (good, said) == (False, f"{snapshot}: row 2 holds the debt A-1, which the case file says was left out")


@pytest.mark.parametrize(
    "changes", [{"status": "open"}, {"status": "settled"}, {"at": datetime(2026, 1, 1, tzinfo=UTC)}]
)
def test_the_file_does_not_bear_out_another_claim_about_a_debt_that_it_leaves_out(
    changes: dict[str, Any], world: Imported, tmp_path: Path
) -> None:
    """The debt is not in the file, so the file says that it is withdrawn, and nothing else."""
    world.now += DAY
    as_of = stamp(world.now)
    data = as_csv([debt_row(world, 1, as_of=as_of), debt_row(world, 2, as_of=as_of)])
    (snapshot := tmp_path / "snapshot.csv").write_bytes(data)
    looked = world.imports.send(data, 2, snapshot=True, as_of=as_of, confirm_withdrawals=1)
    assert looked.upload.withdrawn == 1
    world.debt_in_the_table(newest(**changes))
    case = msgspec.json.decode(world.asked(tmp_path).read_bytes(), type=CaseFile)
    (found,) = check_portfolios(case, [snapshot], ProgressMeter(StringIO()))
    assert not found.ok
    assert "it is not withdrawn as of the file" in found.detail


def test_a_case_file_with_a_failed_check_is_not_compared_with_a_portfolio(
    world: Imported, duecare: Command, tmp_path: Path
) -> None:
    file = world.asked(tmp_path)
    file.write_bytes(file.read_bytes().replace(b'"decision":"allow"', b'"decision":"deny"'))
    ((good, said),) = portfolio_checks(duecare, file, world.debts)
    assert (good, said) == (False, "not compared, because a check above failed")


def test_a_file_that_cannot_be_read_is_said_in_a_line(world: Imported, duecare: Command, tmp_path: Path) -> None:
    file = world.asked(tmp_path)
    result = duecare("bundle", "verify", str(file), "--portfolio", str(tmp_path / "none.csv"))
    assert result.exit_code == 2
    assert "cannot be read" in result.stderr
