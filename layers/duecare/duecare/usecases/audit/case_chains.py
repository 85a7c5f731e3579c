"""The recipient's chains of a case file, and the voids of statements in them.

A link is never left out, because its id is needed to recompute the head. A reader who may not read a statement gets its
id and its log entry, which are public.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from duecare.ports import Archive, Document, Documents
from duecare.usecases import table
from duecare.usecases.log import pointers
from duecare.usecases.log.archive_names import other_name
from duecare.usecases.log.pointers import Pointer
from duecare.usecases.log.sweep import chunks
from duecare.usecases.statements.chains import ChainLink
from duecare_core.domain.facts.chain import ChainHead, head_of
from duecare_core.domain.facts.party import Party
from duecare_core.domain.facts.statement import SKEW
from duecare_core.domain.facts.void import Void
from duecare_core.domain.fields import RecipientKey
from duecare_core.errors import Conflict, NotFound, StoreFailed
from duecare_core.evidence.canonical import canonical, digest, strict_json
from duecare_core.evidence.casefile.chain_parts import (
    ChainedStatement,
    LoggedDigest,
    LoggedStatement,
    LoggedVoid,
    RecipientChain,
)
from duecare_core.evidence.record import Record
from duecare_core.evidence.statement import StatementRecord
from duecare_core.evidence.stored import Identity

MAX_KEYS_READ = 100


class ProofSource(Protocol):
    """The proofs of one case file, all under one checkpoint."""

    def proof(self, kind: str, record_id: str, record_sha256: str) -> tuple[str, Pointer]:
        """Raises Conflict if the record is not in the log yet."""

    def opened(self, name: str, document: Document) -> LoggedStatement:
        """This statement, with its proof. Raises Conflict, StoreFailed."""


class ChainReader(NamedTuple):
    """For whom a case file is made.

    The file of an allow shows every statement: an allow depends on all of them. Of a denial, only the creditor and
    auditors read more than their own statements and those on which the denial rests.
    """

    party: Party
    record: Record

    def may_read(self, issuer: str) -> bool:
        if self.record.decision == "allow" or "auditor" in self.party.roles:
            return True
        return self.party.id in (self.record.creditor, issuer)


class CaseChains:
    def __init__(self, documents: Documents, archive: Archive, proofs: ProofSource) -> None:
        self._documents = documents
        self._archive = archive
        self._proofs = proofs

    def chains(
        self, recipient_key: RecipientKey, reader: ChainReader, relied_on: Container[str]
    ) -> tuple[RecipientChain, ...]:
        """The chains that the record names, up to its heads. `relied_on`: the ids of the statements that are in the
        case file anyway. Raises Conflict, CannotDecide."""
        return tuple(self._chain(head, recipient_key, reader, relied_on) for head in reader.record.chains)

    def _chain(
        self, head: ChainHead, recipient_key: RecipientKey, reader: ChainReader, relied_on: Container[str]
    ) -> RecipientChain:
        stored = self._documents.partition(table.chain_links(recipient_key, head.of), "")
        names = [table.read(one, ChainLink).statement for one in stored[: head.seq]]
        if head_of(head.of, names) != head:
            raise StoreFailed("the stored chain of a recipient does not lead to the head that a decision read")
        links: list[ChainedStatement] = []
        for group in chunks(names, MAX_KEYS_READ):
            found = self._documents.get([table.statement(one) for one in group if one not in relied_on])
            for name in group:
                if name in relied_on:
                    links.append(ChainedStatement(statement_id=name, shown="relied-on"))
                else:
                    links.append(self._link(name, found.get(table.statement(name)), reader))
        return RecipientChain(head.of, tuple(links))

    def _link(self, name: str, document: Document | None, reader: ChainReader) -> ChainedStatement:
        if document is None or not document.sealed:
            return self._no_longer_stored(name, reader)
        if not reader.may_read(table.read(document, StatementRecord).issuer):
            entry = self._entry(name, digest(canonical(strict_json(document.body))))
            return ChainedStatement(statement_id=name, shown="withheld", entry=entry)
        return ChainedStatement(statement_id=name, shown="whole", statement=self._proofs.opened(name, document))

    def _no_longer_stored(self, name: str, reader: ChainReader) -> ChainedStatement:
        """A statement that the table has deleted: from its archived copy, or erased if there is none."""
        entries = self._documents.partition(table.log_pointers("statement", name), "")
        pointer = pointers.newest(entries)
        if pointer is None:
            raise not_yet()
        try:
            copy = pointers.document_of(self._archive.read(pointer.name))
        except NotFound:
            copy = None
        if copy is not None and copy.sealed:
            return self._link(name, copy, reader)
        entry = self._entry(name, f"sha256:{entries[0].key.sk}")
        return ChainedStatement(statement_id=name, shown="erased", entry=entry)

    def _entry(self, name: str, record_sha256: str) -> LoggedDigest:
        proof, pointer = self._proofs.proof("statement", name, record_sha256)
        return LoggedDigest(pointer.at, record_sha256, proof)

    def voids(self, whole: Sequence[LoggedStatement], at: datetime) -> Iterator[LoggedVoid]:
        """The voids that cover one of these statements, each as it was at the decision. Raises Conflict,
        StoreFailed."""
        for party in sorted({one.record.issuer for one in whole}):
            stated = [one.record for one in whole if one.record.issuer == party]
            for document in sorted(self._documents.partition(table.voids(party), ""), key=lambda one: one.key.sk):
                if not _covers_any(table.read(document, Void), stated):
                    continue
                logged = self._void(party, document, at)
                if logged and _covers_any(logged.record, stated):
                    yield logged

    def _void(self, party: str, newest: Document, at: datetime) -> LoggedVoid | None:
        """The version of a void that was in force at this instant; None if there was none yet."""
        for version in range(newest.version, 0, -1):
            name = f"{party}/{newest.key.sk}/{version}"
            pointer = pointers.newest(self._documents.partition(table.log_pointers("void", name), ""))
            if pointer is None:
                raise not_yet()
            if datetime.fromisoformat(pointer.at) <= at + SKEW:
                document = newest if version == newest.version else self._archived_void(name)
                proof, _ = self._proofs.proof("void", name, digest(canonical(strict_json(document.body))))
                void = table.read(document, Void)
                return LoggedVoid(at=pointer.at, id=newest.key.sk, version=version, record=void, proof=proof)
        return None

    def _archived_void(self, name: str) -> Document:
        try:
            return pointers.document_of(self._archive.read(other_name(Identity("void", name, ""))))
        except NotFound as error:
            raise StoreFailed("the archive has no copy of a void") from error


def shown_whole(chains: Iterable[RecipientChain]) -> list[LoggedStatement]:
    """The statements that are shown in the chains themselves."""
    return [link.statement for chain in chains for link in chain.links if link.statement]


def _covers_any(void: Void, stated: Iterable[StatementRecord]) -> bool:
    return any(void.covers(one.issuer, one.kind, one.received_at) for one in stated)


def not_yet() -> Conflict:
    return Conflict(
        "A part of this case file is recorded but not in the log yet; ask again in a few seconds.",
        name="not-logged-yet",
    )
