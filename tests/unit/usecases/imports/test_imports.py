"""Imports of portfolios: announced, checked, split, merged row by row as single statements, counted, closed."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from duecare.usecases import table
from duecare.usecases.imports import close, ingest
from duecare.usecases.imports import import_part as import_rows
from duecare.usecases.imports.announce import UploadView
from duecare.usecases.imports.upload_state import UploadState
from duecare_core.errors import NotAllowed, NotFound, RequestError, StoreFailed, Unacceptable
from tests.support.imports import Imports, as_csv, debt_row, recipient
from tests.support.memory import MemoryTable
from tests.support.world import DAY, NOTICE, World, consent_members, stamp


@pytest.fixture
def world() -> World:
    return World().register()


@pytest.fixture
def imports(world: World) -> Imports:
    world.engage()
    return Imports(world)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of three rows, so that a small file has several."""
    monkeypatch.setattr(ingest, "MAX_ROWS_PER_PART", 3)


def counts(looked: UploadView) -> tuple[str, int, int, int]:
    upload = looked.upload
    return upload.state, upload.accepted, upload.unchanged, upload.rejected


def allowed(world: World, number: int) -> list[str]:
    """The reasons against a text about the debt of this row."""
    world.state("mou-zichan", "consent", **consent_members(world.now, recipient=recipient(number)))
    return world.reasons(recipient=recipient(number), text="【某资产】请按约还款。退订回T")


# A file has the effect of single statements


@pytest.mark.usefixtures("small_parts")
def test_a_row_has_the_effect_of_a_single_statement(imports: Imports, world: World) -> None:
    looked = imports.debts([debt_row(world, n) for n in range(10)])
    assert counts(looked) == ("done", 10, 0, 0)
    assert looked.upload.parts == 4
    assert [allowed(world, n) for n in (0, 9)] == [[], []]
    assert allowed(world, 10) == ["DEBT_MISSING"]


def test_the_statement_id_of_a_row_is_the_manifests_with_its_number(imports: Imports, world: World) -> None:
    looked = imports.debts([debt_row(world, n) for n in range(3)])
    allowed(world, 1)
    relied = world.verify(recipient=recipient(1), text="【某资产】请按约还款。退订回T").record.relied_on
    assert f"{looked.upload.manifest_id}#2" in relied
    on_file = table.statement(looked.upload.manifest_id)
    assert on_file in world.documents.get([on_file])


@pytest.mark.usefixtures("small_parts")
def test_the_same_file_again_changes_nothing_and_writes_nothing(imports: Imports, world: World) -> None:
    rows = [debt_row(world, n) for n in range(7)]
    imports.debts(rows)
    before = {key: doc for key, doc in world.documents._documents.items() if key.pk.startswith("R#")}
    world.now += timedelta(seconds=5)
    assert counts(imports.debts(rows)) == ("done", 0, 7, 0)
    assert {key: doc for key, doc in world.documents._documents.items() if key.pk.startswith("R#")} == before


def test_a_row_older_than_a_statement_is_unchanged(imports: Imports, world: World) -> None:
    world.debt(recipient=recipient(1), debt_ref="L-1", outstanding="5", as_of=stamp(world.now))
    looked = imports.debts([debt_row(world, n) for n in (1, 2)])
    assert counts(looked) == ("done", 1, 1, 0)
    key = table.debt(table.recipient(world.pseudonyms.recipient_key(recipient(1))), "mou-zichan", "L-1")
    assert b'"outstanding":"5"' in world.documents.get([key])[key].body


def test_a_row_written_without_reading_conflicts_with_a_stored_document(
    imports: Imports, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_rows, "MAX_ROWS_MERGED", 3)
    world.debt(recipient=recipient(7), debt_ref="L-7", outstanding="5", as_of=stamp(world.now))
    world.accepted("mou-zichan", "debt", **debt_row(world, 8, outstanding="6"))
    looked = imports.debts([debt_row(world, n) for n in range(10)])
    assert counts(looked) == ("done", 8, 1, 1)
    assert [number for number, *_ in imports.rejects(looked.upload_id)] == ["9"]
    key = table.debt(table.recipient(world.pseudonyms.recipient_key(recipient(7))), "mou-zichan", "L-7")
    assert b'"outstanding":"5"' in world.documents.get([key])[key].body


def test_a_row_that_contradicts_a_stored_statement_is_rejected(imports: Imports, world: World) -> None:
    row = debt_row(world, 1)
    world.accepted("mou-zichan", "debt", **{**row, "outstanding": "5"})
    looked = imports.debts([row, debt_row(world, 2)])
    assert counts(looked) == ("done", 1, 0, 1)
    assert [(number, code) for number, _, code, _ in imports.rejects(looked.upload_id)] == [("1", "conflict")]


def test_a_bad_row_is_rejected_by_itself_with_its_column_and_without_the_number(imports: Imports, world: World) -> None:
    rows = [debt_row(world, n) for n in range(4)]
    rows[1]["outstanding"] = "a lot"
    rows[2]["recipient"] = "13812345678"
    looked = imports.debts(rows)
    assert counts(looked) == ("done", 2, 0, 2)
    told = imports.rejects(looked.upload_id)
    assert [(number, column) for number, column, _, _ in told] == [("2", "outstanding"), ("3", "recipient")]
    assert "13812345678" not in str(told)
    assert looked.rejects_url


def test_as_of_may_be_in_the_manifest(imports: Imports, world: World) -> None:
    rows = [{name: cell for name, cell in debt_row(world, n).items() if name != "as_of"} for n in range(3)]
    data = as_csv(rows).replace(b",as_of", b"").replace(b",,open", b",open")
    assert counts(imports.send(data, 3, as_of=stamp(world.now - DAY))) == ("done", 3, 0, 0)
    assert allowed(world, 1) == []


@pytest.mark.parametrize("charset", ["utf-8", "gb18030"])
@pytest.mark.parametrize("gzip", [True, False])
def test_files_may_be_gzip_and_in_either_charset(imports: Imports, world: World, charset: str, gzip: bool) -> None:
    rows = [debt_row(world, n, original_creditor="某银行,“分行”") for n in range(3)]
    data = as_csv(rows, gzip=gzip, charset=charset)
    looked = imports.send(data, 3, charset=charset, format="csv+gzip" if gzip else "csv")
    assert counts(looked) == ("done", 3, 0, 0)


def test_json_lines_and_consents(imports: Imports, world: World) -> None:
    rows = [consent_members(world.now, recipient=recipient(n), channels=["sms", "voice"]) for n in range(3)]
    rows[2]["notice"] = "sha256:short"
    data = "\n".join(json.dumps(row) for row in rows).encode()
    assert counts(imports.send(data, 3, kind="consent", format="jsonl")) == ("done", 2, 0, 1)
    world.debt(recipient=recipient(0))
    world.debt(recipient=recipient(2))
    assert world.reasons(recipient=recipient(0)) == []
    assert world.reasons(recipient=recipient(2)) == ["CONSENT_MISSING"]


# Rows about the same debt


@pytest.mark.usefixtures("small_parts")
def test_the_newest_of_duplicate_rows_counts(imports: Imports, world: World) -> None:
    rows = [debt_row(world, n) for n in range(8)]
    rows.append(debt_row(world, 0, as_of=stamp(world.now), outstanding="77"))
    rows.insert(4, debt_row(world, 0, as_of=stamp(world.now - 3 * DAY), outstanding="99"))
    looked = imports.debts(rows)
    assert counts(looked) == ("done", 8, 2, 0)
    allowed(world, 0)
    assert world.reasons(recipient=recipient(0), text="【某资产】欠款77元。退订回T") == []


@pytest.mark.usefixtures("small_parts")
def test_contradicting_rows_are_rejected_and_an_older_row_counts(imports: Imports, world: World) -> None:
    rows = [debt_row(world, n) for n in range(8)]
    rows.append(debt_row(world, 2, outstanding="1"))
    rows.append(debt_row(world, 2, as_of=stamp(world.now - 3 * DAY), outstanding="42"))
    looked = imports.debts(rows)
    assert counts(looked) == ("done", 8, 0, 2)
    assert [(number, code) for number, _, code, _ in imports.rejects(looked.upload_id)] == [
        ("3", "conflict"),
        ("9", "conflict"),
    ]
    allowed(world, 2)
    assert world.reasons(recipient=recipient(2), text="【某资产】欠款42元。退订回T") == []


def test_the_same_row_twice_counts_once(imports: Imports, world: World) -> None:
    assert counts(imports.debts([debt_row(world, 1)] * 2)) == ("done", 1, 1, 0)


@pytest.mark.parametrize("debts", [1, 2, 3])
def test_too_many_duplicate_rows_reject_the_file(
    imports: Imports, world: World, monkeypatch: pytest.MonkeyPatch, debts: int
) -> None:
    monkeypatch.setattr(ingest, "MAX_DUPLICATES", 3)
    looked = imports.debts([debt_row(world, n % debts) for n in range(6)])
    assert refused(looked) == "too-many-doubled-rows"
    assert allowed(world, 0) == ["DEBT_MISSING"]


# A file that does not match its manifest


def refused(looked: UploadView) -> str:
    assert looked.upload.state == "refused"
    assert looked.upload.problem
    return looked.upload.problem.name


def test_a_file_with_another_digest_is_rejected_whole(imports: Imports, world: World) -> None:
    data = as_csv([debt_row(world, n) for n in range(5)])
    opened = imports.announce(data, 5)
    imports.put(opened.upload_id, data.replace(b"27911", b"27912"))
    assert refused(imports.look(opened.upload_id)) == "wrong-digest"
    assert imports.queue.messages == []
    assert list(imports.files.names("")) == []


@pytest.mark.parametrize("rows", [4, 6])
def test_a_file_with_another_row_count_is_rejected(imports: Imports, world: World, rows: int) -> None:
    data = as_csv([debt_row(world, n) for n in range(5)])
    assert refused(imports.send(data, rows)) == "wrong-row-count"


def test_the_reason_why_a_file_is_rejected_is_shown(imports: Imports, world: World) -> None:
    data = as_csv([debt_row(world, n) for n in range(3)])
    assert refused(imports.send(data.replace(b"debt_ref", b"ref", 1), 3)) == "unknown-columns"
    assert refused(imports.send(data.replace(b",currency,", b",debt_ref,", 1), 3)) == "doubled-columns"
    assert refused(imports.send(as_csv([debt_row(world, 1)], gzip=True)[:-9], 1, format="csv+gzip")) == "truncated-gzip"
    assert allowed(world, 1) == ["DEBT_MISSING"]


def test_a_file_of_a_creditor_suspended_since_is_rejected(imports: Imports, world: World) -> None:
    data = as_csv([debt_row(world, 1)])
    opened = imports.announce(data, 1)
    world.operate.suspend("mou-zichan")
    imports.put(opened.upload_id, data)
    world.operate.resume("mou-zichan")
    assert refused(imports.look(opened.upload_id)) == "party-suspended"


# The announcement


def test_the_same_manifest_again_is_the_same_upload(imports: Imports, world: World) -> None:
    data = as_csv([debt_row(world, 1)])
    token = imports.manifest(data, 1)
    opened = [imports.uploads.open(world.caller("mou-zichan"), token) for _ in range(2)]
    assert opened[0].upload_id == opened[1].upload_id
    imports.put(opened[0].upload_id, data)
    imports.work()
    assert imports.uploads.open(world.caller("mou-zichan"), token).upload.state == "done"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aud": "https://other.example"}, "wrong-audience"),
        ({"kind": "mandate"}, "unknown-value"),
        ({"charset": "latin-1"}, "unknown-value"),
        ({"sha256": "sha256:0"}, "wrong-type-or-form"),
        ({"surprise": 1}, "unknown-member"),
        ({"snapshot": True}, "missing"),
        ({"as_of": "2031-01-01T00:00:00Z"}, "dated-ahead"),
        ({"confirm_withdrawals": 5}, "snapshot-only"),
    ],
)
def test_a_rejected_manifest_names_the_member(imports: Imports, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Unacceptable) as refused:
        imports.announce(b"x", 1, **changes)
    assert refused.value.errors[0].code == code


def test_a_manifest_of_another_creditor_or_of_no_creditor_is_rejected(imports: Imports, world: World) -> None:
    token = imports.manifest(b"x", 1, "other-bank")
    with pytest.raises(RequestError) as refused:
        imports.uploads.open(world.caller("mou-zichan"), token)
    assert refused.value.errors[0].code == "unknown-key"
    with pytest.raises(NotAllowed) as wrong:
        imports.announce(b"x", 1, "xinxi")
    assert wrong.value.name == "wrong-role"
    with pytest.raises(NotAllowed) as another:
        imports.announce(b"x", 1, iss="other-bank")
    assert another.value.name == "not-the-issuer"


def test_an_upload_is_shown_to_its_creditor_only(imports: Imports, world: World) -> None:
    opened = imports.announce(b"x", 1)
    assert counts(imports.look(opened.upload_id)) == ("awaiting_file", 0, 0, 0)
    for party in ("other-bank", "xinxi", "shenji"):
        with pytest.raises(NotFound):
            imports.look(opened.upload_id, party)
    for unknown in ("a" * 26, "", "../x"):
        with pytest.raises(NotFound):
            imports.look(unknown)


# Redelivered events and messages


def test_an_event_for_an_unannounced_file_is_ignored(imports: Imports) -> None:
    assert imports.put("a" * 26, b"x") is None


@pytest.mark.usefixtures("small_parts")
def test_repeated_events_and_messages_count_once(imports: Imports, world: World) -> None:
    data = as_csv([debt_row(world, n) for n in range(8)])
    opened = imports.announce(data, 8)
    imports.put(opened.upload_id, data)
    imports.put(opened.upload_id, data)
    assert len(imports.queue.messages) == 6
    for message in list(imports.queue.messages):
        imports.one(message)
    imports.work()
    assert counts(imports.look(opened.upload_id)) == ("done", 8, 0, 0)
    imports.put(opened.upload_id, data)
    imports.work()
    assert counts(imports.look(opened.upload_id)) == ("done", 8, 0, 0)


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("work_after", [1, 4, 5, 6, 9])
def test_two_concurrent_passes_over_one_file_do_not_interfere(
    imports: Imports, world: World, monkeypatch: pytest.MonkeyPatch, work_after: int
) -> None:
    """The event came twice: while one pass writes its parts, another ends and its workers begin."""
    rows = [debt_row(world, n) for n in range(8)]
    rows += [debt_row(world, 2, outstanding="1"), debt_row(world, 3, as_of=stamp(world.now), outstanding="2")]
    data = as_csv(rows)
    opened = imports.announce(data, len(rows))
    write, count, inside = imports.files.write, [0], [False]

    def writes(name: str, pieces: Any) -> None:
        write(name, pieces)
        if inside[0] or not name.startswith("parts/"):
            return
        count[0] += 1
        inside[0] = True
        if count[0] == 1:
            imports.put(opened.upload_id, data)
        if count[0] == work_after:
            imports.work()
        inside[0] = False

    with monkeypatch.context() as patch:
        patch.setattr(imports.files, "write", writes)
        imports.put(opened.upload_id, data)
    imports.work()
    looked = imports.look(opened.upload_id)
    assert counts(looked) == ("done", 7, 1, 2)
    assert list(imports.files.names("parts/")) == []
    assert len(imports.rejects(opened.upload_id)) == 2


def test_no_number_remains_in_the_files_after_an_import(imports: Imports, world: World) -> None:
    rows = [debt_row(world, n) for n in range(3)]
    rows[0]["status"] = "lost"
    looked = imports.debts(rows)
    assert list(imports.files.names("")) == [f"rejects/{looked.upload_id}.csv"]


# Snapshots


def portfolio(world: World, *numbers: int, **changes: Any) -> list[dict[str, Any]]:
    return [debt_row(world, n, **changes) for n in numbers]


def test_debts_omitted_from_a_snapshot_are_withdrawn_as_of_its_date(imports: Imports, world: World) -> None:
    imports.debts(portfolio(world, *range(10)))
    as_of = stamp(world.now)
    looked = imports.debts(portfolio(world, *range(9)), snapshot=True, as_of=as_of)
    assert counts(looked) == ("done", 0, 9, 0)
    assert (looked.upload.withdrawn, looked.upload.to_confirm) == (1, None)
    assert allowed(world, 9) == ["DEBT_WITHDRAWN"]
    assert allowed(world, 8) == []


def test_a_debt_stated_after_the_snapshot_stays_open(imports: Imports, world: World) -> None:
    imports.debts(portfolio(world, *range(10)))
    as_of = stamp(world.now - timedelta(hours=1))
    world.debt(recipient=recipient(9), debt_ref="L-9", as_of=stamp(world.now))
    looked = imports.debts(portfolio(world, *range(9)), snapshot=True, as_of=as_of)
    assert looked.upload.withdrawn == 0
    assert allowed(world, 9) == []


def test_a_snapshot_does_not_touch_settled_debts_or_other_creditors(imports: Imports, world: World) -> None:
    imports.debts(portfolio(world, *range(10)))
    other = debt_row(world, 3)
    world.accepted("other-bank", "debt", **other)
    settled = debt_row(world, 9, as_of=stamp(world.now - timedelta(hours=2)), status="settled")
    world.accepted("mou-zichan", "debt", **settled)
    looked = imports.debts(portfolio(world, *range(9)), snapshot=True, as_of=stamp(world.now))
    assert looked.upload.withdrawn == 0
    assert allowed(world, 9) == ["DEBT_SETTLED"]


def test_many_withdrawals_need_confirmation_by_their_number(imports: Imports, world: World) -> None:
    imports.debts(portfolio(world, *range(10)))
    as_of = stamp(world.now)
    looked = imports.debts(portfolio(world, *range(7)), snapshot=True, as_of=as_of)
    assert (looked.upload.state, looked.upload.withdrawn, looked.upload.to_confirm) == ("done", 0, 3)
    assert allowed(world, 9) == []
    wrong = imports.debts(portfolio(world, *range(7)), snapshot=True, as_of=as_of, confirm_withdrawals=4)
    assert (wrong.upload.withdrawn, wrong.upload.to_confirm) == (0, 3)
    right = imports.debts(portfolio(world, *range(7)), snapshot=True, as_of=as_of, confirm_withdrawals=3)
    assert (right.upload.withdrawn, right.upload.to_confirm) == (3, None)
    assert [allowed(world, n) for n in (6, 7, 9)] == [[], ["DEBT_WITHDRAWN"], ["DEBT_WITHDRAWN"]]


def test_closing_after_a_crash_withdraws_the_rest_and_counts_all(
    imports: Imports, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(close, "MAX_DEBTS_READ", 2)
    imports.debts(portfolio(world, *range(10)))
    data = as_csv(portfolio(world, *range(4)))
    opened = imports.announce(data, 4, snapshot=True, as_of=stamp(world.now), confirm_withdrawals=6)
    imports.put(opened.upload_id, data)
    withdraw, left = imports.close._withdraw_group, [1]

    def dies(upload: UploadState, keys: Any) -> None:
        if not left:
            raise StoreFailed("gone")
        left.pop()
        withdraw(upload, keys)

    with monkeypatch.context() as patch:
        patch.setattr(imports.close, "_withdraw_group", dies)
        with pytest.raises(StoreFailed):
            imports.one(imports.queue.messages[0])
    imports.work()
    upload = imports.look(opened.upload_id).upload
    assert (upload.state, upload.withdrawn, upload.to_confirm) == ("done", 6, None)
    assert {tuple(allowed(world, n)) for n in range(4, 10)} == {("DEBT_WITHDRAWN",)}


def test_a_row_that_was_rejected_is_still_in_the_snapshot(imports: Imports, world: World) -> None:
    imports.debts(portfolio(world, *range(10)))
    rows = portfolio(world, *range(10))
    rows[4]["outstanding"] = "?"
    looked = imports.debts(rows, snapshot=True, as_of=stamp(world.now))
    assert (looked.upload.withdrawn, looked.upload.rejected) == (0, 1)
    assert allowed(world, 4) == []


def test_consents_have_no_snapshot(imports: Imports) -> None:
    with pytest.raises(Unacceptable):
        imports.announce(NOTICE.encode(), 1, kind="consent", snapshot=True)


class CountingReads(MemoryTable):
    reads = 0

    def get(self, keys: Any) -> Any:
        self.reads += 1
        return super().get(keys)


@pytest.mark.parametrize("kind", ["debt", "consent"])
def test_rows_are_read_by_the_group_and_never_one_by_one(kind: str) -> None:
    documents = CountingReads()
    world = World(documents, documents).register()
    if kind == "debt":
        rows = [debt_row(world, n) for n in range(500)]
    else:
        rows = [consent_members(world.now, recipient=recipient(n)) for n in range(500)]
    data = "\n".join(map(json.dumps, rows)).encode()
    assert counts(Imports(world).send(data, 500, kind=kind, format="jsonl")) == ("done", 500, 0, 0)
    assert documents.reads < 60


def test_rows_that_a_reassignment_voids_are_accepted_as_new(imports: Imports, world: World) -> None:
    for n in range(3):
        world.accepted("yunyingshang", "number-reassignment", recipient=recipient(n), effective_at=stamp(world.now))
    assert counts(imports.debts([debt_row(world, n) for n in range(5)])) == ("done", 5, 0, 0)
