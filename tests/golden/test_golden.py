"""The exact bytes of what others verify: a change here breaks evidence that courts already hold."""

from __future__ import annotations

import pytest

from duecare_core.evidence.casefile import bundle
from duecare_core.evidence.log.entry import unpack_entries
from duecare_core.evidence.log.logproof import check
from duecare_core.evidence.log.merkle import leaf_hash, root
from duecare_core.evidence.log.note import open_checkpoint, parse_checkpoint, parse_note
from tests.golden.generate import HERE, WITNESSES, files
from tests.support.logs import LOG_KEY

FILES = files()


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_bytes_are_as_they_were(name: str) -> None:
    assert (HERE / name).read_bytes() == FILES[name]


def test_no_golden_file_is_left_behind() -> None:
    kept = {path.name for path in HERE.iterdir() if path.is_file() and path.suffix != ".py"}
    assert kept == set(FILES)


def test_they_are_made_the_same_each_time() -> None:
    assert files() == FILES


def test_the_files_of_the_log_belong_together() -> None:
    entries, witnesses = unpack_entries(FILES["entries.bin"]), [one.verifier_key for one in WITNESSES]
    assert b"".join(leaf_hash(one) for one in entries) == FILES["tile.bin"]
    assert root(len(entries), lambda _: FILES["tile.bin"]) == parse_checkpoint(text("checkpoint.note")).root
    key = LOG_KEY.verifier_key
    proven = check(FILES["decision.tlog-proof"].decode(), FILES["entry.json"], key, strict=True)
    assert proven == open_checkpoint(FILES["checkpoint.note"].decode(), key, strict=True)
    assert proven == open_checkpoint(FILES["cosigned.note"].decode(), key, witnesses, strict=True)


def test_the_case_file_verifies() -> None:
    verdict = bundle.check(FILES["bundle.json"], LOG_KEY.verifier_key)
    assert verdict.ok, verdict.checks


def text(name: str) -> str:
    return parse_note(FILES[name].decode()).text
