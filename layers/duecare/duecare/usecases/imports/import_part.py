"""Import the rows of one part. Each row has the same effect as a single statement of its content.

A part counts once: its counts and the item that marks it as done are written in one transaction. A worker that dies has
written whole groups of rows. The next one finds these rows stored under their own statement ids, and counts them as
accepted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple, TypeVar

from msgspec import structs

from duecare.ports import Document, Documents, Key
from duecare.usecases import table
from duecare.usecases.imports.file_limit import PartLimit
from duecare.usecases.imports.ingest import PartLine, read_part
from duecare.usecases.imports.stop import PartOutcome, check_creditor, count_part, stop_import
from duecare.usecases.imports.upload_state import ImportDeps, UploadState, change_upload, part_rejects_name
from duecare.usecases.retry import retry_on_conflict
from duecare.usecases.statements.debt_limit import too_many_debts
from duecare.usecases.statements.effects import StatementEffects, VerifiedStatement, slot_key
from duecare_core.domain.facts.merge import MergeInput, touched_slots
from duecare_core.domain.facts.party import Party
from duecare_core.domain.facts.statement import fact_time
from duecare_core.domain.location.phone import canonical_number
from duecare_core.domain.portfolio.portfolio import Portfolio, rejects_csv
from duecare_core.domain.portfolio.row_reader import BadRow, Reject
from duecare_core.domain.rules.ruleset import Rules
from duecare_core.errors import FileRefused, RequestError, VersionConflict
from duecare_core.evidence import statement as statements

MAX_DOCUMENTS_WRITTEN = 100  # in one transaction
MAX_ROWS_MERGED = 800
MAX_ATTEMPTS = 8
CONFLICT = "conflict"

T = TypeVar("T")


class _Row(NamedTuple):
    number: int
    statement: VerifiedStatement
    at: datetime
    keys: tuple[Key, ...]
    over: bool


class _RowEffect(NamedTuple):
    """The documents that a row changes, and whether it counts as accepted rather than unchanged."""

    row: _Row
    accepted: bool
    documents: list[Document]


class ImportPart:
    """`on_overshoot`: called with the number of recipients that were found to have more open debts of the creditor than
    single statements could open."""

    def __init__(self, deps: ImportDeps, rules: Rules, on_overshoot: Callable[[int], None] = lambda _: None) -> None:
        self._deps = deps
        self._rules = rules
        self._on_overshoot = on_overshoot

    def __call__(self, upload_id: str, number: int) -> UploadState | None:
        """Import one part. Returns the upload as it is afterwards, or None if no such import is under way.

        The import stops if the creditor may not state any more. Raises CannotDecide: the message is delivered again.
        """
        key, part_key = table.upload(upload_id), table.part(upload_id, number)
        found = self._deps.documents.get([key, part_key])
        upload = table.find(found, key, UploadState)
        if upload is None or upload.state != "importing" or number >= upload.parts:
            return None
        if part_key in found:
            return upload
        part = _Part(upload, self._deps, self._rules)
        lines = list(read_part(self._deps.files, upload_id, upload.split, number))
        try:
            part.run(lines, duplicates=upload.doubled and number == upload.parts - 1)
        except FileRefused as refused:
            return stop_import(self._deps, upload_id, refused, number, part.outcome())
        if part.limit.overshoots:
            self._on_overshoot(part.limit.overshoots)
        if part.rejects:
            rejects = sorted(part.rejects, key=lambda one: one.number)
            self._deps.files.write(part_rejects_name(upload_id, number), rejects_csv(rejects))
        return self._count(upload_id, part_key, part.outcome())

    def _count(self, upload_id: str, part_key: Key, outcome: PartOutcome) -> UploadState:
        def edit(upload: UploadState) -> tuple[UploadState, Sequence[Document]] | None:
            if part_key in self._deps.documents.get([part_key]):
                return None
            after = structs.replace(count_part(upload, outcome), done=upload.done + 1)
            return after, [table.write(part_key, None, outcome)]

        return change_upload(self._deps.documents, upload_id, edit, self._deps.backoff)


class _Preloaded:
    """`Documents` for `StatementEffects`: those of a group have been read together, others are read on demand."""

    def __init__(self, documents: Documents, found: dict[Key, Document], keys: Iterable[Key]) -> None:
        self._documents = documents
        self._found = found
        self._keys = frozenset(keys)

    def get(self, keys: Iterable[Key]) -> dict[Key, Document]:
        keys = list(keys)
        if not self._keys.issuperset(keys):
            return self._documents.get(keys)
        return {key: self._found[key] for key in keys if key in self._found}

    def partition(self, pk: str, prefix: str) -> list[Document]:
        return self._documents.partition(pk, prefix)

    def commit(self, documents: Sequence[Document]) -> None:
        raise AssertionError("merging a statement writes nothing")


class _Part:
    """The state of importing one part. Used by `ImportPart` only."""

    def __init__(self, upload: UploadState, deps: ImportDeps, rules: Rules) -> None:
        self._upload = upload
        self._deps = deps
        self._rules = rules
        self._portfolio = Portfolio(upload.manifest)
        # The party that announced the file. Ingest has checked that it may.
        self._creditor = Party(
            id=upload.creditor, roles=("creditor",), name=upload.creditor, registered_at=upload.announced_at
        )
        self.accepted = 0
        self.unchanged = 0
        self.rejects: list[BadRow] = []
        self.limit = PartLimit(deps.bulk, upload.creditor, upload.announced_at)
        # Nothing was stored for any row so far, so most likely nothing is stored for the next ones either: they are
        # written as version 1 without being read first. A wrong guess is a write conflict.
        self._all_new = False

    def run(self, lines: Iterable[PartLine], *, duplicates: bool) -> None:
        """`duplicates`: several rows may be about the same debt."""
        if duplicates:
            rows = [row for line in lines if (row := self._row(line)) is not None]
            groups = (group for round_ in self._rounds(rows) for group in _in_groups(round_))
        else:
            groups = ([row for line in group if (row := self._row(line)) is not None] for group in _in_groups(lines))
        for group in groups:
            self._merge(group)

    def outcome(self) -> PartOutcome:
        return PartOutcome(self.accepted, self.unchanged, len(self.rejects))

    def _row(self, line: PartLine) -> _Row | None:
        claims = line.reject or self._portfolio.statement(line.members or {}, self._upload.announced_at)
        if isinstance(claims, Reject):
            self.rejects.append(BadRow(line.number, claims))
            return None
        kind = self._upload.manifest.kind
        statement = VerifiedStatement(
            kind,
            claims,
            self._upload.statement_of(line.number),
            self._deps.pseudonyms.content(statements.content(claims)),
            self._deps.pseudonyms.recipient_key(canonical_number(claims.recipient)),
            self._upload.announced_at,
        )
        slots = touched_slots(MergeInput(claims, statement.statement_id, statement.content, self._upload.announced_at))
        keys = tuple(slot_key(statement.partition, slot) for slot in slots)
        return _Row(line.number, statement, fact_time(kind, claims), keys, line.over)

    def _rounds(self, rows: Sequence[_Row]) -> Iterator[list[_Row]]:
        """Rows about the same thing go into successive rounds, the newest first. Rows that contradict each other are
        rejected."""
        by_key: dict[Key, list[_Row]] = defaultdict(list)
        for row in rows:
            for key in row.keys:
                by_key[key].append(row)
        contradictory: set[int] = set()
        for same_key in by_key.values():
            contents: dict[datetime, set[str]] = defaultdict(set)
            for row in same_key:
                contents[row.at].add(row.statement.content)
            contradictory |= {row.number for row in same_key if len(contents[row.at]) > 1}
        for row in rows:
            if row.number in contradictory:
                self._reject(row, CONFLICT, "another row of this file says something else of the same instant")
        left = sorted((row for row in rows if row.number not in contradictory), key=lambda row: row.at, reverse=True)
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
        """Read, merge and write these rows. Rows in conflict with other writers are merged again, in smaller groups."""
        pending, size = list(rows), MAX_DOCUMENTS_WRITTEN
        if rows and self._upload.manifest.kind == "debt":
            self.limit.sample([row.statement for row in rows])

        def attempt() -> None:
            nonlocal pending, size
            keys = [key for row in pending for key in row.keys]
            # A row over the limit counts only if its debt is on file.
            guessed = self._all_new and not any(row.over for row in pending)
            found = {} if guessed else self._deps.bulk.get(keys)
            self._all_new = not found
            effects = self._effects(pending, _Preloaded(self._deps.documents, found, keys))
            pending = self._write(list(_grouped(effects, size)))
            if pending:
                self._all_new = False
                if not guessed:
                    size = max(1, size // 4)
                raise VersionConflict("some rows were changed by others")

        contention = "other writers kept changing the same debts"
        retry_on_conflict(attempt, attempts=MAX_ATTEMPTS, contention=contention, backoff=self._deps.backoff)

    def _write(self, groups: Sequence[Sequence[_RowEffect]]) -> list[_Row]:
        """Write each group in a transaction, and count its rows. Returns the rows in conflict with other writers.

        Raises FileRefused, before the first write, if the creditor may not state any more.
        """
        conflicting: list[_Row] = []
        if groups:
            check_creditor(self._deps, self._upload)
        outcomes = self._deps.bulk.commit_each(
            [[one for effect in group for one in effect.documents] for group in groups]
        )
        for group, outcome in zip(groups, outcomes, strict=True):
            if outcome is None:
                self.accepted += sum(effect.accepted for effect in group)
                self.unchanged += sum(not effect.accepted for effect in group)
            elif isinstance(outcome, VersionConflict):
                conflicting += [effect.row for effect in group]
            else:
                raise outcome
        return conflicting

    def _effects(self, rows: Iterable[_Row], documents: _Preloaded) -> Iterator[_RowEffect]:
        """The effect of each row that changes a document. The others are counted or rejected here."""
        merging = StatementEffects(documents, self._deps.pseudonyms, self._rules)
        for row in rows:
            try:
                effect = merging(self._creditor, row.statement, is_row=True)
            except RequestError as refused:
                self._reject(row, _code(refused), refused.detail)
                continue
            if effect.added_debt and (row.over or not self.limit.has_room(row.statement, effect.added_debt)):
                full = too_many_debts()
                self._reject(row, full.name, full.detail)
                continue
            news = effect.status == "accepted" and effect.effect != "superseded"
            accepted = news or effect.same_as == row.statement.statement_id
            if effect.documents:
                yield _RowEffect(row, accepted, effect.documents)
            else:
                self.accepted += accepted
                self.unchanged += not accepted

    def _reject(self, row: _Row, code: str, message: str) -> None:
        self.rejects.append(BadRow(row.number, Reject("", code, message)))


def _in_groups(rows: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(rows)
    return iter(lambda: list(islice(remaining, MAX_ROWS_MERGED)), [])


def _grouped(effects: Iterable[_RowEffect], size: int) -> Iterator[list[_RowEffect]]:
    """Rows whose documents fit one transaction of this size; the documents of one row are never separated."""
    group: list[_RowEffect] = []
    count = 0
    for effect in effects:
        if group and count + len(effect.documents) > size:
            yield group
            group, count = [], 0
        group.append(effect)
        count += len(effect.documents)
    if group:
        yield group


def _code(refused: RequestError) -> str:
    return refused.errors[0].code if refused.errors else CONFLICT if refused.status == 409 else refused.name
