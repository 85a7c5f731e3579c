"""Close: every part of an import has ended. What a snapshot does not hold is withdrawn, the rejects become one file.

Whoever ends the last part does this, and whoever comes after a crash does it again: each step does only what is left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from msgspec import structs

from duecare.ports import Document, Key
from duecare.usecases import table
from duecare.usecases.imports.row_marks import SortedRowMarks, mark
from duecare.usecases.imports.upload_state import (
    ImportDeps,
    UploadState,
    change,
    file_name,
    marks_name,
    part_rejects_name,
    rejects_name,
)
from duecare_core.domain.facts.merge import merge_debt
from duecare_core.domain.facts.states import DebtState
from duecare_core.errors import Contention, VersionConflict

AT_ONCE = 800
A_WRITE = 100
ATTEMPTS = 8
# A snapshot that would withdraw more than this share of the portfolio is taken for a mistake until it is confirmed.
MOST_SHARE = 0.2


class CloseImport:
    def __init__(self, means: ImportDeps) -> None:
        self._means = means

    def __call__(self, upload_id: str, upload: UploadState) -> UploadState:
        """Close the import if every part of it has ended. Raises CannotDecide: the message comes again."""
        if upload.state != "importing" or upload.done < upload.parts:
            return upload
        outcome = self._withdraw(upload_id, upload) if upload.manifest.snapshot else {}
        if upload.rejected:
            self._means.files.write(rejects_name(upload_id), self._rejects(upload_id, upload.parts))

        def edit(standing: UploadState) -> tuple[UploadState, tuple[()]] | None:
            if standing.state != "importing":
                return None
            return structs.replace(standing, state="done", ended_at=self._means.clock(), **outcome), ()

        after = change(self._means.documents, upload_id, edit, self._means.rest)
        # Telephone numbers stand in these; the bucket forgets them in a day where a crash keeps us from it.
        self._means.files.delete([*self._means.files.names(f"parts/{upload_id}/"), file_name(upload_id)])
        return after

    def _rejects(self, upload_id: str, parts: int) -> Iterator[bytes]:
        """The rejects of all parts under one header."""
        there = set(self._means.files.names(part_rejects_name(upload_id, 0)[:-5]))
        first = True
        for name in (part_rejects_name(upload_id, number) for number in range(parts)):
            if name in there:
                data = b"".join(self._means.files.read(name))
                yield data if first else data.partition(b"\n")[2]
                first = False

    def _withdraw(self, upload_id: str, upload: UploadState) -> dict[str, Any]:
        """Withdraw the creditor's open debts that are not in the file; how many, or how many wait to be confirmed.

        How many is settled before the first of them is withdrawn, and kept: whoever comes after a crash finds fewer.
        """
        seen = SortedRowMarks(self._means.files.read(marks_name(upload_id, upload.split)))
        if upload.to_withdraw is None:
            upload = self._settle(upload_id, upload, seen)
        if upload.to_withdraw is None:
            return {"withdrawn": 0}
        for keys in _in_groups(self._missing(upload, seen)):
            self._withdraw_these(upload, keys)
        return {"withdrawn": upload.to_withdraw}

    def _settle(self, upload_id: str, upload: UploadState, seen: SortedRowMarks) -> UploadState:
        """Count what would be withdrawn, and keep either that number or that it waits to be confirmed."""
        portfolio = sum(1 for _ in self._open_debts(upload))
        missing = 0
        for keys in _in_groups(self._missing(upload, seen)):
            known = self._means.bulk.get(keys)
            missing += sum(self._withdrawn(upload, key, known.get(key)) is not None for key in keys)
        many = missing > MOST_SHARE * portfolio and upload.manifest.confirm_withdrawals != missing
        settled = {"to_confirm": missing} if many else {"to_withdraw": missing}

        def edit(standing: UploadState) -> tuple[UploadState, tuple[()]] | None:
            if standing.to_withdraw is not None or standing.to_confirm is not None:
                return None
            return structs.replace(standing, **settled), ()

        return change(self._means.documents, upload_id, edit, self._means.rest)

    def _missing(self, upload: UploadState, seen: SortedRowMarks) -> Iterator[Key]:
        return (key for key in self._open_debts(upload) if mark(*key) not in seen)

    def _open_debts(self, upload: UploadState) -> Iterator[Key]:
        for shard in table.shards(upload.creditor):
            yield from self._means.bulk.open_debts(shard)

    def _withdraw_these(self, upload: UploadState, keys: Sequence[Key]) -> None:
        pending = list(keys)
        for attempt in range(ATTEMPTS):
            known = self._means.bulk.get(pending)
            changed = [after for key in pending if (after := self._withdrawn(upload, key, known.get(key)))]
            size = A_WRITE if attempt == 0 else 1
            groups = [changed[at : at + size] for at in range(0, len(changed), size)]
            pending = []
            for group, outcome in zip(groups, self._means.bulk.commit_each(groups), strict=True):
                if isinstance(outcome, VersionConflict):
                    pending += [document.key for document in group]
                elif outcome is not None:
                    raise outcome
            if not pending:
                return
            self._means.rest(attempt)
        raise Contention("others kept stating about the same debts")

    def _withdrawn(self, upload: UploadState, key: Key, document: Document | None) -> Document | None:
        """The debt withdrawn as of the snapshot; None where it is not open any more, or was stated later."""
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
            content=self._means.pseudonyms.content(f"withdrawn {upload.manifest_id}".encode()),
            status="withdrawn",
        )
        return table.write(key, document, merge_debt(state, withdrawn, None))


def _in_groups(keys: Iterator[Key]) -> Iterator[list[Key]]:
    return iter(lambda: list(islice(keys, AT_ONCE)), [])
