"""Void the statements of a rogue party: those that it stated since an instant count no longer, until that is undone.

The void is a record of its own, which gets a log entry. The statements, the log and the recipients' chains stay as they
are. The party is suspended in the same transaction, which counts at once. Then the table is scanned for the party's
statements, and the states that they may have changed are merged anew (void_states.py). The scan goes on in steps: each
continues where the last one ended, and a page that was interrupted is dealt with again.

Requests in flight may have read the party as active, so the scan begins only when they have ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from msgspec import structs

from duecare.ports import Backoff, Clock, Document, Documents, ScanFilter, ScanPage, TableScan
from duecare.usecases import table
from duecare.usecases.imports.upload_state import UploadState
from duecare.usecases.log import head as heads
from duecare.usecases.operator.void_records import PartyVoids, VoidProgress, VoidReport, void_id
from duecare.usecases.operator.void_sources import StatementSource, is_row
from duecare.usecases.operator.void_states import STATES, Scope, VoidStates, VoidStatesDeps, VoidWork, named_in
from duecare.usecases.retry import retry_on_conflict
from duecare_core.domain.facts.party import Party
from duecare_core.domain.facts.statement import StatementKind
from duecare_core.domain.facts.void import Void
from duecare_core.domain.fields import RecipientKey
from duecare_core.errors import Conflict, NotFound, Unacceptable, Violation
from duecare_core.evidence import item_keys as keys
from duecare_core.evidence.statement import StatementRecord

T = TypeVar("T")

MAX_ATTEMPTS = 5
MAX_PAGES = 100  # read without documents of interest, before the progress is stored
# Longer than a request takes that has read the party as active (template.yaml, Globals: Timeout).
REQUESTS_END = timedelta(seconds=30)


class VoidDeps(NamedTuple):
    """`table_retention`: how long the table keeps a statement, at least."""

    documents: Documents
    scan: TableScan
    source: StatementSource
    states: VoidStatesDeps
    clock: Clock
    backoff: Backoff
    table_retention: timedelta


class VoidStatements:
    def __init__(self, deps: VoidDeps) -> None:
        self._deps = deps

    def start(self, party_id: str, since: datetime, kind: StatementKind | None) -> VoidReport:
        """Record the void and suspend the party, in one transaction. If the same void is at work, it goes on; if it is
        done, it begins again and covers what was stated up to now. Raises NotFound, Unacceptable, CannotDecide."""
        now = self._deps.clock()
        if since > now:
            violation = Violation("/since", "in-the-future", "a time that has passed is expected")
            raise Unacceptable("The time since which statements are void lies in the future.", errors=(violation,))
        if kind == "delivery":
            violation = Violation("/kind", "no-fact", "another kind is expected, such as opt-out")
            raise Unacceptable(
                "A delivery is evidence for reconciliation and no fact, so it stays.", errors=(violation,)
            )

        def attempt() -> VoidReport:
            stored = _VoidDocuments.of(self._deps.documents, party_id, void_id(party_id, since, kind))
            documents: list[Document] = []
            if stored.party.state != "suspended":
                suspended = structs.replace(stored.party, state="suspended")
                documents.append(table.write(stored.party_document.key, stored.party_document, suspended))
            if stored.is_at_work("active"):
                if documents:
                    self._deps.documents.commit(documents)
                return stored.report()
            void = Void(party=party_id, since=since, until=now, kind=kind)
            return self._begin(stored, void, now + REQUESTS_END, documents)

        return self._retried(attempt)

    def undo(self, party_id: str, since: datetime, kind: StatementKind | None) -> VoidReport:
        """Record that the void is undone: its statements count again. The party stays as it is. Raises NotFound,
        CannotDecide."""
        now = self._deps.clock()

        def attempt() -> VoidReport:
            stored = _VoidDocuments.of(self._deps.documents, party_id, void_id(party_id, since, kind))
            if stored.void is None:
                raise NotFound(
                    "No such void is recorded; `admin party show` lists the voids of a party, with their times and "
                    "kinds.",
                    name="unknown-void",
                )
            if stored.void.state == "undone":
                return stored.report()
            return self._begin(stored, structs.replace(stored.void, state="undone", undone_at=now), now, [])

        return self._retried(attempt)

    def _begin(self, stored: _VoidDocuments, void: Void, not_before: datetime, others: list[Document]) -> VoidReport:
        record = table.write(table.void(void.party, stored.id), stored.void_document, void)
        progress = VoidProgress(
            void_version=record.version,
            phase="uploads" if "creditor" in stored.party.roles else "states",
            not_before=not_before,
            updated_at=self._deps.clock(),
        )
        key = table.void_progress(void.party, stored.id)
        self._deps.documents.commit([*others, record, table.write(key, stored.progress_document, progress)])
        return VoidReport(id=stored.id, void=void, progress=progress)

    def step(self, party_id: str, identifier: str, has_time: Callable[[], bool]) -> VoidReport:
        """Go on with the scan as long as there is time, by one page at least. Raises NotFound, CannotDecide."""
        stored = _VoidDocuments.of(self._deps.documents, party_id, identifier)
        if stored.void is None or stored.progress is None:
            raise NotFound("No such void is recorded.", name="unknown-void")
        if stored.progress.phase == "done":
            return stored.report()
        stored.check_suspended()
        if self._deps.clock() < stored.progress.not_before:
            return structs.replace(stored.report(), waiting="requests-to-end")
        if {"creditor", "collector"} & set(stored.party.roles) and not self._is_logged(stored.void):
            return structs.replace(stored.report(), waiting="log")
        while True:
            stored = self._retried(lambda: self._page(party_id, identifier))
            if stored.progress is None or stored.progress.phase == "done" or not has_time():
                return stored.report()

    def _is_logged(self, void: Void) -> bool:
        """Whether the log, and so the archive, has every consent, debt, mandate and route that may have to be found
        again."""
        head = heads.load(self._deps.documents)
        caught_up = head.head.caught_up_at if head else None
        return caught_up is not None and caught_up >= (void.since if void.state == "active" else void.until)

    def _page(self, party_id: str, identifier: str) -> _VoidDocuments:
        """Deal with one page of the scan, and store the progress."""
        stored = _VoidDocuments.of(self._deps.documents, party_id, identifier)
        void, progress = stored.void, stored.progress
        if void is None or progress is None or progress.phase == "done":
            return stored
        stored.check_suspended()
        after = (
            self._uploads(void, stored, progress)
            if progress.phase == "uploads"
            else self._states(void, stored, progress)
        )
        after = structs.replace(after, updated_at=self._deps.clock())
        key = table.void_progress(party_id, identifier)
        document = table.write(key, stored.progress_document, after)
        self._deps.documents.commit([document])
        return stored._replace(progress=after, progress_document=document)

    def _uploads(self, void: Void, stored: _VoidDocuments, progress: VoidProgress) -> VoidProgress:
        """Find when the party announced its last file whose rows count."""
        wanted = ScanFilter(f"{keys.UPLOAD}#", keys.UPLOAD, f'"iss":"{void.party}"')
        page, read = self._next_page([wanted], progress.cursors)
        uploads = dict(progress.uploads)
        for document in page.documents:
            upload = table.read(document, UploadState)
            kind, at = upload.manifest.kind, upload.announced_at
            if upload.creditor == void.party and not stored.voided.covers(void.party, kind, at):
                uploads[kind] = max(at, uploads.get(kind, at))
        phase = progress.phase if page.cursors else "states"
        return structs.replace(
            progress,
            phase=phase,
            cursors=page.cursors,
            scanned=progress.scanned + read if page.cursors else 0,
            uploads=uploads,
        )

    def _states(self, void: Void, stored: _VoidDocuments, progress: VoidProgress) -> VoidProgress:
        """Merge the states anew that the statements of one page may have changed."""
        is_creditor = "creditor" in stored.party.roles
        are_deleted = void.since + self._deps.table_retention <= self._deps.clock()
        page, read = self._next_page(list(_filters(void.party, is_creditor, are_deleted)), progress.cursors)
        found = [self._scope(stored.id, void, one) for one in page.documents]
        if are_deleted:
            found += self._scopes_of_deleted(void, page.documents)
        if not progress.cursors and {"creditor", "collector"} & set(stored.party.roles):
            found.append(Scope(None))
        scopes = list(dict.fromkeys(scope for scope in found if scope is not None))
        work = VoidWork(stored.id, progress.void_version, void, stored.voided, is_creditor, progress.uploads)
        merge_anew = VoidStates(self._deps.states, work)
        scopes = merge_anew.pending(scopes)
        changed = sum(merge_anew(scope) for scope in scopes)
        return structs.replace(
            progress,
            phase=progress.phase if page.cursors else "done",
            cursors=page.cursors,
            scanned=progress.scanned + read,
            recipients=progress.recipients + sum(scope.recipient_key is not None for scope in scopes),
            changed=progress.changed + changed,
        )

    def _next_page(self, filters: Sequence[ScanFilter], cursors: Mapping[str, str]) -> tuple[ScanPage, int]:
        """The next page with documents, and how many were read: most have none. Documents that cannot be read are left
        out; `duecare log check` names them. Raises StoreFailed."""
        read = 0
        while True:
            page = self._deps.scan.scan(filters, cursors)
            read, cursors = read + 1, page.cursors
            readable = [one for one in page.documents if one.version]
            if readable or not cursors or read == MAX_PAGES:
                return ScanPage(readable, page.cursors), read

    def _scope(self, identifier: str, void: Void, document: Document) -> Scope | None:
        """The scope of a document that the void concerns; None if it concerns none. Raises StoreFailed."""
        pk = document.key.pk
        if pk.startswith(f"{keys.STATEMENT}#"):
            record = table.read(document, StatementRecord)
            if record.kind in ("upload", "delivery") or not void.covers(record.issuer, record.kind, record.received_at):
                return None
            return Scope(record.recipient_key)
        if pk.startswith(f"{keys.VOID_WORK}#"):
            of_other_void = document.key.sk.startswith(table.VOID_DONE) and not document.key.sk.endswith(identifier)
            return None if of_other_void else Scope(RecipientKey(pk.split("#")[2]) or None)
        if table.is_removed(document) or not document.key.sk.startswith((f"{keys.CONSENT}#", f"{keys.DEBT}#")):
            return None
        this = PartyVoids(void.party, (structs.replace(void, state="active"),))
        if any(is_row(name) and self._deps.source.is_voided_row(name, this) for name in _statements(document)):
            return Scope(_recipient(document))
        return None

    def _scopes_of_deleted(self, void: Void, documents: Sequence[Document]) -> list[Scope]:
        """The recipients whose states rest on statements of this void that the table has deleted."""
        states = [one for one in documents if one.key.pk.startswith(f"{keys.RECIPIENT}#") and not table.is_removed(one)]
        named = {name: one for one in states for name in _statements(one) if not is_row(name)}
        records = self._deps.source.deleted(named, void.since, void.until)
        return [
            Scope(_recipient(named[name]))
            for name, record in records.items()
            if void.covers(record.issuer, record.kind, record.received_at)
        ]

    def _retried(self, attempt: Callable[[], T]) -> T:
        contention = "other writers kept changing this void or its party"
        return retry_on_conflict(attempt, attempts=MAX_ATTEMPTS, contention=contention, backoff=self._deps.backoff)


class _VoidDocuments(NamedTuple):
    """A party, one of its voids, and all of them, as stored."""

    id: str
    party: Party
    party_document: Document
    voided: PartyVoids
    void: Void | None
    void_document: Document | None
    progress: VoidProgress | None
    progress_document: Document | None

    @classmethod
    def of(cls, documents: Documents, party_id: str, identifier: str) -> _VoidDocuments:
        """Raises NotFound for an unknown party, StoreFailed."""
        key, void_key = table.party(party_id), table.void(party_id, identifier)
        progress_key = table.void_progress(party_id, identifier)
        found = documents.get([key, progress_key])
        party = table.find(found, key, Party)
        if party is None:
            raise NotFound("No party is registered under this id.", name="unknown-party")
        voids = {one.key: one for one in documents.partition(table.voids(party_id), "")}
        return cls(
            identifier,
            party,
            found[key],
            PartyVoids(party_id, tuple(table.read(one, Void) for one in voids.values())),
            table.find(voids, void_key, Void),
            voids.get(void_key),
            table.find(found, progress_key, VoidProgress),
            found.get(progress_key),
        )

    def is_at_work(self, state: str) -> bool:
        return (
            self.void is not None
            and self.void.state == state
            and not (self.progress is not None and self.progress.phase == "done")
        )

    def check_suspended(self) -> None:
        """Raises Conflict: what the party states meanwhile could be missed."""
        if self.void is not None and self.void.state == "active" and self.party.state != "suspended":
            raise Conflict(
                "The party was resumed before its void was done. Give the same command again: it suspends the party.",
                name="party-not-suspended",
            )

    def report(self) -> VoidReport:
        if self.void is None or self.progress is None:
            raise AssertionError("a void without a record or without progress")
        return VoidReport(id=self.id, void=self.void, progress=self.progress)


def _filters(party: str, is_creditor: bool, are_deleted: bool) -> Iterator[ScanFilter]:
    """The party's statements, and the recipients whose states its voids changed; of a creditor, the states that rows
    of its files may have made; every state, if the table may have deleted some of the statements."""
    yield ScanFilter(f"{keys.STATEMENT}#", "", f'"issuer":"{party}"')
    yield ScanFilter(f"{keys.VOID_WORK}#{party}#")
    if are_deleted:
        yield ScanFilter(f"{keys.RECIPIENT}#", "", '"statement":')
    elif is_creditor:
        yield ScanFilter(f"{keys.RECIPIENT}#", f"{keys.CONSENT}#{party}#", "#")
        yield ScanFilter(f"{keys.RECIPIENT}#", f"{keys.DEBT}#{party}#", "#")


def _statements(document: Document) -> Iterator[str]:
    """The statements that a state rests on. Raises StoreFailed."""
    kind = STATES.get(document.key.sk.partition("#")[0])
    if kind is not None:
        yield from named_in(table.read(document, kind))


def _recipient(document: Document) -> RecipientKey:
    return RecipientKey(document.key.pk.partition("#")[2])
