"""Uploads with `rows_root`: the seed, the check before anything counts, and the evidence of each row."""

from __future__ import annotations

from typing import Any

import pytest

from duecare.usecases import table
from duecare.usecases.imports import ingest, row_erasure
from duecare.usecases.imports.announce import UploadView
from duecare.usecases.imports.row_erasure import ErasedRows, RowErasure
from duecare.usecases.imports.row_evidence import FileHashes
from duecare.usecases.imports.upload_state import evidence_prefix, index_name, rows_name
from duecare_core.domain.fields import E164
from duecare_core.errors import Conflict, SealFailed, Unacceptable
from duecare_core.evidence.canonical import canonical
from duecare_core.evidence.casefile.row_proofs import ProvenRow
from duecare_core.evidence.rows_root import check_row
from tests.support.imports import SEED, Imports, as_csv, debt_row, recipient
from tests.support.world import DAY, World

OTHER_SEED = bytes(range(1, 33))


@pytest.fixture
def world() -> World:
    return World().register()


@pytest.fixture
def imports(world: World, monkeypatch: pytest.MonkeyPatch) -> Imports:
    """Parts of three rows, so that a small file has several."""
    monkeypatch.setattr(ingest, "MAX_ROWS_PER_PART", 3)
    world.engage()
    return Imports(world)


def evidence(imports: Imports, looked: UploadView, number: int) -> ProvenRow:
    found = imports.evidence(looked.upload.manifest_id, number)
    assert found is not None
    return found


def check(looked: UploadView, number: int, row: ProvenRow) -> None:
    """As the verifier checks a row."""
    manifest = looked.upload.manifest
    proof = [bytes.fromhex(hash_) for hash_ in row.proof]
    salt = bytes.fromhex(row.salt)
    check_row(manifest.rows_root or "", manifest.rows, number, salt, canonical(row.row), proof)


def problem(looked: UploadView) -> str:
    assert looked.upload.state == "refused"
    assert looked.upload.problem
    return looked.upload.problem.name


def facts(world: World) -> list[str]:
    return [key.pk for key in world.documents._documents if key.pk.startswith("R#")]


def rows_objects(imports: Imports) -> list[str]:
    return list(imports.files.names("rows/"))


# The check


def test_a_file_with_its_root_is_imported_and_every_row_has_its_evidence(imports: Imports, world: World) -> None:
    rows = [debt_row(world, n) for n in range(10)]
    looked = imports.rooted(as_csv(rows), 10)
    assert (looked.upload.state, looked.upload.accepted) == ("done", 10)
    for number, row in enumerate(rows, 1):
        found = evidence(imports, looked, number)
        assert found.statement == looked.upload.statement_of(number)
        assert found.row == row
        check(looked, number, found)


@pytest.mark.parametrize("wrong", ["another root", "another seed", "a swapped row", "a changed row", "another order"])
def test_a_file_that_has_not_the_signed_root_is_refused_and_nothing_counts(
    imports: Imports, world: World, wrong: str
) -> None:
    rows = [debt_row(world, n) for n in range(7)]
    signed, sent, seed = list(rows), list(rows), SEED
    match wrong:
        case "another seed":
            seed = OTHER_SEED
        case "a swapped row":
            sent[4] = debt_row(world, 99)
        case "a changed row":
            sent[4] = debt_row(world, 4, outstanding="1")
        case "another order":
            sent = rows[::-1]
    root = imports.root(as_csv(signed), 7)
    before = facts(world)
    root = "sha256:" + "0" * 64 if wrong == "another root" else root
    looked = imports.rooted(as_csv(sent), 7, seed=seed, rows_root=root)
    assert problem(looked) == "wrong-rows-root"
    assert looked.upload.parts == 0
    assert facts(world) == before
    assert rows_objects(imports) == []
    assert not imports.queue.messages


def test_a_row_that_cannot_be_read_has_a_leaf_and_no_evidence(imports: Imports, world: World) -> None:
    header, *lines = as_csv([debt_row(world, n) for n in range(4)]).splitlines(keepends=True)
    lines[1] = b"too,few\r\n"
    looked = imports.rooted(header + b"".join(lines), 4)
    assert (looked.upload.state, looked.upload.accepted, looked.upload.rejected) == ("done", 3, 1)
    for number in (1, 3, 4):
        check(looked, number, evidence(imports, looked, number))
    with pytest.raises(Conflict):
        imports.evidence(looked.upload.manifest_id, 2)


def test_duplicate_rows_have_their_evidence_although_they_are_moved(imports: Imports, world: World) -> None:
    rows = [debt_row(world, n) for n in range(8)]
    rows += [rows[1], rows[6]]
    looked = imports.rooted(as_csv(rows), 10)
    assert looked.upload.doubled
    for number in range(1, 11):
        found = evidence(imports, looked, number)
        assert found.row == rows[number - 1]
        check(looked, number, found)


def test_a_part_that_is_delivered_again_has_its_evidence(imports: Imports, world: World) -> None:
    data = as_csv([debt_row(world, n) for n in range(4)])
    opened = imports.announce(data, 4, rows_seed=SEED.hex(), rows_root=imports.root(data, 4))
    imports.put(opened.upload_id, data)
    first, second = imports.queue.messages
    for message in (first, first, second, first):
        imports.one(message)
    looked = imports.look(opened.upload_id)
    assert (looked.upload.state, looked.upload.accepted) == ("done", 4)
    for number in range(1, 5):
        check(looked, number, evidence(imports, looked, number))


def test_a_manifest_without_a_root_still_works_and_has_no_evidence(imports: Imports, world: World) -> None:
    looked = imports.debts([debt_row(world, 1)])
    assert looked.upload.accepted == 1
    assert imports.evidence(looked.upload.manifest_id, 1) is None
    assert rows_objects(imports) == []


# The seed


def refusal(imports: Imports, **announced: Any) -> tuple[str, str]:
    with pytest.raises(Unacceptable) as refused:
        imports.announce(b"x", 1, **announced)
    (violation,) = refused.value.errors
    return violation.pointer, violation.code


def test_a_root_needs_its_seed_and_a_seed_its_root(imports: Imports) -> None:
    root = "sha256:" + "0" * 64
    assert refusal(imports, rows_root=root) == ("/rows_seed", "missing")
    assert refusal(imports, rows_seed=SEED.hex()) == ("/rows_seed", "unexpected")
    for seed in ("", SEED.hex()[2:], SEED.hex().upper()):
        assert refusal(imports, rows_root=root, rows_seed=seed) == ("/rows_seed", "wrong-type-or-form")


def test_the_same_manifest_with_the_same_seed_is_the_same_upload_and_another_seed_is_a_conflict(
    imports: Imports, world: World
) -> None:
    data = as_csv([debt_row(world, 1)])
    announced = {"rows_root": imports.root(data, 1), "rows_seed": SEED.hex()}
    first, again = imports.announce(data, 1, **announced), imports.announce(data, 1, **announced)
    assert first.upload_id == again.upload_id
    with pytest.raises(Conflict) as conflict:
        imports.announce(data, 1, **{**announced, "rows_seed": OTHER_SEED.hex()})
    assert conflict.value.name == "another-seed"


def test_seed_rows_and_numbers_are_stored_in_no_form_that_can_be_read(imports: Imports, world: World) -> None:
    looked = imports.rooted(as_csv([debt_row(world, n) for n in range(4)]), 4)
    upload = table.upload(looked.upload_id)
    stored = world.documents.get([upload])[upload].body
    assert looked.upload.sealed_seed
    kept = b"".join(b"".join(imports.files.read(name)) for name in rows_objects(imports))
    for secret in (SEED.hex().encode(), SEED, recipient(1).encode(), recipient(1)[1:].encode(), b"L-1"):
        assert secret not in stored
        assert secret not in kept
    assert list(imports.files.names("parts/")) == []


# Erasure, and memory


def erase(imports: Imports, number: int, **times: Any) -> ErasedRows:
    pseudonyms = imports.world.pseudonyms
    recipient_key = pseudonyms.recipient_key(E164(recipient(number)))
    return RowErasure(imports.files, pseudonyms)(recipient_key, times.get("before", imports.world.now))


def test_the_rows_of_a_recipient_are_erased_from_every_upload_and_the_others_keep_their_evidence(
    imports: Imports, world: World
) -> None:
    rows = [debt_row(world, n) for n in range(5)]
    rows += [rows[2], debt_row(world, 3) | {"debt_ref": "B-3"}]
    first = imports.rooted(as_csv(rows), 7)
    world.now += DAY
    second = imports.rooted(as_csv(rows[1:4]), 3)
    imports.debts(rows)  # without a root, and so without evidence
    assert erase(imports, 3) == (3, 0, None)
    assert erase(imports, 3) == (0, 0, None)
    for looked, gone, left in ((first, (4, 7), (1, 2, 3, 5, 6)), (second, (3,), (1, 2))):
        for number in gone:
            with pytest.raises(Conflict):
                imports.evidence(looked.upload.manifest_id, number)
        for number in left:
            check(looked, number, evidence(imports, looked, number))
    assert erase(imports, 2) == (3, 0, None)  # two of them were moved as duplicates
    assert erase(imports, 99) == (0, 0, None)


def test_rows_under_retention_are_kept_and_their_time_is_returned(imports: Imports, world: World) -> None:
    looked = imports.rooted(as_csv([debt_row(world, n) for n in range(2)]), 2)
    stated = world.now
    assert erase(imports, 1, before=stated - DAY) == (0, 1, stated)
    check(looked, 2, evidence(imports, looked, 2))
    assert erase(imports, 1, before=stated) == (1, 0, None)


@pytest.mark.parametrize("block", [1, 2, 7, 8192])
def test_every_row_is_found_in_an_index_of_any_size(
    imports: Imports, world: World, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(row_erasure, "_BLOCK", block)
    imports.rooted(as_csv([debt_row(world, n // 2) | {"debt_ref": f"B-{n}"} for n in range(60)]), 60)
    assert [erase(imports, n).erased for n in range(31)] == [2] * 30 + [0]


def test_the_evidence_of_two_uploads_has_no_common_tag(imports: Imports, world: World) -> None:
    for _ in range(2):
        world.now += DAY
        imports.rooted(as_csv([debt_row(world, 1)]), 1)
    lines = [b"".join(imports.files.read(name)).split(b"\n")[1:] for name in rows_objects(imports) if "0000" in name]
    tags = [line.split(b" ")[1] for some in lines for line in some]
    assert len(tags) == len(set(tags)) == 2


def test_a_row_of_one_number_cannot_be_passed_off_as_another(imports: Imports, world: World) -> None:
    """Somebody who writes the bucket, without the key, renumbers the encrypted rows."""
    looked = imports.rooted(as_csv([debt_row(world, n) for n in range(2)]), 2)
    name = rows_name(looked.upload_id, looked.upload.split, 0)
    key, first, second = b"".join(imports.files.read(name)).split(b"\n")
    swapped = [key, first.replace(b"1 ", b"2 ", 1), second.replace(b"2 ", b"1 ", 1)]
    imports.files.write(name, [b"\n".join(swapped)])
    with pytest.raises(SealFailed):
        imports.evidence(looked.upload.manifest_id, 1)


def test_the_hashes_of_a_file_that_is_read_twice_at_once_are_of_the_pass_that_counts(
    imports: Imports, world: World
) -> None:
    data = as_csv([debt_row(world, n) for n in range(4)])
    looked = imports.rooted(data, 4)
    upload_id, split = looked.upload_id, looked.upload.split
    counting = [name for name in rows_objects(imports) if name != index_name(upload_id, split)]
    assert all(name.startswith(evidence_prefix(upload_id, split)) for name in counting)
    before = rows_objects(imports)
    imports.put(upload_id, data)  # the event again, after the end
    assert rows_objects(imports) == before


def test_hashes_are_held_in_a_file_and_not_in_memory() -> None:
    with FileHashes(SEED) as hashes:
        for number in range(1, 3000):
            hashes.add(number, b"row")
        assert sum(map(len, hashes._levels)) < 3000
        hashes.finish()
        assert sum(map(len, hashes.pieces())) == 32 * (2999 + 2999 // 256)
