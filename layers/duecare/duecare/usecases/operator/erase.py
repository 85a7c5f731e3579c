"""Erase what is stored about one recipient, as far as retention permits. The log stays complete.

In the archive: the copies of statements and decisions that are older than legal retention. In the bucket of uploads:
the rows of files imported as long ago. In the table: the same
statements and decisions, and all facts that open: consents, debts, and the counted contacts that no cap needs. Facts
are no evidence, so they are erased whatever their age. What protects the recipient stays, because without it a later
decision could allow: stops, revocations, disputes, a change of the number, and the chains. All of it is stored under
keyed digests.

A log entry reveals nothing about its record, so no entry has to be removed. Before anything is deleted, the digests of
the copies are written to an erasure record, which gets a log entry of its own: `duecare log check` reports a missing
copy that no erasure record names. A crash at any point is repaired by the next run: the record comes first, then the
table, then the archive, by whose names the next run finds what remains.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple, TypeVar

from msgspec import Struct

from duecare.ports import Archive, Backups, Clock, Document, Documents, Entropy, FileStore, Key
from duecare.usecases import table
from duecare.usecases.imports.row_erasure import RowErasure
from duecare.usecases.log.archive_names import PARTIES, document_of, party_of, recipient_prefix, without_prefix
from duecare.usecases.retry import retry_on_conflict
from duecare.usecases.verify.stored_decision import summary
from duecare_core.domain.facts.party import Party
from duecare_core.domain.facts.states import ConsentState
from duecare_core.domain.fields import RecipientKey
from duecare_core.domain.location.phone import canonical_number, is_e164
from duecare_core.domain.rules.frequency_caps import drop_expired, pack_contacts, unpack_contacts
from duecare_core.domain.rules.pack import Pack
from duecare_core.errors import Conflict, Unacceptable, Violation
from duecare_core.evidence.item_keys import CONSENT, CONTACTS, DEBT, DECISION_PREFIX
from duecare_core.evidence.pseudonyms import Pseudonyms

MAX_NAMES_PER_RECORD = 2000  # an item may have 400 KB
MAX_DOCUMENTS = 100  # in one read and in one transaction
MAX_ATTEMPTS = 5
_NO_FACTS = b"{}"
T = TypeVar("T")


class Erasure(Struct, frozen=True):
    """An erasure record: the time, and the kind, id and digest of each copy (`decision/<id>/<hex>`); no recipient."""

    at: datetime
    erased: tuple[str, ...]


class ErasureResult(Struct, frozen=True):
    """How many copies were erased; how many are still under retention, and when the last retention ends. A row of an
    uploaded file that case files show is a copy too: `rows` of the erased ones.

    `documents`: how many documents of the table were erased. `protections`: how many remain there, under keyed digests,
    because they protect the recipient. `backups_until`: until when a point-in-time restore of the table would bring
    back what was erased; None if there is no such backup.
    """

    erased: int
    kept: int
    kept_until: datetime | None
    records: tuple[str, ...]
    rows: int
    documents: int
    protections: int
    backups_until: datetime | None


class EraseDeps(NamedTuple):
    documents: Documents
    archive: Archive
    files: FileStore
    backups: Backups
    pseudonyms: Pseudonyms
    clock: Clock
    entropy: Entropy


class Erase:
    """`retention`: the minimum age of a copy that may be erased (duecare_core/domain/rules/retention.py)."""

    def __init__(self, deps: EraseDeps, pack: Pack, retention: timedelta) -> None:
        self._deps = deps
        self._pack = pack
        self._retention = retention

    def __call__(self, recipient: str) -> ErasureResult:
        """`recipient`: an E.164 number. Raises Unacceptable, Conflict if the configuration would defeat the erasure,
        CannotDecide."""
        if not is_e164(recipient):
            raise Unacceptable(
                "The recipient is not a telephone number in E.164 form.",
                errors=(Violation("/recipient", "not-e164", "not a possible telephone number in E.164 form"),),
            )
        if obstacles := self._deps.backups.obstacles():
            raise Conflict(
                f"Nothing was erased, because it would remain elsewhere: {'; '.join(obstacles)}.",
                name="erasure-would-not-hold",
            )
        now = self._deps.clock()
        recipient_key = self._deps.pseudonyms.recipient_key(canonical_number(recipient))
        parties = self._parties()
        statements = list(self._deps.archive.names_with_times(recipient_prefix(recipient_key)))
        decisions = [copy for prefix in self._of_decisions(recipient_key, parties) for copy in self._copies(prefix)]
        # A decision rests on older statements and rows, so these are kept as long as any decision about the recipient.
        needed_at = max((at for _, at in decisions if at + self._retention > now), default=None)
        if needed_at is not None:
            statements = [(name, max(at, needed_at)) for name, at in statements]
        found = [*statements, *decisions]
        due = [name for name, at in found if at + self._retention <= now]
        kept = [at for _, at in found if at + self._retention > now]
        newest_kept = max(kept, default=None)
        records: list[str] = []
        documents = 0
        for names in _groups(due, MAX_NAMES_PER_RECORD):
            records.append(self._record(names, now))
            documents += self._erase_documents(names, now)
            self._deps.archive.erase(names)
        facts, protections = self._erase_facts(recipient_key, [party.id for party in parties], now)
        before = now - self._retention if needed_at is None else datetime.min.replace(tzinfo=UTC)
        rows = RowErasure(self._deps.files, self._deps.pseudonyms)(recipient_key, before)
        newest = max((at for at in (newest_kept, rows.newest) if at), default=None)
        held_for = self._deps.backups.held_for()
        return ErasureResult(
            erased=len(due) + rows.erased,
            kept=len(kept) + rows.kept,
            kept_until=newest + self._retention if newest else None,
            records=tuple(records),
            rows=rows.erased,
            documents=documents + facts,
            protections=protections,
            backups_until=now + held_for if held_for else None,
        )

    def _parties(self) -> list[Party]:
        """Every party that was ever registered: the archive has a copy of each registration."""
        ids = dict.fromkeys(party_of(name) for name in self._deps.archive.names(PARTIES))
        found: list[Party] = []
        for keys in _groups([table.party(one) for one in ids], MAX_DOCUMENTS):
            found += [table.read(document, Party) for document in self._deps.documents.get(keys).values()]
        return found

    def _of_decisions(self, recipient_key: RecipientKey, parties: Iterable[Party]) -> Iterator[str]:
        """The prefix of each gateway's decisions about the recipient."""
        for party in parties:
            if "gateway" in party.roles:
                yield recipient_prefix(self._deps.pseudonyms.recipient_tag(party.id, recipient_key))

    def _copies(self, prefix: str) -> Iterable[tuple[str, datetime]]:
        return self._deps.archive.names_with_times(prefix)

    def _record(self, names: Sequence[str], now: datetime) -> str:
        """The digests of these copies without the recipient, in a record of their own."""
        erasure = Erasure(now, tuple(without_prefix(name) for name in names))
        erasure_id = base64.b32encode(self._deps.entropy(16)).decode().rstrip("=").lower()
        self._deps.documents.commit([table.write(table.erasure(erasure_id), None, erasure)])
        return erasure_id

    def _erase_documents(self, names: Sequence[str], now: datetime) -> int:
        """The documents of which these are the copies. The table has one attempt of a decision: another one, whose copy
        is still under retention, stays."""
        digests: dict[Key, set[str]] = {}
        for name in names:
            key, sha256 = document_of(name)
            digests.setdefault(key, set()).add(sha256)

        def erase(keys: Sequence[Key]) -> int:
            stored = self._deps.documents.get(keys)
            found = [one for one in stored.values() if not table.is_removed(one) and _is_copied(one, digests[one.key])]
            return self._commit([_without_content(one, now) for one in found])

        return sum(self._retried(partial(erase, keys)) for keys in _groups(list(digests), MAX_DOCUMENTS))

    def _erase_facts(self, recipient_key: RecipientKey, parties: Iterable[str], now: datetime) -> tuple[int, int]:
        """The number of documents that were erased, and of those that stay because they protect the recipient."""

        def erase() -> tuple[int, int]:
            stored = self._deps.documents.partition(table.recipient(recipient_key), "")
            present = [one for one in stored if not table.is_removed(one)]
            after = {one.key: self._protections(one, now) for one in present}
            count = self._commit([after[one.key] for one in present if after[one.key] != one])
            return count, sum(not table.is_removed(one) for one in after.values())

        count, protections = self._retried(erase)
        voided = [self._retried(partial(self._erase_voided, one, recipient_key)) for one in parties]
        return count + sum(voided), protections

    def _protections(self, document: Document, now: datetime) -> Document:
        """The document without all that opens: unchanged if it only protects, removed if nothing of it does."""
        kind = document.key.sk.partition("#")[0]
        if kind == DEBT:
            return table.remove(document, now)
        if kind == CONSENT:
            return _revocation(document, now)
        return self._still_counted(document, now) if kind == CONTACTS else document

    def _still_counted(self, ledger: Document, now: datetime) -> Document:
        contacts = unpack_contacts(ledger.sealed)
        counted = drop_expired(contacts, now, self._pack)
        if not counted:
            return table.remove(ledger, now)
        return ledger if counted == contacts else table.write(ledger.key, ledger, {}, pack_contacts(counted))

    def _erase_voided(self, party_id: str, recipient_key: RecipientKey) -> int:
        """The consents and debts of this party that a void removed, and that its undoing would bring back."""
        stored = self._deps.documents.partition(table.removed_facts(party_id, recipient_key), "")
        found = [one for one in stored if not one.key.sk.startswith(table.VOID_DONE) and one.body != _NO_FACTS]
        return self._commit([table.write(one.key, one, {}) for one in found])

    def _commit(self, documents: Sequence[Document]) -> int:
        for group in _groups(documents, MAX_DOCUMENTS):
            self._deps.documents.commit(group)
        return len(documents)

    def _retried(self, erase: Callable[[], T]) -> T:
        return retry_on_conflict(erase, attempts=MAX_ATTEMPTS, contention="other writers kept changing the documents")


def _revocation(document: Document, now: datetime) -> Document:
    state = table.read(document, ConsentState)
    if state.consent is None:
        return document
    if state.revoked is None:
        return table.remove(document, now)
    return table.write(document.key, document, ConsentState(revoked=state.revoked))


def _is_copied(document: Document, sha256s: set[str]) -> bool:
    """Whether the copies with these digests include that of this document. A statement has only one."""
    return not document.key.pk.startswith(DECISION_PREFIX) or summary(document).record_sha256 in sha256s


def _without_content(document: Document, now: datetime) -> Document:
    """The document without its content. The table deletes it a day later. The summary of a decision stays until then:
    it names nobody, and the same message, asked about again, is the next attempt."""
    return table.remove(document, now)._replace(summary=document.summary)


def _groups(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[at : at + size] for at in range(0, len(items), size))
