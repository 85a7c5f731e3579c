"""Ingest an uploaded file: check it, split it into parts, and send the parts to the queue.

Nothing of the file counts before its digest and row count have been verified. An event that is delivered again, or
after a crash, does what is left to do. Two concurrent passes write their parts under different names: the parts of the
pass that finishes first count, and the other pass deletes its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct, structs

from duecare.ports import FileStore, Key, Queue
from duecare.usecases import table
from duecare.usecases.imports.file_limit import MAX_CROWDED, FileLimit
from duecare.usecases.imports.row_erasure import RowIndex
from duecare.usecases.imports.row_evidence import FileHashes
from duecare.usecases.imports.row_marks import RowMarks, mark
from duecare.usecases.imports.stop import check_creditor
from duecare.usecases.imports.upload_state import (
    ImportDeps,
    ImportProblem,
    UploadState,
    change_upload,
    file_name,
    hashes_name,
    index_name,
    marks_name,
    part_name,
    split_prefix,
)
from duecare.usecases.statements.debt_limit import MAX_OPEN_DEBTS
from duecare_core.domain.facts.statement import DebtStatement
from duecare_core.domain.fields import RecipientKey
from duecare_core.domain.location.phone import canonical_number
from duecare_core.domain.portfolio.portfolio import Portfolio
from duecare_core.domain.portfolio.row_reader import FileRow, Reject, read_rows
from duecare_core.errors import FileRefused, NotFound
from duecare_core.evidence.pseudonyms import Pseudonyms
from duecare_core.evidence.rows_root import canonical_row

MAX_ROWS_PER_PART = 2000
MAX_DUPLICATES = 20_000


class PartLine(Struct, frozen=True, array_like=True, omit_defaults=True):
    """A row of a part: its number, and its members or why it is rejected.

    `over`: the rows before it open as many debts of its recipient as one file may, so it counts only if its debt is on
    file (file_limit.py). `salt`: of the row, if the manifest has a `rows_root`.
    """

    number: int
    members: dict[str, Any] | None = None
    reject: Reject | None = None
    over: bool = False
    salt: bytes = b""


class PartMessage(Struct, frozen=True):
    """A message of the queue: import this part."""

    upload: str
    part: int


_ENCODER = msgspec.json.Encoder()
_LINE = msgspec.json.Decoder(PartLine)


def read_part(files: FileStore, upload_id: str, split: str, number: int) -> Iterator[PartLine]:
    """The rows of a part. Raises StoreFailed, NotFound."""
    data = b"".join(files.read(part_name(upload_id, split, number)))
    return (_LINE.decode(line) for line in data.splitlines())


class Ingest:
    def __init__(self, deps: ImportDeps, queue: Queue) -> None:
        self._deps = deps
        self._queue = queue

    def __call__(self, upload_id: str) -> UploadState | None:
        """Returns the upload as it is afterwards, or None if there is no such upload. Raises CannotDecide: the event is
        delivered again."""
        key = table.upload(upload_id)
        upload = table.find(self._deps.documents.get([key]), key, UploadState)
        if upload is None:
            return None
        if upload.state == "awaiting_file":
            upload = self._split_file(upload_id, upload)
        if upload.state == "importing":
            self._send(upload_id, upload)
        return upload

    def _split_file(self, upload_id: str, upload: UploadState) -> UploadState:
        files, split = self._deps.files, self._deps.entropy(8).hex()
        try:
            check_creditor(self._deps, upload)  # also if it was suspended after the file was announced
            seed = self._deps.seed_opener().open(upload.sealed_seed) if upload.sealed_seed else b""
            with RowMarks() as marks, RowMarks() as recipients, RowMarks() as tags, FileHashes(seed) as hashes:
                notes = _Notes(marks, recipients, hashes, RowIndex(tags))
                parts, doubled = _Split(files, self._deps.pseudonyms, upload_id, split, upload, notes).run()
            division = {"split": split, "parts": parts, "rows_per_part": MAX_ROWS_PER_PART, "doubled": doubled}
            after = self._change(upload_id, state="importing", **division)
        except FileRefused as refused:
            problem = ImportProblem(refused.name, refused.detail)
            after = self._change(upload_id, state="refused", problem=problem, ended_at=self._deps.clock())
            if after.state == "refused":
                files.delete([file_name(upload_id)])
        except NotFound:
            # Another pass finished first and its import has deleted the file, or the file was never uploaded.
            after = self._change(upload_id)
            if after.state == "awaiting_file":
                raise
        if after.split != split:
            files.delete(files.names(split_prefix(upload_id, split)))
            files.delete([hashes_name(upload_id, split), index_name(upload_id, split)])
        return after

    def _change(self, upload_id: str, **members: Any) -> UploadState:
        def edit(upload: UploadState) -> tuple[UploadState, tuple[()]] | None:
            return (structs.replace(upload, **members), ()) if upload.state == "awaiting_file" else None

        return change_upload(self._deps.documents, upload_id, edit, self._deps.backoff)

    def _send(self, upload_id: str, upload: UploadState) -> None:
        """Send every part that is not done. A part that is sent twice is imported once."""
        done = self._deps.bulk.get(table.part(upload_id, number) for number in range(upload.parts))
        left = (number for number in range(upload.parts) if table.part(upload_id, number) not in done)
        # If all parts are done, a worker died before it closed the import. Sending any part again closes it.
        numbers = list(left) or [0]
        self._queue.send(_ENCODER.encode(PartMessage(upload_id, number)) for number in numbers)


class _Notes(NamedTuple):
    """What a pass notes of the rows of a file, all of it in temporary files. `hashes` and `row_index`: of a file with a
    `rows_root`."""

    marks: RowMarks
    recipients: RowMarks
    hashes: FileHashes
    row_index: RowIndex


class _Split:
    """One pass over a file. Used by `Ingest` only."""

    def __init__(
        self,
        files: FileStore,
        pseudonyms: Pseudonyms,
        upload_id: str,
        split: str,
        upload: UploadState,
        notes: _Notes,
    ) -> None:
        self._files = files
        self._pseudonyms = pseudonyms
        self._id = upload_id
        self._split = split
        self._upload = upload
        self._digest = hashlib.sha256()
        self._portfolio = Portfolio(upload.manifest)
        self._marks, self._recipients, self._hashes, self._index = notes
        self._has_root = upload.manifest.rows_root is not None
        self._parts = 0
        self._rows = 0

    def run(self) -> tuple[int, bool]:
        """The number of parts, and whether the last one has duplicate rows. Raises FileRefused."""
        pieces = self._hashed(self._files.read(file_name(self._id)))
        try:
            self._write_parts(pieces)
        except FileRefused:
            for _ in pieces:  # read to the end: a wrong digest is the better error
                pass
            self._check_digest()
            raise
        self._check_digest()
        expected = self._upload.manifest.rows
        if self._rows != expected:
            raise FileRefused("wrong-row-count", f"The manifest says {expected} rows, and the file has {self._rows}.")
        if self._has_root:
            self._check_root()
        duplicates = self._marks.duplicates(MAX_DUPLICATES)
        if self._upload.manifest.snapshot:
            self._files.write(marks_name(self._id, self._split), self._marks.sorted_bytes())
        crowded = self._recipients.repeated(MAX_OPEN_DEBTS + 1, MAX_CROWDED)
        if crowded:
            self._flag_rows_over_limit(crowded)
        if duplicates:
            self._move_duplicates(duplicates)
        if self._has_root:
            index = self._index.pieces(MAX_ROWS_PER_PART, self._parts, self._upload.announced_at)
            self._files.write(index_name(self._id, self._split), index)
        return self._parts, bool(duplicates)

    def _hashed(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._digest.update(piece)
            yield piece

    def _check_digest(self) -> None:
        if f"sha256:{self._digest.hexdigest()}" != self._upload.manifest.sha256:
            raise FileRefused("wrong-digest", "The file is not the one whose digest the manifest has.")

    def _check_root(self) -> None:
        if self._hashes.finish() != self._upload.manifest.rows_root:
            detail = "The rows of the file do not have the rows_root that the manifest has, under its rows_seed."
            raise FileRefused("wrong-rows-root", detail)
        self._files.write(hashes_name(self._id, self._split), self._hashes.pieces())

    def _write_parts(self, pieces: Iterable[bytes]) -> None:
        portfolio, limited = self._portfolio, self._upload.manifest.kind == "debt"
        lines: list[PartLine] = []
        for row in read_rows(pieces, portfolio.shape, portfolio.columns, portfolio.required):
            self._rows += 1
            salt = self._hashes.add(row.number, canonical_row(portfolio.members(row))) if self._has_root else b""
            if isinstance(row, FileRow):
                key = self._key(row.members)
                if key is not None:
                    self._marks.add(mark(*key))
                    if self._has_root:
                        recipient_key = RecipientKey(key.pk.partition("#")[2])
                        self._index.add(self._pseudonyms.row_tag(self._id, recipient_key), row.number)
                    if limited:
                        self._recipients.add(_recipient_mark(key.pk))
                lines.append(PartLine(row.number, row.members, salt=salt))
            else:
                lines.append(PartLine(row.number, reject=row.reject))
            if len(lines) == MAX_ROWS_PER_PART:
                self._write(lines)
                lines = []
        if lines:
            self._write(lines)

    def _write(self, lines: Sequence[PartLine]) -> None:
        self._write_as(self._parts, lines)
        self._parts += 1

    def _write_as(self, number: int, lines: Sequence[PartLine]) -> None:
        self._files.write(part_name(self._id, self._split, number), [b"\n".join(map(_ENCODER.encode, lines))])

    def _key(self, members: dict[str, Any]) -> Key | None:
        """The key of the debt that a row is about, or one for the recipient of a consent, which has no debt; None if
        the row will be rejected."""
        recipient, ref = members.get("recipient"), members.get("debt_ref", "")
        if not isinstance(recipient, str) or not isinstance(ref, str):
            return None
        pk = table.recipient(self._pseudonyms.recipient_key(canonical_number(recipient)))
        return table.debt(pk, self._upload.creditor, ref)

    def _mark(self, members: dict[str, Any]) -> int:
        """0 if the row will be rejected."""
        key = self._key(members)
        return 0 if key is None else mark(*key)

    def _flag_rows_over_limit(self, crowded: frozenset[int]) -> None:
        """Flag the rows of these recipients that are over the limit of debts in one file, in the order of the file."""
        if len(crowded) > MAX_CROWDED:
            raise FileRefused(
                "too-many-debts", f"More than {MAX_CROWDED} recipients have more than {MAX_OPEN_DEBTS} rows each."
            )
        limit = FileLimit()
        for number in range(self._parts):
            lines = list(read_part(self._files, self._id, self._split, number))
            flagged = [self._flagged(line, crowded, limit) for line in lines]
            if flagged != lines:
                self._write_as(number, flagged)

    def _flagged(self, line: PartLine, crowded: frozenset[int], limit: FileLimit) -> PartLine:
        key = self._key(line.members) if line.members else None
        if key is None or _recipient_mark(key.pk) not in crowded:
            return line
        at = self._upload.announced_at
        statement = self._portfolio.statement(line.members or {}, at)
        if not isinstance(statement, DebtStatement) or limit.has_room(key, statement, at):
            return line
        return structs.replace(line, over=True)

    def _move_duplicates(self, duplicates: frozenset[int]) -> None:
        """Move duplicate rows from their parts into one of their own, so that one worker merges them together."""
        apart: list[PartLine] = []
        # Each duplicate mark belongs to at least two rows.
        if 2 * len(duplicates) > MAX_DUPLICATES:
            raise _too_many_duplicates()
        for number in range(self._parts):
            lines = list(read_part(self._files, self._id, self._split, number))
            kept = [line for line in lines if line.members is None or self._mark(line.members) not in duplicates]
            if len(kept) < len(lines):
                apart += [line for line in lines if line.members and self._mark(line.members) in duplicates]
                if len(apart) > MAX_DUPLICATES:
                    raise _too_many_duplicates()
                self._write_as(number, kept)
        self._write(apart)


def _recipient_mark(pk: str) -> int:
    """Good for one pass in one process. Recipients of equal marks are told apart when their rows are counted."""
    return hash(pk) & 0xFFFF_FFFF_FFFF_FFFF or 1


def _too_many_duplicates() -> FileRefused:
    return FileRefused(
        "too-many-doubled-rows", f"More than {MAX_DUPLICATES} rows are about a debt that another row is about too."
    )
