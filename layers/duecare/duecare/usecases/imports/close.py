"""Close an import when every part of it is done: withdraw the debts that a snapshot omits, join the rejects, and
acknowledge the manifest.

The worker that finishes the last part closes the import. After a crash any part that is delivered again closes it: each
step does only what is left to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from msgspec import structs

from duecare.ports import Document, Key
from duecare.usecases import table
from duecare.usecases.imports.row_marks import SortedRowMarks, mark
from duecare.usecases.imports.stop import check_creditor, stop_import
from duecare.usecases.imports.upload_state import (
    ImportDeps,
    UploadState,
    change_upload,
    file_name,
    marks_name,
    part_rejects_name,
    rejects_name,
)
from duecare.usecases.retry import retry_on_conflict
from duecare.usecases.statements.acknowledge import HeldKey
from duecare_core.domain.facts.states import DebtState
from duecare_core.errors import FileRefused, VersionConflict
from duecare_core.evidence.acknowledgement import claims
from duecare_core.evidence.statement import StatementRecord

MAX_DEBTS_READ = 800
MAX_DOCUMENTS_WRITTEN = 100
MAX_ATTEMPTS = 8
# A snapshot that would withdraw more than this share of the portfolio needs the creditor's confirmation.
MAX_SHARE_WITHDRAWN = 0.2


class CloseImport:
    def __init__(self, deps: ImportDeps, acknowledgement_key: HeldKey) -> None:
        self._deps = deps
        self._key = acknowledgement_key

    def __call__(self, upload_id: str, upload: UploadState) -> UploadState:
        """Close the import if all its parts are done, or stop it if the creditor may not state any more.

        Raises CannotDecide: the message is delivered again.
        """
        if upload.state != "importing" or upload.done < upload.parts:
            return upload
        try:
            check_creditor(self._deps, upload)
            outcome = self._withdraw(upload_id, upload) if upload.manifest.snapshot else {}
        except FileRefused as refused:
            return stop_import(self._deps, upload_id, refused)
        if upload.rejected:
            self._deps.files.write(rejects_name(upload_id), self._rejects(upload_id, upload.parts))

        def edit(stored: UploadState) -> tuple[UploadState, tuple[()]] | None:
            if stored.state != "importing":
                return None
            done = structs.replace(stored, state="done", ended_at=self._deps.clock(), **outcome)
            return structs.replace(done, acknowledgement=self._acknowledgement(done)), ()

        after = change_upload(self._deps.documents, upload_id, edit, self._deps.backoff)
        # The parts and the file hold phone numbers. The bucket's lifecycle deletes them within a day if a crash keeps
        # us from it.
        self._deps.files.delete([*self._deps.files.names(f"parts/{upload_id}/"), file_name(upload_id)])
        return after

    def _acknowledgement(self, done: UploadState) -> str:
        """The acknowledgement of the manifest, dated at the end of the import: from then on its rows count."""
        record = StatementRecord(
            kind="upload",
            issuer=done.creditor,
            kid=done.kid,
            received_at=done.ended_at or self._deps.clock(),
            effect="in_force",
        )
        return self._key().sign(claims(done.manifest_id, record, None))

    def _rejects(self, upload_id: str, parts: int) -> Iterator[bytes]:
        """The rejects of all parts under one header."""
        existing = set(self._deps.files.names(part_rejects_name(upload_id, 0)[:-5]))
        first = True
        for name in (part_rejects_name(upload_id, number) for number in range(parts)):
            if name in existing:
                data = b"".join(self._deps.files.read(name))
                yield data if first else data.partition(b"\n")[2]
                first = False

    def _withdraw(self, upload_id: str, upload: UploadState) -> dict[str, Any]:
        """Withdraw the creditor's open debts that are not in the file. Returns the members of the upload that change.

        Their number is stored before the first is withdrawn: a worker that continues after a crash finds fewer.
        """
        in_file = SortedRowMarks(self._deps.files.read(marks_name(upload_id, upload.split)))
        if upload.to_withdraw is None:
            upload = self._fix_number(upload_id, upload, in_file)
        if upload.to_withdraw is None:
            return {"withdrawn": 0}
        for keys in _in_groups(self._missing(upload, in_file)):
            check_creditor(self._deps, upload)
            self._withdraw_group(upload, keys)
        return {"withdrawn": upload.to_withdraw}

    def _fix_number(self, upload_id: str, upload: UploadState, in_file: SortedRowMarks) -> UploadState:
        """Count the debts to withdraw, and store the number as `to_withdraw` or, if it needs confirmation, as
        `to_confirm`."""
        portfolio = sum(1 for _ in self._open_debts(upload))
        missing = 0
        for keys in _in_groups(self._missing(upload, in_file)):
            found = self._deps.bulk.get(keys)
            missing += sum(self._withdrawn(upload, key, found.get(key)) is not None for key in keys)
        unconfirmed = missing > MAX_SHARE_WITHDRAWN * portfolio and upload.manifest.confirm_withdrawals != missing
        number = {"to_confirm": missing} if unconfirmed else {"to_withdraw": missing}

        def edit(stored: UploadState) -> tuple[UploadState, tuple[()]] | None:
            if stored.to_withdraw is not None or stored.to_confirm is not None:
                return None
            return structs.replace(stored, **number), ()

        return change_upload(self._deps.documents, upload_id, edit, self._deps.backoff)

    def _missing(self, upload: UploadState, in_file: SortedRowMarks) -> Iterator[Key]:
        return (key for key in self._open_debts(upload) if mark(*key) not in in_file)

    def _open_debts(self, upload: UploadState) -> Iterator[Key]:
        for shard in table.shards(upload.creditor):
            yield from self._deps.bulk.open_debts(shard)

    def _withdraw_group(self, upload: UploadState, keys: list[Key]) -> None:
        pending, size = keys, MAX_DOCUMENTS_WRITTEN

        def attempt() -> None:
            nonlocal pending, size
            found = self._deps.bulk.get(pending)
            changed = [after for key in pending if (after := self._withdrawn(upload, key, found.get(key)))]
            groups = [changed[at : at + size] for at in range(0, len(changed), size)]
            pending, size = [], 1  # a second attempt writes alone what was in conflict
            for group, outcome in zip(groups, self._deps.bulk.commit_each(groups), strict=True):
                if isinstance(outcome, VersionConflict):
                    pending += [document.key for document in group]
                elif outcome is not None:
                    raise outcome
            if pending:
                raise VersionConflict("some debts were changed by others")

        contention = "other writers kept changing the same debts"
        retry_on_conflict(attempt, attempts=MAX_ATTEMPTS, contention=contention, backoff=self._deps.backoff)

    def _withdrawn(self, upload: UploadState, key: Key, document: Document | None) -> Document | None:
        """The debt, withdrawn as of the snapshot; None if it is not open any more or has a newer statement."""
        as_of = upload.manifest.as_of
        if document is None or as_of is None:
            return None
        state = table.read(document, DebtState)
        newest = state.newest
        if newest.status != "open" or newest.at >= as_of:
            return None
        withdrawn = structs.replace(
            newest,
            at=as_of,
            statement=upload.left_out,
            content=self._deps.pseudonyms.content(f"withdrawn {upload.manifest_id}".encode()),
            status="withdrawn",
        )
        return table.write(key, document, structs.replace(state, newest=withdrawn))


def _in_groups(keys: Iterator[Key]) -> Iterator[list[Key]]:
    return iter(lambda: list(islice(keys, MAX_DEBTS_READ)), [])
