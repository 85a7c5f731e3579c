"""Go's own implementation of notes and trees (golang.org/x/mod/sumdb) verifies a log of 70,000 records of ours."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from duecare_core.evidence.log.merkle import leaf_hash
from duecare_core.evidence.log.note import Checkpoint, LogKey, add_lines
from tests.interop.grown import KEY, ORIGIN, SIGNED, SIZE, WITNESSES, Grown


def run(verify: Path, home: Path, key: str = KEY.verifier_key) -> subprocess.CompletedProcess[str]:
    command = [str(verify), str(home), key, *(one.verifier_key for one in WITNESSES)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(grown: Grown, tmp_path: Path) -> Path:
    """The same files under other names: one that is to be changed must be written anew."""
    home = tmp_path / "log"
    shutil.copytree(grown.home, home, copy_function=os.link)
    return home


def change(path: Path, data: bytes) -> None:
    path.unlink()
    path.write_bytes(data)


def test_everything_verifies(verify: Path, grown: Grown) -> None:
    done = run(verify, grown.home)
    assert done.returncode == 0, done.stderr
    looked_at = dict(part.split("=") for part in done.stdout.split())
    pairs = len(SIGNED) * (len(SIGNED) + 1) // 2
    assert int(looked_at.pop("inclusions")) >= 1000 + 3 * SIZE // 256
    assert looked_at == {
        "checkpoints": str(len(SIGNED)),
        "records": str(SIZE),
        "pairs": str(pairs),
        "proofs": str(len(list((grown.home / "proof").glob("*.tlog-proof")))),
    }
    assert int(looked_at["proofs"]) >= 100


# A reader of Go's does not hold every tile against the one above; then the records are not those of the tile.
TILE = "inconsistent tile|must be the same"
NOTE = "invalid signature"


@pytest.mark.parametrize(
    ("name", "at", "told"),
    [
        ("tile/0/000", 0, TILE),
        ("tile/0/137", 4000, TILE),
        ("tile/0/273.p/112", 112 * 32 - 1, TILE),
        ("tile/1/000", 5000, TILE),
        ("tile/1/001.p/17", 0, TILE),
        ("tile/2/000.p/1", 31, TILE),
        ("tile/entries/000", 2, "must be the same"),
        ("tile/entries/137", 0, "middle of an entry"),
        ("tile/entries/137", 9000, "must be the same"),
        ("tile/entries/273.p/112", -1, "must be the same"),
        (f"checkpoint.{SIZE}", 3, NOTE),
        (f"checkpoint.{SIZE}", len(ORIGIN) + 1, NOTE),
        (f"checkpoint.{SIZE}", len(ORIGIN) + 20, NOTE),
        (f"checkpoint.{SIGNED[0]}", -150, NOTE),
        ("proof/700.tlog-proof", 60, "invalid transparency proof"),
        ("proof/257-65537.consistency", 60, "must be the same"),
    ],
)
def test_one_changed_bit_is_found(verify: Path, copy: Path, name: str, at: int, told: str) -> None:
    data = bytearray((copy / name).read_bytes())
    data[at] ^= 1
    change(copy / name, bytes(data))
    done = run(verify, copy)
    assert done.returncode == 1, done.stdout
    assert re.search(told, done.stderr)


def test_a_signed_tree_that_the_log_did_not_grow_from_is_found(verify: Path, copy: Path) -> None:
    """What a log would have to do to show two people different things."""
    text = Checkpoint(ORIGIN, 512, leaf_hash(b"another tree")).text()
    note = add_lines(KEY.sign(text), [one.cosign(text, 1) for one in WITNESSES])
    change(copy / "checkpoint.512", note.encode())
    done = run(verify, copy)
    assert done.returncode == 1
    assert "inconsistent tile" in done.stderr


def test_a_checkpoint_that_a_witness_has_not_cosigned_is_found(verify: Path, copy: Path) -> None:
    lines = (copy / "checkpoint.512").read_bytes().splitlines(keepends=True)
    change(copy / "checkpoint.512", b"".join(lines[:-1]))
    done = run(verify, copy)
    assert done.returncode == 1
    assert "signatures are missing" in done.stderr


def test_entries_that_changed_places_are_found(verify: Path, copy: Path, grown: Grown) -> None:
    first, second = (copy / "tile/entries/010").read_bytes(), (copy / "tile/entries/011").read_bytes()
    change(copy / "tile/entries/010", second)
    change(copy / "tile/entries/011", first)
    assert run(verify, copy).returncode == 1


def test_another_logs_key_opens_nothing(verify: Path, grown: Grown) -> None:
    done = run(verify, grown.home, LogKey(ORIGIN, b"m" * 32).verifier_key)
    assert done.returncode == 1
    assert "signatures are missing" in done.stderr
