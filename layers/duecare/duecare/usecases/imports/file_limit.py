"""The limit on the debts of one creditor about one recipient (statements/debt_limit.py), for files.

It is exact within one file: Ingest counts the rows of each recipient in the order of the file, whatever parts they fall
into, and flags those over the limit. A flagged row counts only if its debt is on file and open.

Across files it is not exact: counting what is on file would cost a Query for every row. The workers look at the
recipients that have many rows in a group or else at one that nobody can foresee, and hold the limit for them, exactly
but for concurrent files. So many small files do not get past it, and a metric shows if large ones do.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime

from duecare.ports import BulkStore, Key
from duecare.usecases import table
from duecare.usecases.imports.row_marks import mark
from duecare.usecases.statements.debt_limit import MAX_DEBTS_ON_FILE, MAX_OPEN_DEBTS, DebtCount, is_open
from duecare.usecases.statements.effects import VerifiedStatement
from duecare_core.domain.facts.statement import DebtStatement, valid_until
from duecare_core.domain.facts.states import DebtState
from duecare_core.domain.fields import RecipientKey

# Recipients with more rows in a file than the limit. 2 KB each are held in memory.
MAX_CROWDED = 5_000
MANY_ROWS = 8  # of a recipient in a group of rows: its debts on file are counted


class FileLimit:
    """Counts the debts that one file opens, for the recipients with many rows."""

    def __init__(self) -> None:
        self._open: dict[str, set[int]] = defaultdict(set)
        self._rows: Counter[str] = Counter()

    def has_room(self, key: Key, debt: DebtStatement, at: datetime) -> bool:
        """Whether the next row of the file is within the limit. Rows about one debt count once as open."""
        self._rows[key.pk] += 1
        if self._rows[key.pk] > MAX_DEBTS_ON_FILE:
            return False
        if debt.status != "open" or at >= valid_until(debt):
            return True
        opened, this = self._open[key.pk], mark(*key)
        if this not in opened and len(opened) >= MAX_OPEN_DEBTS:
            return False
        opened.add(this)
        return True


class PartLimit:
    """Counts the debts on file, for some recipients of a part. `overshoots`: those that had too many already."""

    def __init__(self, bulk: BulkStore, creditor: str, at: datetime) -> None:
        self._bulk = bulk
        self._creditor = creditor
        self._at = at
        self._counts: dict[RecipientKey | None, DebtCount] = {}
        self.overshoots = 0

    def sample(self, rows: Sequence[VerifiedStatement]) -> None:
        """Count the debts on file of some recipients of these rows. Raises StoreFailed."""
        rows_of = Counter([row.recipient_key for row in rows])
        most = max(rows_of.values())
        chosen = {key for key, count in rows_of.items() if count >= MANY_ROWS}
        if not chosen:  # one of those with most rows, by a keyed digest that nobody can foresee
            chosen = {min((row.content, row.recipient_key) for row in rows if rows_of[row.recipient_key] == most)[1]}
        for key in chosen.difference(self._counts):
            partition = table.recipient(key or RecipientKey(""))
            self._counts[key] = DebtCount(self._bulk, partition, self._creditor, self._at)
            self.overshoots += len(self._counts[key].open) > MAX_OPEN_DEBTS

    def has_room(self, row: VerifiedStatement, added: DebtState) -> bool:
        """Whether this row may add or re-open its debt, as far as is known."""
        count = self._counts.get(row.recipient_key)
        if count is None or not isinstance(row.statement, DebtStatement):
            return True
        return count.has_room(row.statement.debt_ref, opens=is_open(added, self._at))
