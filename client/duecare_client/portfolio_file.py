"""A file to upload: its format, whether it can be read, and how many rows it has.

The rows are read with the service's own code (duecare_core.domain), so the service would refuse what is refused here.
Memory use does not depend on the size of the file.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path
from stat import S_ISREG
from typing import Any, BinaryIO, NamedTuple

from duecare_client.errors import BadSettings, Unacceptable
from duecare_core.domain.portfolio.portfolio import Manifest, Portfolio, check_manifest
from duecare_core.domain.portfolio.row_reader import Reject, read_rows
from duecare_core.domain.portfolio.row_splitter import gunzipped, in_pieces, split
from duecare_core.domain.validation import validate
from duecare_core.errors import FileRefused
from duecare_core.evidence.rows_root import RowsTree, canonical_row, row_leaf, row_salt

SAMPLE_ROWS = 1000
MAX_SHOWN_REJECTS = 5
_CHUNK_BYTES = 256 * 1024
_GZIP = b"\x1f\x8b"
_UTF8_MARK, _GB_MARK = b"\xef\xbb\xbf", b"\x84\x31\x95\x33"
_NAMES = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_OPTIONS = {"/as_of": "--as-of", "/snapshot": "--snapshot", "/confirm_withdrawals": "--confirm-withdrawals"}

# Called with the number of bytes done so far.
ReportBytes = Callable[[int], None]


class Sample(NamedTuple):
    """The first rows: how many were read, how many are bad, and the first of the bad ones as (row number, reject)."""

    read: int
    bad: int
    first: list[tuple[int, Reject]]


class FileSummary(NamedTuple):
    """The manifest's members about the file as a whole."""

    rows: int
    sha256: str
    rows_root: str | None = None


class PortfolioFile:
    """A regular file, as it was at construction. Raises BadSettings if there is none that can be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size, self.mtime_ns = self._stamp()
        self.format = self._format()

    def check_unchanged(self) -> None:
        """Raises BadSettings if the file has changed since construction."""
        if self._stamp() != (self.size, self.mtime_ns):
            raise BadSettings(f"{self.path} changed meanwhile; run the command again when the file is complete")

    def first_rows(self, members: Mapping[str, Any], now: datetime) -> Sample:
        """Reads the first rows under a manifest with these members. Raises FileRefused, BadSettings."""
        portfolio = Portfolio(check_members(members, now))
        read, bad = 0, 0
        first: list[tuple[int, Reject]] = []
        with self.open() as file:
            for number, row in islice(portfolio.read(chunks(file), now), SAMPLE_ROWS):
                read += 1
                if isinstance(row, Reject):
                    bad += 1
                    first += [(number, row)] if len(first) < MAX_SHOWN_REJECTS else []
        if not read:
            raise FileRefused("no-rows", "The file has no rows.")
        return Sample(read, bad, first)

    def read_whole(self, report: ReportBytes) -> FileSummary:
        """Counts the rows and hashes the file, in one pass.

        Raises FileRefused if the rows cannot be counted (a damaged gzip, a quote that is never closed), BadSettings.
        """
        digest = hashlib.sha256()

        def hashed(file: BinaryIO) -> Iterator[bytes]:
            for chunk in chunks(file, report):
                digest.update(chunk)
                yield chunk

        csv = self.format.startswith("csv")
        with self.open() as file:
            raw = hashed(file)
            pieces = in_pieces(gunzipped(raw) if self.format.endswith("gzip") else raw)
            rows = sum(1 for _ in split(_without_bom(pieces), quoting=csv)) - csv
        self.check_unchanged()
        return FileSummary(rows, f"sha256:{digest.hexdigest()}")

    def read_rows(
        self, members: Mapping[str, Any], now: datetime, seed: bytes, report: ReportBytes = lambda _: None
    ) -> FileSummary:
        """Like `read_whole`, and computes the `rows_root` from this seed. `members`: of the manifest, as for
        `first_rows`. Memory does not grow with the file."""
        digest = hashlib.sha256()

        def hashed(file: BinaryIO) -> Iterator[bytes]:
            for chunk in chunks(file, report):
                digest.update(chunk)
                yield chunk

        portfolio, tree = Portfolio(check_members(members, now)), RowsTree()
        with self.open() as file:
            for row in read_rows(hashed(file), portfolio.shape, portfolio.columns, portfolio.required):
                tree.add(row_leaf(row_salt(seed, row.number), canonical_row(portfolio.members(row))))
        self.check_unchanged()
        return FileSummary(tree.size, f"sha256:{digest.hexdigest()}", tree.finish())

    def open(self) -> BinaryIO:
        try:
            return self.path.open("rb")
        except OSError as error:
            raise BadSettings(f"{self.path} cannot be read: {error.strerror}") from None

    def _stamp(self) -> tuple[int, int]:
        try:
            found = self.path.stat()
        except OSError as error:
            raise BadSettings(f"{self.path} cannot be read: {error.strerror}") from None
        if not S_ISREG(found.st_mode):
            raise BadSettings(
                f"{self.path} is not a regular file; an upload is read more than once, so it cannot come from a pipe"
            )
        return found.st_size, found.st_mtime_ns

    def _format(self) -> str:
        """`csv` or `jsonl` by the name, or else by the first bytes; `+gzip` by the first bytes."""
        with self.open() as file:
            start = file.read(_CHUNK_BYTES)
        packed = start.startswith(_GZIP)
        names = [suffix.lower() for suffix in self.path.suffixes if suffix.lower() not in {".gz", ".gzip"}]
        inside = _NAMES.get(names[-1]) if names else None
        if inside is None:
            inside = "jsonl" if _begins_with_brace(_decompressed_start(start) if packed else start) else "csv"
        return f"{inside}+gzip" if packed else inside


def check_members(members: Mapping[str, Any], now: datetime) -> Manifest:
    """The manifest of these members; rows and digest may still be missing. Raises BadSettings.

    The error names the options of the command.
    """
    placeholders = {"rows": 1, "sha256": "sha256:" + "0" * 64, "aud": "", "iat": int(now.timestamp())}
    # Only the service needs `size`, which it knows before it can count the rows.
    given = {name: value for name, value in members.items() if name != "size"}
    try:
        manifest: Manifest = validate({**placeholders, **given}, Manifest)
        check_manifest(manifest, now)
    except Unacceptable as refusal:
        faults = "; ".join(f"{_OPTIONS.get(one.pointer, one.pointer[1:])}: {one.message}" for one in refusal.errors)
        raise BadSettings(faults.replace("Expected", "expected")) from None
    return manifest


def chunks(file: BinaryIO, report: ReportBytes = lambda _: None) -> Iterator[bytes]:
    """The bytes of a file, chunk by chunk. Raises BadSettings."""
    done = 0
    while True:
        try:
            chunk = file.read(_CHUNK_BYTES)
        except OSError as error:
            raise BadSettings(f"the file cannot be read to its end: {error.strerror}") from None
        if not chunk:
            return
        yield chunk
        done += len(chunk)
        report(done)


def _without_bom(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes without a byte order mark, which is no row, even alone on its line."""
    first = next(pieces, b"")
    yield first.removeprefix(_UTF8_MARK).removeprefix(_GB_MARK)
    yield from pieces


def _decompressed_start(start: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(start, 4096)
    except zlib.error:
        return b""  # the reader reports what is wrong


def _begins_with_brace(start: bytes) -> bool:
    return re.match(rb"(?:\xef\xbb\xbf|\x84\x31\x95\x33)?\s*\{", start) is not None
