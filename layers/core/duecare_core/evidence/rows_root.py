"""The rows' root: an RFC 6962 Merkle root over the rows of an uploaded file, signed in its manifest.

    seed  32 random bytes, one for each file
    salt  HMAC-SHA-256(seed, number of the row in decimal digits, from 1)
    row   the RFC 8785 form of its members (domain/portfolio/portfolio.py, `Portfolio.members`), or null if it has none
    leaf  SHA-256(0x00 || salt || row), as RFC 6962 hashes a leaf
    root  RFC 6962, section 2.1, over the leaves in the order of the file

A row, its salt and its inclusion proof show that the creditor signed it. They reveal nothing about the other rows: each
has another salt, which cannot be found without the seed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from typing import Any

from duecare_core.errors import BadEvidence
from duecare_core.evidence.canonical import canonical_plain
from duecare_core.evidence.log.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    HEIGHT,
    TILE_WIDTH,
    Tile,
    inclusion_proof,
    root_of,
    verify_inclusion,
)

SEED_BYTES = 32
_HEX = re.compile(r"[0-9a-f]{64}\Z")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]{43}=?\Z")
_DIGEST = "sha256:"
_LEAF = b"\0"
NO_ROW = b"null"  # the canonical form of a row that cannot be read

# Called with the hashes of every full tile, and at the end with those of the partial ones, in order within a level.
Keep = Callable[[int, bytes], None]
# The bytes of a stored object: offset and count. Raises StoreFailed, NotFound.
ReadRange = Callable[[int, int], bytes]


def read_seed(text: str) -> bytes:
    """A seed as 64 hexadecimal digits in lower case, or in base64url, with or without padding. Raises BadEvidence; also
    for a seed of zeros, which is a buffer that nobody filled."""
    try:
        seed = bytes.fromhex(text) if _HEX.match(text) else b""
        seed = seed or (
            base64.b64decode(text[:43] + "=", altchars=b"-_", validate=True) if _BASE64URL.match(text) else b""
        )
    except (binascii.Error, ValueError):
        seed = b""
    if len(seed) != SEED_BYTES:
        raise BadEvidence("32 bytes are expected, as 64 hexadecimal digits in lower case")
    if not any(seed):
        raise BadEvidence("32 random bytes are expected, and these are all zero")
    return seed


def row_salt(seed: bytes, number: int) -> bytes:
    """The 32-byte salt of a row. `number`: of the row in its file, from 1."""
    return hmac.digest(seed, b"%d" % number, hashlib.sha256)


def canonical_row(members: dict[str, Any] | None) -> bytes:
    """The canonical form of a row: equal bytes for equal members, whatever the format and charset of the file.

    `members`: as `Portfolio.members` returns them, texts and lists of texts under ASCII names.
    """
    try:
        return canonical_plain(members)
    except BadEvidence:
        return NO_ROW


def row_leaf(salt: bytes, row: bytes) -> bytes:
    """The leaf hash of a row in its canonical form."""
    return hashlib.sha256(_LEAF + salt + row).digest()


class RowsTree:
    """Adds up the root of a file, leaf by leaf. Memory is bounded by one tile a level, that is by 256 hashes for each
    factor of 256 in the number of rows.

    `keep`: receives the hashes as tiles, for `RowHashes` to read.
    """

    def __init__(self, keep: Keep | None = None) -> None:
        self._keep = keep
        self._levels: list[list[bytes]] = [[]]
        self.size = 0

    def add(self, leaf: bytes) -> None:
        self.size += 1
        level, hash_ = 0, leaf
        while True:
            if level == len(self._levels):
                self._levels.append([])
            hashes = self._levels[level]
            hashes.append(hash_)
            if len(hashes) < TILE_WIDTH:
                return
            if self._keep:
                self._keep(level, b"".join(hashes))
            hash_ = root_of(hashes)
            hashes.clear()
            level += 1

    def finish(self) -> str:
        """The root as `sha256:<hex>`. To be called once, after the last row."""
        computed: list[bytes] = []
        for level, hashes in enumerate(self._levels):
            if self._keep and hashes:
                self._keep(level, b"".join(hashes))
            # Everything to the right of the full subtrees of this level is one smaller subtree, as RFC 6962 divides.
            units = hashes + computed
            computed = [root_of(units)] if units else []
        return _DIGEST + (computed[0] if computed else EMPTY_ROOT).hex()


class RowHashes:
    """The hashes of a file as one object, which is read by range: the leaves, then each level of tiles above them, with
    nothing in between."""

    def __init__(self, rows: int, read: ReadRange) -> None:
        self._rows = rows
        self._read = read

    def proof(self, number: int) -> list[bytes]:
        """The inclusion proof of a row. Raises BadEvidence, and what `read` raises."""
        tiles: dict[Tile, bytes] = {}

        def read(tile: Tile) -> bytes:
            if tile not in tiles:
                at = sum(self._rows >> (HEIGHT * level) for level in range(tile.level)) + tile.index * TILE_WIDTH
                tiles[tile] = self._read(at * HASH_BYTES, tile.width * HASH_BYTES)
            return tiles[tile]

        return inclusion_proof(number - 1, self._rows, read)


def check_row(root: str, rows: int, number: int, salt: bytes, row: bytes, proof: Sequence[bytes]) -> None:
    """Raises BadEvidence unless this row has this number among the `rows` of the file with this root."""
    if len(salt) != HASH_BYTES:
        raise BadEvidence("the salt of a row has 32 bytes")
    expected = bytes.fromhex(root.removeprefix(_DIGEST))
    verify_inclusion(row_leaf(salt, row), number - 1, rows, proof, expected)
