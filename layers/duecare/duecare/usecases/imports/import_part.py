"""Import: the rows of one part become facts, each exactly as a single statement of its content would.

A part counts once: its counts and the item that says that it has ended are one transaction. A worker that is killed has
written whole groups of rows or none of them; the one that comes after meets each row under its own statement's id, and
counts it as accepted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple, TypeVar

from msgspec import Struct, structs

from duecare.ports import Document, Documents, Key
from duecare.usecases import table
from duecare.usecases.imports.ingest import PartLine, read_part
from duecare.usecases.imports.upload_state import ImportDeps, UploadState, change, part_rejects_name
from duecare.usecases.statements.effects import StatementEffects, VerifiedStatement, slot_key
from duecare_core.domain.facts.merge import MergeInput, touched_slots
from duecare_core.domain.facts.party import Party
from duecare_core.domain.facts.statement import fact_time
from duecare_core.domain.location.phone import canonical_number
from duecare_core.domain.portfolio.portfolio import Portfolio, rejects_csv
from duecare_core.domain.portfolio.row_reader import BadRow, Reject
from duecare_core.domain.rules.ruleset import Rules
from duecare_core.errors import Contention, RequestError, VersionConflict
from duecare_core.evidence import statement as statements

DOCUMENTS_A_WRITE = 100  # the most that one transaction takes
ROWS_AT_ONCE = 800
ATTEMPTS = 8
CONFLICT = "conflict"

T = TypeVar("T")


class PartOutcome(Struct, frozen=True):
    """What became of one part."""

    accepted: int
    unchanged: int
    rejected: int


class _Row(NamedTuple):
    number: int
    stated: VerifiedStatement
    at: datetime
    keys: tuple[Key, ...]


class ImportPart:
    def __init__(self, means: ImportDeps, rules: Rules) -> None:
        self._means = means
        self._rules = rules

    def __call__(self, upload_id: str, number: int) -> UploadState | None:
        """Import one part; what the upload has become. None where there is no such import under way.

        Raises CannotDecide: the message comes again.
        """
        key, ended = table.upload(upload_id), table.part(upload_id, number)
        found = self._means.documents.get([key, ended])
        upload = table.find(found, key, UploadState)
        if upload is None or upload.state != "importing" or number >= upload.parts:
            return None
        if ended in found:
            return upload
        part = _Part(upload, self._means, self._rules)
        lines = list(read_part(self._means.files, upload_id, upload.split, number))
        part.run(lines, doubled=upload.doubled and number == upload.parts - 1)
        if part.rejects:
            bad = sorted(part.rejects, key=lambda one: one.number)
            self._means.files.write(part_rejects_name(upload_id, number), rejects_csv(bad))
        return self._count(upload_id, ended, PartOutcome(part.accepted, part.unchanged, len(part.rejects)))

    def _count(self, upload_id: str, key: Key, ended: PartOutcome) -> UploadState:
        def edit(upload: UploadState) -> tuple[UploadState, Sequence[Document]] | None:
            if key in self._means.documents.get([key]):
                return None
            after = structs.replace(
                upload,
                done=upload.done + 1,
                accepted=upload.accepted + ended.accepted,
                unchanged=upload.unchanged + ended.unchanged,
                rejected=upload.rejected + ended.rejected,
            )
            return after, [table.write(key, None, ended)]

        return change(self._means.documents, upload_id, edit, self._means.rest)


class _Read:
    """`Documents` for `StatementEffects`: a whole group's documents are read at once, any other when it is needed."""

    def __init__(self, documents: Documents, known: dict[Key, Document], asked: Iterable[Key]) -> None:
        self._documents = documents
        self._known = known
        self._asked = frozenset(asked)

    def get(self, keys: Iterable[Key]) -> dict[Key, Document]:
        keys = list(keys)
        if not self._asked.issuperset(keys):
            return self._documents.get(keys)
        return {key: self._known[key] for key in keys if key in self._known}

    def partition(self, pk: str, prefix: str) -> list[Document]:
        return self._documents.partition(pk, prefix)

    def commit(self, documents: Sequence[Document]) -> None:
        raise AssertionError("a merge writes nothing itself")


class _Part:
    """The rows of one part on their way. `ImportPart` is its only user."""

    def __init__(self, upload: UploadState, means: ImportDeps, rules: Rules) -> None:
        self._upload = upload
        self._means = means
        self._rules = rules
        self._portfolio = Portfolio(upload.manifest)
        # Whoever announced the file; that it may, was checked when the file arrived.
        self._creditor = Party(
            id=upload.creditor, roles=("creditor",), name=upload.creditor, registered_at=upload.announced_at
        )
        self.accepted = 0
        self.unchanged = 0
        self.rejects: list[BadRow] = []
        # Nothing was there of any row so far, so most likely nothing is there of the next ones: they are written as
        # the first of their keys without reading first. Where that is wrong the table refuses it.
        self._all_new = False

    def run(self, lines: Iterable[PartLine], *, doubled: bool) -> None:
        if doubled:
            rows = [row for line in lines if (row := self._typed(line)) is not None]
            groups = (some for round_ in self._rounds(rows) for some in _cut(round_))
        else:
            groups = ([row for line in some if (row := self._typed(line)) is not None] for some in _cut(lines))
        for group in groups:
            self._merge(group)

    def _typed(self, line: PartLine) -> _Row | None:
        said = line.reject or self._portfolio.statement(line.members or {}, self._upload.announced_at)
        if isinstance(said, Reject):
            self.rejects.append(BadRow(line.number, said))
            return None
        kind = self._upload.manifest.kind
        stated = VerifiedStatement(
            kind,
            said,
            self._upload.statement_of(line.number),
            self._means.pseudonyms.content(statements.content(said)),
            self._means.pseudonyms.recipient(canonical_number(said.recipient)),
        )
        slots = touched_slots(MergeInput(said, stated.statement_id, stated.content))
        keys = tuple(slot_key(stated.partition, slot) for slot in slots)
        return _Row(line.number, stated, fact_time(kind, said), keys)

    def _rounds(self, rows: Sequence[_Row]) -> Iterator[list[_Row]]:
        """Rows about the same thing one after another, the newest first; those that contradict each other never."""
        by_key: dict[Key, list[_Row]] = defaultdict(list)
        for row in rows:
            for key in row.keys:
                by_key[key].append(row)
        contradict: set[int] = set()
        for those in by_key.values():
            contents: dict[datetime, set[str]] = defaultdict(set)
            for row in those:
                contents[row.at].add(row.stated.content)
            contradict |= {row.number for row in those if len(contents[row.at]) > 1}
        for row in rows:
            if row.number in contradict:
                self._reject(row, CONFLICT, "another row of this file says something else of the same instant")
        left = sorted((row for row in rows if row.number not in contradict), key=lambda row: row.at, reverse=True)
        while left:
            taken: set[Key] = set()
            now: list[_Row] = []
            later: list[_Row] = []
            for row in left:
                (later if taken.intersection(row.keys) else now).append(row)
                taken.update(row.keys)
            yield now
            left = later

    def _merge(self, rows: Sequence[_Row]) -> None:
        """Read what these rows touch, merge, write; where others wrote in between, again and in smaller groups."""
        pending, size = list(rows), DOCUMENTS_A_WRITE
        for attempt in range(ATTEMPTS):
            keys = [key for row in pending for key in row.keys]
            unread = self._all_new
            known = {} if unread else self._means.bulk.get(keys)
            self._all_new = not known
            groups = list(_grouped(self._effects(pending, _Read(self._means.documents, known, keys)), size))
            outcomes = self._means.bulk.commit_each([[one for _, docs in group for one in docs] for group in groups])
            pending = []
            for group, outcome in zip(groups, outcomes, strict=True):
                if outcome is None:
                    self.accepted += sum(accepted for (_, accepted), _ in group)
                    self.unchanged += sum(not accepted for (_, accepted), _ in group)
                elif isinstance(outcome, VersionConflict):
                    pending += [row for (row, _), _ in group]
                else:
                    raise outcome
            if not pending:
                return
            self._all_new = False
            if not unread:  # somebody else wrote in between
                size = max(1, size // 4)
                self._means.rest(attempt)
        raise Contention("others kept stating about the same debts")

    def _effects(self, rows: Iterable[_Row], read: _Read) -> Iterator[tuple[tuple[_Row, bool], list[Document]]]:
        """Each row that changes something: whether it counts as accepted, and the documents to write."""
        merging = StatementEffects(read, self._means.pseudonyms, self._rules)
        for row in rows:
            try:
                effect = merging(self._creditor, row.stated)
            except RequestError as refused:
                self._reject(row, _code(refused), refused.detail)
                continue
            accepted = effect.status == "accepted" or effect.same_as == row.stated.statement_id
            if effect.documents:
                yield (row, accepted), effect.documents
            else:
                self.accepted += accepted
                self.unchanged += not accepted

    def _reject(self, row: _Row, code: str, message: str) -> None:
        self.rejects.append(BadRow(row.number, Reject("", code, message)))


def _cut(rows: Iterable[T]) -> Iterator[list[T]]:
    """As many of them as are merged at once, again and again."""
    coming = iter(rows)
    return iter(lambda: list(islice(coming, ROWS_AT_ONCE)), [])


def _grouped(
    effects: Iterable[tuple[tuple[_Row, bool], list[Document]]], size: int
) -> Iterator[list[tuple[tuple[_Row, bool], list[Document]]]]:
    """Rows whose documents fit one write together; a row's own always do."""
    group: list[tuple[tuple[_Row, bool], list[Document]]] = []
    count = 0
    for effect in effects:
        if group and count + len(effect[1]) > size:
            yield group
            group, count = [], 0
        group.append(effect)
        count += len(effect[1])
    if group:
        yield group


def _code(refused: RequestError) -> str:
    return refused.errors[0].code if refused.errors else CONFLICT if refused.status == 409 else refused.name
