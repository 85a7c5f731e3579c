"""Looks up the acknowledgement of one statement, and its place in the log, for its party and for auditors.

The function that answers holds neither the acknowledgement key nor the pepper: the acknowledgement was sealed with the
statement when it was accepted. That of a manifest is stored with its upload.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from msgspec import Struct

from duecare.ports import Archive, Clock, DecisionStore, Document, LogFiles, Opener
from duecare.usecases import table
from duecare.usecases.access.caller import Caller, check_active, check_caller
from duecare.usecases.log import pointers
from duecare.usecases.log.pointers import Pointer
from duecare.usecases.log.published_log import snapshot
from duecare_core.errors import BadEvidence, NotFound, StoreFailed
from duecare_core.evidence.statement import StatementRecord, read_sealed

_ID = re.compile(r"sha256:[0-9a-f]{64}\Z")


class _UploadAcknowledgement(Struct, frozen=True):
    """The member of an upload that is read here."""

    acknowledgement: str | None = None


class LogProofOf(NamedTuple):
    """The index of a log entry, and its proof (c2sp.org/tlog-proof@v1)."""

    index: int  # type: ignore[assignment]  # tuple.index is not used
    proof: str


class StatementStatus(NamedTuple):
    """`acknowledgement`: the compact JWS. `logged`: None if the published log does not hold the statement yet."""

    statement_id: str
    acknowledgement: str
    logged: LogProofOf | None


class StatementStatusDeps(NamedTuple):
    """`archive` and `opener` are called when they are needed."""

    decisions: DecisionStore
    archive: Callable[[], Archive]
    log: LogFiles
    opener: Callable[[], Opener]
    clock: Clock


class LookUpStatement:
    def __init__(self, deps: StatementStatusDeps) -> None:
        self._deps = deps

    def __call__(self, caller: Caller, statement_id: str) -> StatementStatus:
        """Raises NotFound if the statement was never accepted or is another party's, NotAllowed, CannotDecide."""
        own, known = table.party(caller.party), bool(_ID.match(statement_id))
        entries, key = table.log_pointers("statement", statement_id), table.statement(statement_id)
        situation = self._deps.decisions.load([entries] if known else [], [key, own] if known else [own])
        party = check_caller(caller, table.find_party(situation.documents, caller.party), self._deps.clock())
        check_active(party)
        pointer = pointers.newest(situation.partitions.get(entries, []))
        document = table.present(situation.documents, key) or self._archived(pointer)
        record = table.read(document, StatementRecord) if document else None
        if document is None or record is None or not ("auditor" in party.roles or party.id == record.issuer):
            raise _unknown()
        acknowledgement = self._acknowledgement(statement_id, document, record)
        return StatementStatus(statement_id, acknowledgement, self._logged(pointer))

    def _acknowledgement(self, statement_id: str, document: Document, record: StatementRecord) -> str:
        if record.effect is None:
            return self._of_manifest(statement_id)
        try:
            acknowledgement = read_sealed(self._deps.opener().open(document.sealed)).acknowledgement
        except BadEvidence as error:
            raise StoreFailed("a sealed statement cannot be read") from error
        if acknowledgement is None:
            raise _unknown()  # stored because an answer may name it, but it repeats what was known
        return acknowledgement

    def _of_manifest(self, statement_id: str) -> str:
        """Raises NotFound as long as the import is not done: only then is its manifest accepted."""
        key = table.upload(table.upload_id_of(statement_id))
        upload = table.find(self._deps.decisions.load([], [key]).documents, key, _UploadAcknowledgement)
        if upload is None or upload.acknowledgement is None:
            raise _unknown()
        return upload.acknowledgement

    def _logged(self, pointer: Pointer | None) -> LogProofOf | None:
        """The proof that the published log holds the statement; its record never changes."""
        if pointer is None:
            return None
        log = snapshot(self._deps.log)
        if log is None or pointer.index >= log.checkpoint.size:
            return None
        return LogProofOf(pointer.index, log.proof(pointer.index))

    def _archived(self, pointer: Pointer | None) -> Document | None:
        """The archived copy of a statement that the table has deleted; None if it was erased."""
        try:
            return pointers.document_of(self._deps.archive().read(pointer.name)) if pointer else None
        except NotFound:
            return None


def _unknown() -> NotFound:
    return NotFound("No statement of yours was accepted under this id.", name="unknown-statement")
