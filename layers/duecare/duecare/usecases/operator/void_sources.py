"""Reads statements again, as they were signed: from the table, or from the archive once the table has deleted them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from duecare.ports import Archive, Document, Documents, Opener
from duecare.usecases import table
from duecare.usecases.imports.upload_state import UploadState
from duecare.usecases.log import pointers
from duecare.usecases.log.archive_names import statement_of, statements_prefix
from duecare.usecases.log.sweep import chunks
from duecare.usecases.operator.void_records import PartyVoids
from duecare.usecases.statements.chains import ChainLink
from duecare.usecases.statements.effects import VerifiedStatement
from duecare_core.domain.facts.statement import StatementKind
from duecare_core.domain.fields import RecipientKey
from duecare_core.errors import BadEvidence, NotFound, RequestError, StoreFailed
from duecare_core.evidence import statement as statements
from duecare_core.evidence.jose import jws
from duecare_core.evidence.pseudonyms import Pseudonyms
from duecare_core.evidence.statement import StatementRecord, read_sealed

MAX_KEYS_READ = 100


class RereadStatement(NamedTuple):
    """A stored statement. `voided`: an active void covers it."""

    record: StatementRecord
    verified: VerifiedStatement
    voided: bool

    @property
    def order(self) -> tuple[datetime, int, str]:
        """Sorts statements as they were accepted. Those of one call have one time; in a chain they have a place."""
        seq = self.record.chain.seq if self.record.chain else 0
        return self.record.received_at, seq, self.verified.statement_id


class StatementSourceDeps(NamedTuple):
    documents: Documents
    archive: Archive
    opener: Opener
    pseudonyms: Pseudonyms


class StatementSource:
    def __init__(self, deps: StatementSourceDeps) -> None:
        self._deps = deps
        self._uploads: dict[str, UploadState | None] = {}

    def chained(self, recipient_key: RecipientKey, chains: Iterable[str]) -> Iterator[str]:
        """The ids of the statements in these chains of a recipient. Strongly consistent. Raises StoreFailed."""
        for of in chains:
            for link in self._deps.documents.partition(table.chain_links(recipient_key, of), ""):
                yield table.read(link, ChainLink).statement

    def archived(self, recipient_key: RecipientKey | None, issuer: str) -> Iterator[str]:
        """The ids of the logged statements about a recipient, or of those of this party that concern none. Raises
        StoreFailed."""
        return (statement_of(name) for name in self._deps.archive.names(statements_prefix(recipient_key, issuer)))

    def read(self, ids: Iterable[str], voided: PartyVoids) -> dict[str, RereadStatement]:
        """These statements by their ids, without those that nothing holds any longer. Raises CannotDecide."""
        wanted = list(dict.fromkeys(one for one in ids if not is_row(one)))
        found: dict[str, RereadStatement] = {}
        for group in chunks(wanted, MAX_KEYS_READ):
            stored = self._deps.documents.get([table.statement(one) for one in group])
            for statement_id in group:
                key = table.statement(statement_id)
                document = table.present(stored, key) or self._archived_copy("statement", statement_id)
                if document is not None and (again := self._again(statement_id, document, voided)):
                    found[statement_id] = again
        return found

    def deleted(self, ids: Iterable[str], since: datetime, until: datetime) -> dict[str, StatementRecord]:
        """The records of those statements that the table has deleted and that were accepted in this period. Raises
        StoreFailed."""
        found: dict[str, StatementRecord] = {}
        for group in chunks(list(dict.fromkeys(ids)), MAX_KEYS_READ):
            stored = self._deps.documents.get([table.statement(one) for one in group])
            for name in group:
                if table.present(stored, table.statement(name)) is None and self._was_logged(name, since, until):
                    copy = self._archived_copy("statement", name)
                    found |= {name: table.read(copy, StatementRecord)} if copy else {}
        return found

    def _was_logged(self, name: str, since: datetime, until: datetime) -> bool:
        """Whether the log has this statement with a time in this period."""
        pointer = pointers.newest(self._deps.documents.partition(table.log_pointers("statement", name), ""))
        return pointer is not None and since <= datetime.fromisoformat(pointer.at) <= until

    def is_voided_row(self, row: str, voided: PartyVoids) -> bool:
        """Whether a row of a file is voided: it counts as stated when the file was announced. Raises
        StoreFailed."""
        manifest_id = row.partition("#")[0]
        if manifest_id not in self._uploads:
            key = table.upload(table.upload_id_of(manifest_id))
            self._uploads[manifest_id] = table.find(self._deps.documents.get([key]), key, UploadState)
        upload = self._uploads[manifest_id]
        return upload is not None and voided.covers(upload.creditor, upload.manifest.kind, upload.announced_at)

    def decision(self, decision_id: str) -> Document | None:
        """A decision, also one that the table has deleted. Raises StoreFailed."""
        key = table.decision(decision_id)
        return table.present(self._deps.documents.get([key]), key) or self._archived_copy("decision", decision_id)

    def _archived_copy(self, kind: str, record_id: str) -> Document | None:
        pointer = pointers.newest(self._deps.documents.partition(table.log_pointers(kind, record_id), ""))
        if pointer is None:
            return None
        try:
            return pointers.document_of(self._deps.archive.read(pointer.name))
        except NotFound:
            return None  # erased

    def _again(self, statement_id: str, document: Document, voided: PartyVoids) -> RereadStatement | None:
        """None for what is no statement of a fact, such as the manifest of a file."""
        record = table.read(document, StatementRecord)
        try:
            read = jws.read(read_sealed(self._deps.opener.open(document.sealed)).jws)
            kind: StatementKind | None = statements.kind_of(read.typ)
            if kind is None:
                return None
            statement = statements.parse(kind, read.payload)
        except (BadEvidence, RequestError) as error:
            raise StoreFailed("a stored statement cannot be read") from error
        content = self._deps.pseudonyms.content(statements.content(statement))
        verified = VerifiedStatement(kind, statement, statement_id, content, record.recipient_key, record.received_at)
        return RereadStatement(record, verified, voided.covers(record.issuer, kind, record.received_at))


def is_row(statement_id: str) -> bool:
    """Whether this names a row of a file, or the debts that a file left out."""
    return "#" in statement_id
