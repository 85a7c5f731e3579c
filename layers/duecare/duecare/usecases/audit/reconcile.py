"""Reconcile a gateway's deliveries of a period with the logged decisions: was every message verified first?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import Struct, field

from duecare.ports import Clock, Document, DocumentReader, Key, RangeReader
from duecare.usecases import table
from duecare.usecases.access.caller import SKEW, Caller, check_active, check_caller
from duecare_core.domain.facts.party import Party
from duecare_core.domain.fields import PartyId, Time
from duecare_core.domain.reconciliation import DecisionSummary, Delivery, Period, Reconciliation, reconcile
from duecare_core.errors import NotAllowed, NotFound, StoreFailed, Unacceptable, Violation
from duecare_core.evidence import reconciliation as evidence
from duecare_core.evidence.receipt import ReceiptKey

T = TypeVar("T")

MAX_PERIOD = timedelta(days=31)
# Decisions before the period are read too, because a message may be delivered the day after its decision: for as long
# as the period is, within these bounds. A shorter period must be less work, so that a busy gateway can be reconciled.
LOOK_BACK = (timedelta(hours=1), timedelta(days=1))
# A decision carries the time when it began, and reaches the stream some moments after it was written.
STREAM_DELAY = timedelta(seconds=60)
TIME_LIMIT = timedelta(seconds=18)  # of the 28 s of the function: the last page and the response take time too
MAX_EVENTS = 2_000_000  # decisions and deliveries together: about a gigabyte
_CHECK_EVERY = 1000


class ReconciliationQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The query of `GET /v1/reconciliation`: from `from` until before `to`. An auditor names the gateway."""

    start: Time = field(name="from")
    end: Time = field(name="to")
    gateway: PartyId | None = None


class _SummaryPage(Struct, frozen=True):
    """The members of a decision page (decision_pages.py) that the matching needs."""

    decisions: list[DecisionSummary]


class _LogHead(Struct, frozen=True):
    """The members of the log's head (head.py) that reconciliation reads."""

    size: int
    caught_up_at: datetime | None = None


class _LogProgress(NamedTuple):
    """`complete_until`: every decision before this time is in the log; None if there is no log yet."""

    size: int
    complete_until: datetime | None


_PAGE = msgspec.json.Decoder(_SummaryPage)
_DELIVERY = msgspec.json.Decoder(Delivery)


class Reconcile:
    """`receipt_key` is called for each reconciliation, so that a replaced key stops signing."""

    def __init__(
        self,
        *,
        reader: DocumentReader,
        ranges: RangeReader,
        receipt_key: Callable[[], ReceiptKey],
        issuer: str,
        clock: Clock,
    ) -> None:
        self._reader = reader
        self._ranges = ranges
        self._receipt_key = receipt_key
        self._issuer = issuer
        self._clock = clock

    def __call__(self, caller: Caller, query: ReconciliationQuery) -> dict[str, Any]:
        """The signed response. Raises NotAllowed, NotFound, Unacceptable, CannotDecide."""
        began = self._clock()
        named = [table.party(query.gateway)] if query.gateway else []
        found = self._reader.get([table.party(caller.party), table.LOG_HEAD, *named])
        party = check_caller(caller, table.find_party(found, caller.party), began)
        gateway = _gateway(party, query.gateway, found)
        _check(query, began)
        key, log = self._receipt_key(), _log_progress(found)
        start, end = query.start.astimezone(UTC), query.end.astimezone(UTC)
        period = Period(start, end, log.complete_until or start)
        since = start - min(max(end - start, LOOK_BACK[0]), LOOK_BACK[1])
        result = self._reconciled(gateway, period, since, began + TIME_LIMIT)
        answer = _answer(gateway, period, since, log, result)
        answer[evidence.SIGNATURE_MEMBER] = key.token(
            evidence.TYP, evidence.claims(answer, self._issuer, self._clock())
        )
        return answer

    def _reconciled(self, gateway: str, period: Period, since: datetime, deadline: datetime) -> Reconciliation:
        """Decisions and deliveries are streamed; only what the matching keeps of each message is held."""
        limits = _Limits(self._clock, deadline)
        decisions = self._decisions(gateway, since, min(period.end, period.known), limits)
        # The period's last allows may be delivered after it. The matching stops reading when no more can be.
        deliveries = self._deliveries(gateway, since, period.end + LOOK_BACK[1], limits)
        return reconcile(period, limits.counted(decisions), limits.counted(deliveries))

    def _decisions(self, gateway: str, first: datetime, last: datetime, limits: _Limits) -> Iterator[DecisionSummary]:
        """The decisions between two instants, inclusive, by their time. The pages of a minute are in the order of the
        log, so the decisions of one minute are held and sorted."""
        pages = self._range(table.decision_pages, gateway, (first, last), table.minute, limits)
        for _, of_a_minute in groupby(pages, lambda page: page.key.sk.partition("#")[0]):
            decisions = [one for page in of_a_minute for one in _summaries(page) if first <= one.at <= last]
            yield from sorted(decisions, key=attrgetter("at", "attempt"))

    def _deliveries(self, gateway: str, first: datetime, last: datetime, limits: _Limits) -> Iterator[Delivery]:
        """The deliveries from the second of the first instant to the second of the last, inclusive."""
        return map(_delivery, self._range(table.deliveries, gateway, (first, last), _second, limits))

    def _range(
        self,
        partition: Callable[[str, date], str],
        gateway: str,
        between: tuple[datetime, datetime],
        prefix: Callable[[datetime], str],
        limits: _Limits,
    ) -> Iterator[Document]:
        """The documents whose sort keys lie between the prefixes of the two instants, inclusive; day by day."""
        first, last = between
        day = first.date()
        while day <= last.date():
            limits.check()
            yield from self._ranges.between(partition(gateway, day), prefix(first), f"{prefix(last)}~")
            day += timedelta(days=1)


class _Limits:
    """Raises Unacceptable if there is more than can be read in time or held in memory."""

    def __init__(self, clock: Clock, deadline: datetime) -> None:
        self._clock = clock
        self._deadline = deadline
        self._count = 0

    def counted(self, events: Iterable[T]) -> Iterator[T]:
        for one in events:
            self._count += 1
            if self._count % _CHECK_EVERY == 0:
                self.check()
            yield one

    def check(self) -> None:
        if self._count > MAX_EVENTS or self._clock() > self._deadline:
            raise Unacceptable(
                "This period has more decisions and deliveries than one request can reconcile; ask for a shorter one.",
                name="period-too-full",
            )


def _gateway(party: Party, named: str | None, found: dict[Key, Document]) -> str:
    """The gateway to reconcile: the caller, or the one that an auditor names. Raises RequestError."""
    check_active(party)
    if "gateway" in party.roles and named in (None, party.id):
        return party.id
    if "auditor" not in party.roles:
        if "gateway" not in party.roles:
            raise NotAllowed("Only a gateway or an auditor may reconcile.", name="wrong-role")
        raise NotAllowed("A gateway may reconcile its own deliveries only.", name="not-its-own")
    if named is None:
        raise _unacceptable("gateway", "missing", "an auditor must name the gateway")
    other = table.find_party(found, named)
    if other is None or "gateway" not in other.roles:
        raise NotFound("No gateway is registered under this id.", name="unknown-gateway")
    return other.id


def _check(query: ReconciliationQuery, now: datetime) -> None:
    """Raises Unacceptable."""
    for name, at in (("from", query.start), ("to", query.end)):
        if not 1970 < at.year < 2200:  # arithmetic on other times may overflow
            raise _unacceptable(name, "out-of-range", "expected a time between 1971 and 2199")
    if query.end <= query.start:
        raise _unacceptable("to", "out-of-order", "to must lie after from")
    if query.end - query.start > MAX_PERIOD:
        raise _unacceptable("to", "too-long", "a period may have at most 31 days")
    if query.end > now + SKEW:
        raise _unacceptable("to", "in-the-future", "to must not lie in the future")


def _unacceptable(name: str, code: str, message: str) -> Unacceptable:
    return Unacceptable("The period cannot be reconciled.", errors=(Violation(f"/{name}", code, message),))


def _log_progress(found: dict[Key, Document]) -> _LogProgress:
    head = table.find(found, table.LOG_HEAD, _LogHead)
    if head is None or head.caught_up_at is None:
        return _LogProgress(head.size if head else 0, None)
    return _LogProgress(head.size, head.caught_up_at - STREAM_DELAY)


def _summaries(page: Document) -> list[DecisionSummary]:
    """Raises StoreFailed."""
    try:
        return _PAGE.decode(page.body).decisions
    except (msgspec.MsgspecError, ValueError) as error:
        raise StoreFailed("a page of decisions cannot be read") from error


def _delivery(document: Document) -> Delivery:
    """Raises StoreFailed."""
    try:
        return _DELIVERY.decode(document.body)
    except (msgspec.MsgspecError, ValueError) as error:
        raise StoreFailed("a stored delivery cannot be read") from error


def _answer(gateway: str, period: Period, since: datetime, log: _LogProgress, result: Reconciliation) -> dict[str, Any]:
    """`final`: every decision of the period is in the log, and none of its allows can still be delivered. Deliveries
    stated later count in later reconciliations."""
    last = max(period.end, result.usable_until or period.end)
    final = log.complete_until is not None and log.complete_until >= last
    answer: dict[str, Any] = {
        "gateway": gateway,
        "from": period.start,
        "to": period.end,
        "final": final,
        "ok": final and result.misses_nothing,
        "truncated": result.truncated,
        "log_size": log.size,
        "decisions_since": since,
        "counts": result.counts,
        **result.found,
    }
    if log.complete_until is not None:
        answer["complete_until"] = log.complete_until
    response: dict[str, Any] = msgspec.to_builtins(answer)
    return response


def _second(at: datetime) -> str:
    """The sort key prefix of the deliveries of one second."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
