"""The rows' root: fixed bytes, proofs, the page that describes it, and memory."""

from __future__ import annotations

import hashlib
import hmac
import re
import subprocess
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from duecare_core.domain.portfolio.portfolio import Manifest
from duecare_core.domain.validation import validate
from duecare_core.errors import BadEvidence
from duecare_core.evidence.rows_root import (
    NO_ROW,
    RowHashes,
    RowsTree,
    canonical_row,
    check_row,
    read_seed,
    row_leaf,
    row_salt,
)
from tests.support.imports import SEED, root_of
from tools.steps import ROOT

PAGE = (ROOT / "docs" / "rows-root.md").read_text(encoding="utf-8")
ROW = {"recipient": "+8613800138000", "debt_ref": "甲-1", "outstanding": "27911.00", "channels": ["sms", "voice"]}
CANONICAL = '{"channels":["sms","voice"],"debt_ref":"甲-1","outstanding":"27911.00","recipient":"+8613800138000"}'
SALT_7 = "43c875c1027e0bb60b3c5e055d7245befa0322f45d7a0f86cfb578e79a5ce269"
LEAF_7 = "faa7f7048763348ddc075d933540d8043c970daf0e974b5f521579d573b56099"
ROOT_OF_THREE = "sha256:3293bf989283f557a0d24c03785c25ce3299a43a54ceb8498c96713b6bccf17d"


def manifest(**changes: Any) -> Manifest:
    claims = {"iss": "mou-zichan", "aud": "a", "iat": 0, "kind": "debt", "format": "csv", "charset": "utf-8", "rows": 3}
    return validate({**claims, "sha256": f"sha256:{'0' * 64}", **changes}, Manifest)


def built(count: int) -> tuple[str, list[bytes], bytes]:
    """Root, leaves and the object of the hashes of a file of so many rows."""
    leaves = [row_leaf(row_salt(SEED, number), b"row %d" % number) for number in range(1, count + 1)]
    levels: dict[int, bytes] = {}

    def keep(level: int, hashes: bytes) -> None:
        levels[level] = levels.get(level, b"") + hashes

    tree = RowsTree(keep)
    for leaf in leaves:
        tree.add(leaf)
    root = tree.finish()
    return root, leaves, b"".join(levels[level] for level in sorted(levels))


def mth(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, as it is written there."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\1" + mth(leaves[:split]) + mth(leaves[split:])).digest()


# Golden bytes


def test_the_bytes_of_a_row_its_salt_and_its_leaf_are_fixed() -> None:
    assert canonical_row(ROW) == CANONICAL.encode()
    assert row_salt(SEED, 7).hex() == SALT_7
    assert row_salt(SEED, 7) == hmac.digest(SEED, b"7", "sha256")
    assert row_leaf(row_salt(SEED, 7), canonical_row(ROW)).hex() == LEAF_7


def test_the_root_of_a_file_is_fixed() -> None:
    root, leaves, _ = built(3)
    assert root == ROOT_OF_THREE
    assert root == f"sha256:{mth(leaves).hex()}"


def test_a_row_that_cannot_be_read_has_the_form_null() -> None:
    assert canonical_row(None) == NO_ROW == b"null"


# Roots and proofs


@pytest.mark.parametrize("count", [1, 2, 3, 255, 256, 257, 511, 512, 513, 65_536, 65_793])
def test_the_root_is_that_of_rfc_6962_and_every_proof_leads_to_it(count: int) -> None:
    root, leaves, stored = built(count)
    assert root == f"sha256:{mth(leaves).hex()}"
    hashes = RowHashes(count, lambda at, size: stored[at : at + size])
    for number in sorted({1, 2, count // 2, count - 1, count} & set(range(1, count + 1))):
        check_row(root, count, number, row_salt(SEED, number), b"row %d" % number, hashes.proof(number))


def test_a_proof_reads_a_few_tiles_and_not_the_whole_object() -> None:
    root, _, stored = built(65_793)
    read: list[int] = []

    def ranged(at: int, size: int) -> bytes:
        read.append(size)
        return stored[at : at + size]

    check_row(root, 65_793, 40_000, row_salt(SEED, 40_000), b"row 40000", RowHashes(65_793, ranged).proof(40_000))
    assert len(read) <= 6
    assert max(read) <= 256 * 32


def test_another_row_number_salt_size_or_root_is_refused() -> None:
    root, _, stored = built(300)
    proof = RowHashes(300, lambda at, size: stored[at : at + size]).proof(17)
    good: dict[str, Any] = {"root": root, "rows": 300, "number": 17, "salt": row_salt(SEED, 17), "row": b"row 17"}
    check_row(**good, proof=proof)
    changes: list[dict[str, Any]] = [
        {"number": 18},
        {"number": 0},
        {"number": 301},
        {"rows": 600},
        {"row": b"row 18"},
        {"salt": row_salt(SEED, 18)},
        {"salt": row_salt(SEED, 17) + b"row", "row": b" 17"},  # the same bytes, divided elsewhere
        {"root": built(299)[0]},
    ]
    for change in changes:
        with pytest.raises(BadEvidence):
            check_row(**{**good, **change}, proof=proof)
    for wrong in ([], proof[:-1], [*proof, proof[0]], proof[::-1]):
        with pytest.raises(BadEvidence):
            check_row(**good, proof=wrong)


def test_a_seed_is_32_bytes() -> None:
    assert read_seed(SEED.hex()) == SEED
    assert read_seed("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8") == SEED
    assert read_seed("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=") == SEED
    for wrong in ("", "00", SEED.hex().upper(), SEED.hex()[:-1] + "g", SEED.hex() + "00", "A" * 42, "*" * 43, "é" * 43):
        with pytest.raises(BadEvidence):
            read_seed(wrong)


@pytest.mark.parametrize("text", ["0" * 64, "A" * 43, "A" * 43 + "="])
def test_a_seed_that_nobody_filled_is_refused(text: str) -> None:
    with pytest.raises(BadEvidence, match="all zero"):
        read_seed(text)


def test_memory_does_not_grow_with_the_file() -> None:
    def peak(rows: int) -> int:
        tree = RowsTree()
        tracemalloc.start()
        for number in range(rows):
            tree.add(row_leaf(SEED, b"%d" % number))
        tree.finish()
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(64_000) < 1.5 * peak(2_000) + 16_384


# The page for creditors without the client


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def by_the_page(folder: Path, name: str, data: bytes, seed: bytes = SEED) -> str:
    """The root by the page's script, with the system's Python and its standard library alone."""
    (folder / "script.py").write_text(blocks("python")[0], encoding="utf-8")
    (folder / name).write_bytes(data)
    ran = subprocess.run(
        ["python3", "-I", "script.py", name, seed.hex()],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.strip()


def test_the_page_computes_the_root_that_its_example_says(tmp_path: Path) -> None:
    (example,), (expected,) = blocks("csv"), blocks("text")
    assert by_the_page(tmp_path, "example.csv", example.encode()) == expected.strip()
    assert root_of(manifest(), example.encode(), SEED) == expected.strip()


@pytest.mark.parametrize("rows", [1, 2, 7, 300])
def test_the_page_computes_the_root_that_the_service_computes(tmp_path: Path, rows: int) -> None:
    header = "recipient,debt_ref,currency,outstanding,as_of,status,collectors\r\n"
    line = '+86138{0:08},"甲 ""{0}"", \u007f;",CNY,{0}.00,2026-11-25T06:00:00+08:00,open,{1}\r\n'
    lines = (line.format(number, "" if number % 3 else "mou-zichan;keji") for number in range(rows))
    data = ("\ufeff" + header + "\r\n".join(lines)).encode()  # with blank lines
    assert by_the_page(tmp_path, "d.csv", data) == root_of(manifest(rows=rows), data, SEED)
    jsonl = b"".join(
        b'{"debt_ref":"\\u7532-%d","recipient":"+8613800138000","region":null,"collectors":["keji"],"currency":"CNY",'
        b'"outstanding":"5","as_of":"2026-11-25T06:00:00+08:00","status":"open"}\n' % number
        for number in range(rows)
    )
    assert by_the_page(tmp_path, "d.jsonl", jsonl) == root_of(manifest(format="jsonl"), jsonl, SEED)
