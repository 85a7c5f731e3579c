"""A file that is to be uploaded, as it is on this machine: what it is, whether it can be read, how many rows it has.

The rows are read by the code that the service reads them with (duecare_core.domain), so what is refused here would be
refused there. Nothing grows with the file.
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
from duecare_core.domain.portfolio.row_reader import Reject
from duecare_core.domain.portfolio.row_splitter import gunzipped, in_pieces, split
from duecare_core.domain.validation import validate
from duecare_core.errors import FileRefused

FIRST_ROWS = 1000
SHOWN = 5
_CHUNK = 256 * 1024
_GZIP = b"\x1f\x8b"
_UTF8_MARK, _GB_MARK = b"\xef\xbb\xbf", b"\x84\x31\x95\x33"
_NAMES = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_OPTIONS = {"/as_of": "--as-of", "/snapshot": "--snapshot", "/confirm_withdrawals": "--confirm-withdrawals"}

Step = Callable[[int], None]


class Sample(NamedTuple):
    """What the first rows are: how many were read, how many are bad, and the first of those: (row number, why)."""

    read: int
    bad: int
    first: list[tuple[int, Reject]]


class Whole(NamedTuple):
    """What the manifest says of the whole file."""

    rows: int
    sha256: str


class PortfolioFile:
    """A regular file, as it was when this was made. Raises BadSettings where there is none, or none to be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size, self.mtime_ns = self._stamp()
        self.format = self._format()

    def check_unchanged(self) -> None:
        """Raises BadSettings where the file is not what it was."""
        if self._stamp() != (self.size, self.mtime_ns):
            raise BadSettings(f"{self.path} was changed meanwhile; run the command again when it is finished")

    def first_rows(self, members: Mapping[str, Any], now: datetime) -> Sample:
        """How the first rows read under the manifest that has these members. Raises FileRefused, BadSettings."""
        portfolio = Portfolio(manifest(members, now))
        read, bad = 0, 0
        first: list[tuple[int, Reject]] = []
        with self.open() as file:
            for number, row in islice(portfolio.read(chunks(file), now), FIRST_ROWS):
                read += 1
                if isinstance(row, Reject):
                    bad += 1
                    first += [(number, row)] if len(first) < SHOWN else []
        if not read:
            raise FileRefused("no-rows", "The file has no rows.")
        return Sample(read, bad, first)

    def whole(self, step: Step) -> Whole:
        """Count the rows and hash the file as it is, in one pass. `step` is told how many bytes are done.

        Raises FileRefused where no count is possible (a damaged gzip, a quote that is never closed), BadSettings.
        """
        digest = hashlib.sha256()

        def seen(file: BinaryIO) -> Iterator[bytes]:
            for chunk in chunks(file, step):
                digest.update(chunk)
                yield chunk

        csv = self.format.startswith("csv")
        with self.open() as file:
            raw = seen(file)
            pieces = in_pieces(gunzipped(raw) if self.format.endswith("gzip") else raw)
            rows = sum(1 for _ in split(_without_mark(pieces), quoting=csv)) - csv
        self.check_unchanged()
        return Whole(rows, f"sha256:{digest.hexdigest()}")

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
                f"{self.path} is not a file; an upload is read more than once, and cannot come from a pipe"
            )
        return found.st_size, found.st_mtime_ns

    def _format(self) -> str:
        """The bytes say whether it is packed; the name, or failing that the bytes, what is in it."""
        with self.open() as file:
            start = file.read(_CHUNK)
        packed = start.startswith(_GZIP)
        names = [suffix.lower() for suffix in self.path.suffixes if suffix.lower() not in {".gz", ".gzip"}]
        inside = _NAMES.get(names[-1]) if names else None
        if inside is None:
            inside = "jsonl" if _begins_with_brace(_unpacked_start(start) if packed else start) else "csv"
        return f"{inside}+gzip" if packed else inside


def manifest(members: Mapping[str, Any], now: datetime) -> Manifest:
    """The manifest that these members make; rows and digest may still be missing. Raises BadSettings.

    What it says of bad members names the command's options.
    """
    unknown = {"rows": 1, "sha256": "sha256:" + "0" * 64, "aud": "", "iat": int(now.timestamp())}
    # `size` is for the service, which knows it before it can count; nothing here depends on it.
    given = {name: value for name, value in members.items() if name != "size"}
    try:
        made: Manifest = validate({**unknown, **given}, Manifest)
        check_manifest(made, now)
    except Unacceptable as refusal:
        said = "; ".join(f"{_OPTIONS.get(one.pointer, one.pointer[1:])}: {one.message}" for one in refusal.errors)
        raise BadSettings(said.replace("Expected", "expected")) from None
    return made


def chunks(file: BinaryIO, step: Step = lambda _: None) -> Iterator[bytes]:
    """The bytes of a file, some at a time. `step` is told how many are done. Raises BadSettings."""
    done = 0
    while True:
        try:
            chunk = file.read(_CHUNK)
        except OSError as error:
            raise BadSettings(f"the file cannot be read any further: {error.strerror}") from None
        if not chunk:
            return
        yield chunk
        done += len(chunk)
        step(done)


def _without_mark(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Without a byte order mark, which is no row even where nothing else is on its line."""
    first = next(pieces, b"")
    yield first.removeprefix(_UTF8_MARK).removeprefix(_GB_MARK)
    yield from pieces


def _unpacked_start(start: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(start, 4096)
    except zlib.error:
        return b""  # the reader will say what is wrong with it


def _begins_with_brace(start: bytes) -> bool:
    return re.match(rb"(?:\xef\xbb\xbf|\x84\x31\x95\x33)?\s*\{", start) is not None
