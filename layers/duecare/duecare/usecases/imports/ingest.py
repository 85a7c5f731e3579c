"""Ingest: a file has arrived. One pass checks it and splits it into parts; then the parts go to the queue.

Until digest and row count are known to be right nothing of the file counts. The same event again, or one after a crash,
does again what was not done. Two passes at once write each under a name of its own; the first to end is the one whose
parts count, and the other takes its own away.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct, structs

from duecare.ports import FileStore, Queue
from duecare.usecases import table
from duecare.usecases.imports.row_marks import RowMarks, mark
from duecare.usecases.imports.upload_state import (
    ImportDeps,
    ImportProblem,
    UploadState,
    change,
    file_name,
    marks_name,
    part_name,
    split_prefix,
)
from duecare_core.domain.location.phone import canonical_number
from duecare_core.domain.portfolio.portfolio import Portfolio
from duecare_core.domain.portfolio.row_reader import FileRow, Reject, read_rows
from duecare_core.errors import FileRefused, NotFound
from duecare_core.evidence.pseudonyms import Pseudonyms

ROWS_A_PART = 2000
MOST_DOUBLED = 20_000


class PartLine(Struct, frozen=True, array_like=True, omit_defaults=True):
    """A row in a part: its number, and its members or why it does not count."""

    number: int
    members: dict[str, Any] | None = None
    reject: Reject | None = None


class PartMessage(Struct, frozen=True):
    """A message of the queue: one part to import."""

    upload: str
    part: int


_ENCODER = msgspec.json.Encoder()
_LINE = msgspec.json.Decoder(PartLine)


def read_part(files: FileStore, upload_id: str, split: str, number: int) -> Iterator[PartLine]:
    """The rows of a part. Raises StoreFailed, NotFound."""
    data = b"".join(files.read(part_name(upload_id, split, number)))
    return (_LINE.decode(line) for line in data.splitlines())


class Ingest:
    def __init__(self, means: ImportDeps, queue: Queue) -> None:
        self._means = means
        self._queue = queue

    def __call__(self, upload_id: str) -> UploadState | None:
        """What the upload has become, or None where nobody announced it. Raises CannotDecide: the event comes again."""
        key = table.upload(upload_id)
        upload = table.find(self._means.documents.get([key]), key, UploadState)
        if upload is None:
            return None
        if upload.state == "awaiting_file":
            upload = self._take_in(upload_id, upload)
        if upload.state == "importing":
            self._send(upload_id, upload)
        return upload

    def _take_in(self, upload_id: str, upload: UploadState) -> UploadState:
        files, split = self._means.files, self._means.entropy(8).hex()
        try:
            self._still_entitled(upload)
            with RowMarks() as marks:
                parts, doubled = _Split(files, self._means.pseudonyms, upload_id, split, upload, marks).run()
            after = self._become(upload_id, state="importing", split=split, parts=parts, doubled=doubled)
        except FileRefused as refused:
            trouble = ImportProblem(refused.name, refused.detail)
            after = self._become(upload_id, state="refused", problem=trouble, ended_at=self._means.clock())
            if after.state == "refused":
                files.delete([file_name(upload_id)])
        except NotFound:
            # Another pass came first, and its import has been closed and swept meanwhile; or there is no file.
            after = self._become(upload_id)
            if after.state == "awaiting_file":
                raise
        if after.split != split:
            files.delete(files.names(split_prefix(upload_id, split)))
        return after

    def _still_entitled(self, upload: UploadState) -> None:
        """A suspension or a revoked key counts at once, for what was announced before too. Raises FileRefused."""
        key = table.party(upload.creditor)
        party = table.find_party(self._means.documents.get([key]), upload.creditor)
        if party is None or party.state != "active" or "creditor" not in party.roles:
            raise FileRefused("party-suspended", "This party is suspended; announce the file again when it is not.")
        if party.key(upload.kid) is None:
            raise FileRefused("key-refused", "The key that signed the manifest has been revoked since.")

    def _become(self, upload_id: str, **members: Any) -> UploadState:
        def edit(upload: UploadState) -> tuple[UploadState, tuple[()]] | None:
            return (structs.replace(upload, **members), ()) if upload.state == "awaiting_file" else None

        return change(self._means.documents, upload_id, edit, self._means.rest)

    def _send(self, upload_id: str, upload: UploadState) -> None:
        """Every part that has not ended. A part that is sent twice is imported once."""
        ended = self._means.bulk.get(table.part(upload_id, number) for number in range(upload.parts))
        left = (number for number in range(upload.parts) if table.part(upload_id, number) not in ended)
        # When the last part ended and the worker died before it closed the import, any part will close it.
        numbers = list(left) or [0]
        self._queue.send(_ENCODER.encode(PartMessage(upload_id, number)) for number in numbers)


class _Split:
    """One pass over a file. `Ingest` is its only user."""

    def __init__(
        self, files: FileStore, pseudonyms: Pseudonyms, upload_id: str, split: str, upload: UploadState, marks: RowMarks
    ) -> None:
        self._files = files
        self._pseudonyms = pseudonyms
        self._id = upload_id
        self._split = split
        self._upload = upload
        self._digest = hashlib.sha256()
        self._marks = marks
        self._parts = 0
        self._rows = 0

    def run(self) -> tuple[int, bool]:
        """How many parts there are, and whether the last one holds doubled rows. Raises FileRefused."""
        pieces = self._hashed(self._files.read(file_name(self._id)))
        try:
            self._write_parts(pieces)
        except FileRefused:
            for _ in pieces:  # what is not the file that was announced is told as that
                pass
            self._check_digest()
            raise
        self._check_digest()
        expected = self._upload.manifest.rows
        if self._rows != expected:
            raise FileRefused("wrong-row-count", f"The manifest says {expected} rows, and the file has {self._rows}.")
        doubled = self._marks.doubled(MOST_DOUBLED)
        if self._upload.manifest.snapshot:
            self._files.write(marks_name(self._id, self._split), self._marks.sorted_bytes())
        if not doubled:
            return self._parts, False
        self._set_apart(doubled)
        return self._parts, True

    def _hashed(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._digest.update(piece)
            yield piece

    def _check_digest(self) -> None:
        if f"sha256:{self._digest.hexdigest()}" != self._upload.manifest.sha256:
            raise FileRefused("wrong-digest", "The file is not the one whose digest the manifest has.")

    def _write_parts(self, pieces: Iterable[bytes]) -> None:
        portfolio = Portfolio(self._upload.manifest)
        lines: list[PartLine] = []
        for row in read_rows(pieces, portfolio.shape, portfolio.columns, portfolio.required):
            self._rows += 1
            if isinstance(row, FileRow):
                self._marks.add(self._mark(row.members))
                lines.append(PartLine(row.number, row.members))
            else:
                lines.append(PartLine(row.number, reject=row.reject))
            if len(lines) == ROWS_A_PART:
                self._write(lines)
                lines = []
        if lines:
            self._write(lines)

    def _write(self, lines: Sequence[PartLine]) -> None:
        self._write_as(self._parts, lines)
        self._parts += 1

    def _write_as(self, number: int, lines: Sequence[PartLine]) -> None:
        self._files.write(part_name(self._id, self._split, number), [b"\n".join(map(_ENCODER.encode, lines))])

    def _mark(self, members: dict[str, Any]) -> int:
        """Of the debt that a row is about; of a consent's recipient, for its channels stand in one row."""
        recipient, ref = members.get("recipient"), members.get("debt_ref", "")
        if not isinstance(recipient, str) or not isinstance(ref, str):
            return 0
        pk = table.recipient(self._pseudonyms.recipient(canonical_number(recipient)))
        return mark(pk, table.debt(pk, self._upload.creditor, ref).sk)

    def _set_apart(self, doubled: frozenset[int]) -> None:
        """Doubled rows move from their parts into one of their own, so that one worker sees them together."""
        apart: list[PartLine] = []
        # A mark that is doubled is that of two rows at least.
        if 2 * len(doubled) > MOST_DOUBLED:
            raise _too_many_doubled()
        for number in range(self._parts):
            lines = list(read_part(self._files, self._id, self._split, number))
            kept = [line for line in lines if line.members is None or self._mark(line.members) not in doubled]
            if len(kept) < len(lines):
                apart += [line for line in lines if line.members and self._mark(line.members) in doubled]
                if len(apart) > MOST_DOUBLED:
                    raise _too_many_doubled()
                self._write_as(number, kept)
        self._write(apart)


def _too_many_doubled() -> FileRefused:
    return FileRefused(
        "too-many-doubled-rows", f"More than {MOST_DOUBLED} rows are about a debt that another row is about too."
    )
