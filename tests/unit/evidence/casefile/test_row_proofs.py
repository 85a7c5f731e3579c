"""Rows of files in a case file: each is signed by its creditor, and an operator cannot change or replace one."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from duecare.ports import Document, Key
from duecare.usecases import table
from duecare_core.domain.facts.states import ConsentState, DebtState
from duecare_core.evidence.canonical import canonical
from duecare_core.evidence.casefile import bundle
from duecare_core.evidence.casefile.row_proofs import ProvenRow
from duecare_core.evidence.rows_root import row_salt
from tests.support.imports import SEED, Imports, as_csv, debt_row
from tests.support.logs import LOG_KEY, LoggedWorld
from tests.support.world import DAY, RECIPIENT, consent_members, debt_members, stamp
from tools.steps import ROOT

Json = dict[str, Any]
HOLDER, OTHER = "sha256:" + "1" * 64, "sha256:" + "2" * 64
TEXT = "【某资产】请与我们联系。退订回T"


class Imported(LoggedWorld):
    """Debt and consent came by files whose manifests have a `rows_root`."""

    def __init__(self, *, rooted: bool = True, debtor: str | None = None, holder: str | None = None) -> None:
        super().__init__()
        self.honest()
        self.now += DAY
        self.imports = Imports(self)
        send = self.imports.rooted if rooted else self.imports.send
        subject = {"subject": debtor} if debtor else {}
        debt = debt_members(self.now, outstanding="27911.00", **subject)
        data = as_csv([debt_row(self, 1), debt, debt_row(self, 2)], gzip=True, charset="gb18030")
        assert send(data, 3, format="csv+gzip", charset="gb18030").upload.accepted == 3
        subject = {"subject": holder} if holder else {}
        consent = consent_members(self.now, granted_at=stamp(self.now - DAY), **subject)
        data = json.dumps(consent, ensure_ascii=False).encode()
        assert send(data, 1, kind="consent", format="jsonl").upload.accepted == 1

    def asked(self, **changes: Any) -> bytes:
        """The case file of a message."""
        decided = self.verify(**{"message_id": "of-a-file", "text": TEXT} | changes)
        self.sequenced()
        return self.case_file(decided)

    def key(self, kind: type[DebtState] | type[ConsentState]) -> Key:
        pk = table.recipient(self.pseudonyms.recipient_key(RECIPIENT))
        found = [one for one in self.table._documents if one.pk == pk]
        prefix = table.debt(pk, "mou-zichan", "A-1").sk if kind is DebtState else "C#"
        (key,) = (one for one in found if one.sk.startswith(prefix))
        return key

    def forge(self, change: Callable[[DebtState], DebtState]) -> None:
        """A change that an operator could make to a fact in its table, before the decision."""
        key = self.key(DebtState)
        document: Document = self.table._documents[key]
        body = table.encode(change(table.read(document, DebtState)))
        self.table._documents[key] = document._replace(body=body)


def checks(data: bytes) -> dict[str, bundle.Check]:
    return {one.name: one for one in bundle.check(data, LOG_KEY.verifier_key).checks}


def failing(data: bytes) -> list[str]:
    """The failed checks, without a replay that was not tried because of them."""
    return [one.name for one in checks(data).values() if not one.ok and not one.detail.startswith("not made again")]


def changed(data: bytes, change: Callable[[Json], object]) -> bytes:
    value = json.loads(data)
    change(value)
    return canonical(value)


def newest(**changes: Any) -> Callable[[DebtState], DebtState]:
    return lambda state: structs.replace(state, newest=structs.replace(state.newest, **changes))


def of_row(number: str) -> Callable[[DebtState], DebtState]:
    return lambda state: newest(statement=state.newest.statement.replace("#2", f"#{number}"))(state)


def test_rows_are_proven_by_the_case_file_alone() -> None:
    data = Imported().asked()
    assert bundle.check(data, LOG_KEY.verifier_key).ok
    assert checks(data)["rows"].detail == "2 rows of files, each signed by its creditor with its file"
    rows = json.loads(data)["rows"]
    assert {row["row"]["recipient"] for row in rows} == {RECIPIENT}
    assert {row["salt"] for row in rows} == {row_salt(SEED, 1).hex(), row_salt(SEED, 2).hex()}


def test_no_other_row_and_not_the_seed_is_in_the_file() -> None:
    data = Imported().asked()
    assert SEED.hex().encode() not in data
    assert b"L-1" not in data
    assert b"L-2" not in data


def test_rows_of_a_file_without_a_root_are_good_and_the_check_says_what_that_means() -> None:
    data = Imported(rooted=False).asked()
    assert bundle.check(data, LOG_KEY.verifier_key).ok
    assert json.loads(data)["rows"] == []
    assert "2 facts are rows of files whose creditor signed the file's digest" in checks(data)["rows"].detail


def test_a_case_file_without_rows_of_files_needs_no_proof() -> None:
    world = LoggedWorld().honest()
    decided = world.verify()
    world.sequenced()
    assert checks(world.case_file(decided))["rows"] == bundle.Check("rows", True, "none")


FORGED: dict[str, Callable[[DebtState], DebtState]] = {
    "an amount": newest(outstanding=Decimal("27911.01")),
    "a day": newest(valid_until=datetime(2027, 1, 1, tzinfo=UTC)),
    "a place": newest(region="CN-BJ"),
}


@pytest.mark.parametrize("forged", FORGED)
def test_a_fact_that_the_operator_changed_in_its_table_is_refused(forged: str) -> None:
    """Record, receipt, inputs, log and replay are good: all of them are the operator's."""
    world = Imported()
    world.forge(FORGED[forged])
    data = world.asked()
    assert failing(data) == ["rows"]
    assert checks(data)["rows"].detail == "its row 2 says something else about A-1"


def test_a_row_about_somebody_else_is_refused() -> None:
    world = Imported()
    world.forge(of_row("3"))
    data = world.asked()
    assert failing(data) == ["rows"]
    assert checks(data)["rows"].detail == "its row 3 is about another number"


@pytest.mark.parametrize("number", ["0", "02", "-1", "4", "x", "", "2#2", "²", "22222222222"])
def test_a_row_that_the_file_does_not_have_is_refused(number: str) -> None:
    world = Imported()
    world.forge(of_row(number))
    proven = world.imports.evidence

    def relabelled(manifest: str, row: int) -> ProvenRow | None:
        """The proof of another row, under the name that the operator's fact has."""
        shown = proven(manifest, 1 if row == 1 else 2)
        return structs.replace(shown, statement=f"{manifest}#{row}") if shown else None

    world.row_evidence = relabelled
    assert "rows" in failing(world.asked())


def test_a_fact_that_claims_to_be_left_out_is_not_called_proven() -> None:
    """A proof of absence is not possible. The check says so instead. A debt that is open was not left out."""
    world = Imported()
    as_of = stamp(world.now + DAY)
    world.now += DAY
    data = as_csv([debt_row(world, 1, as_of=as_of), debt_row(world, 2, as_of=as_of)])
    looked = world.imports.rooted(data, 2, snapshot=True, as_of=as_of, confirm_withdrawals=1)
    assert looked.upload.withdrawn == 1
    case = world.asked()
    assert json.loads(case)["decision"]["record"]["reasons"] == ["DEBT_WITHDRAWN"]
    assert failing(case) == []
    assert "1 facts are rows" in checks(case)["rows"].detail
    world.forge(newest(status="open"))
    assert failing(world.asked(message_id="forged")) == ["statements"]


ROWS: dict[str, Callable[[Json], object]] = {
    "one is left out": lambda case: case["rows"].pop(),
    "all are left out": lambda case: case["rows"].clear(),
    "one twice": lambda case: case["rows"].append(case["rows"][0]),
    "another order": lambda case: case["rows"].reverse(),
    "swapped": lambda case: case["rows"].__setitem__(0, {**case["rows"][1], "statement": case["rows"][0]["statement"]}),
    "a row's member": lambda case: case["rows"][0]["row"].update(region="CN-BJ"),
    "a row's number": lambda case: case["rows"][0].update(statement=case["rows"][0]["statement"][:-1] + "3"),
    "a salt": lambda case: case["rows"][0].update(salt="0" * 64),
    "a salt that is short": lambda case: case["rows"][0].update(salt=case["rows"][0]["salt"][:-2]),
    "a salt in upper case": lambda case: [one.update(salt=one["salt"].upper()) for one in case["rows"]],
    "a salt with a space": lambda case: case["rows"][0].update(salt=case["rows"][0]["salt"] + " "),
    "a proof": lambda case: [one.update(proof=one["proof"][:-1] or ["0" * 64]) for one in case["rows"]],
    "a proof that is no hash": lambda case: case["rows"][0].update(proof=["zz"]),
}


@pytest.mark.parametrize("what", ROWS)
def test_rows_that_were_changed_in_the_file_are_refused(what: str) -> None:
    data = Imported().asked()
    assert failing(changed(data, ROWS[what])) == ["rows"]


# Debtor and holder, of whom the inputs only say whether they are one person


def test_the_subjects_of_proven_rows_are_held_against_the_answer() -> None:
    assert failing(Imported(debtor=HOLDER, holder=HOLDER).asked()) == []
    different = Imported(debtor=OTHER, holder=HOLDER).asked()
    assert json.loads(different)["decision"]["record"]["reasons"] == ["SUBJECT_MISMATCH"]
    assert failing(different) == []


def test_an_operator_that_makes_two_people_one_is_refused() -> None:
    world = Imported(debtor=OTHER, holder=HOLDER)
    consent = table.read(world.table._documents[world.key(ConsentState)], ConsentState).consent
    assert consent
    world.forge(newest(subject=consent.subject))
    data = world.asked()
    assert json.loads(data)["decision"]["record"]["decision"] == "allow"
    assert failing(data) == ["rows"]
    assert "different people" in checks(data)["rows"].detail


def test_an_operator_that_makes_one_person_two_is_refused() -> None:
    world = Imported(debtor=HOLDER, holder=HOLDER)
    world.forge(newest(subject="another digest"))
    data = world.asked()
    assert json.loads(data)["decision"]["record"]["reasons"] == ["SUBJECT_MISMATCH"]
    assert failing(data) == ["rows"]


# The page for people without duecare


def test_the_page_checks_the_rows_of_a_case_file(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "rows-root.md").read_text(encoding="utf-8")
    script = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[1]
    (tmp_path / "script.py").write_text(script, encoding="utf-8")

    def run(data: bytes) -> list[str]:
        (tmp_path / "case.duecare.json").write_bytes(data)
        found = subprocess.run(
            ["python3", "-I", "script.py"],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        return sorted(found.stdout.splitlines())

    data = Imported().asked()
    assert run(data) == ["row 1 signed by mou-zichan: good", "row 2 signed by mou-zichan: good"]
    forged = changed(data, lambda case: [one["row"].update(region="CN-BJ") for one in case["rows"]])
    assert run(forged) == ["row 1 signed by mou-zichan: NOT GOOD", "row 2 signed by mou-zichan: NOT GOOD"]
