"""Reconcile: was the gate always used? A gateway's deliveries of a period against the log's decisions, signed."""

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
from duecare.usecases.access.caller import SKEW, Caller, check_caller
from duecare_core.domain.facts.party import Party
from duecare_core.domain.fields import PartyId, Time
from duecare_core.domain.reconciliation import DecisionSummary, Delivery, Period, Reconciliation, reconcile
from duecare_core.errors import NotAllowed, NotFound, StoreFailed, Unacceptable, Violation
from duecare_core.evidence import reconciliation as evidence
from duecare_core.evidence.receipt import ReceiptKey

T = TypeVar("T")

LONGEST = timedelta(days=31)
# What stands before a period is read too: for as long as the period is, within these. A decision may be of the evening
# before; yet a shorter period must be less work, or there would be no way round a gateway that is too busy.
LOOK_BACK = (timedelta(hours=1), timedelta(days=1))
# A decision is dated when it begins to be made, and is in the stream some moments after it was written.
SETTLED = timedelta(seconds=60)
PATIENCE = timedelta(seconds=18)  # of the 28 that Lambda grants: a last page, and the answer, take their time too
MOST = 2_000_000  # decisions and deliveries together: about a gigabyte
_NOW_AND_THEN = 1000


class ReconciliationQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The query of `GET /v1/reconciliation`: from `from` to before `to`; an auditor names the gateway."""

    start: Time = field(name="from")
    end: Time = field(name="to")
    gateway: PartyId | None = None


class _Page(Struct, frozen=True):
    """Of a page of the listing (listing.py), what the matching needs."""

    decisions: list[DecisionSummary]


class _Reached(Struct, frozen=True):
    """What reconciliation reads of the log's head (head.py)."""

    size: int
    caught_up_at: datetime | None = None


class _Log(NamedTuple):
    """`known`: up to when all decisions are in it; None where there is no log yet."""

    size: int
    known: datetime | None


_PAGE = msgspec.json.Decoder(_Page)
_DELIVERY = msgspec.json.Decoder(Delivery)


class Reconcile:
    """`receipt_key` is asked for each time, so that a key signs no longer when it has been replaced."""

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

    def __call__(self, caller: Caller, asked: ReconciliationQuery) -> dict[str, Any]:
        """The answer as JSON. Raises NotAllowed, NotFound, Unacceptable, CannotDecide."""
        began = self._clock()
        named = [table.party(asked.gateway)] if asked.gateway else []
        found = self._reader.get([table.party(caller.party), table.LOG_HEAD, *named])
        party = check_caller(caller, table.find_party(found, caller.party), began)
        gateway = _gateway(party, asked.gateway, found)
        _check(asked, began)
        key, log = self._receipt_key(), _log(found)
        start, end = asked.start.astimezone(UTC), asked.end.astimezone(UTC)
        period = Period(start, end, log.known or start)
        since = start - min(max(end - start, LOOK_BACK[0]), LOOK_BACK[1])
        result = self._held(gateway, period, since, began + PATIENCE)
        answer = _answer(gateway, period, since, log, result)
        answer[evidence.SIGNATURE_MEMBER] = key.token(
            evidence.TYP, evidence.claims(answer, self._issuer, self._clock())
        )
        return answer

    def _held(self, gateway: str, period: Period, since: datetime, give_up: datetime) -> Reconciliation:
        """What is read is forgotten, but for what the matching keeps of each message."""
        patience = _Patience(self._clock, give_up)
        made = self._decided(gateway, since, min(period.end, period.known), patience)
        # Deliveries of the period's last allows come after it; how far they are read, the matching says.
        stated = self._delivered(gateway, since, period.end + LOOK_BACK[1], patience)
        return reconcile(period, patience.over(made), patience.over(stated))

    def _decided(self, gateway: str, first: datetime, last: datetime, patience: _Patience) -> Iterator[DecisionSummary]:
        """The decisions from the first instant to the last. Within a minute they are listed as they came into the log:
        one minute's are held, and put in the order of their time."""
        pages = self._stretch(table.decision_pages, gateway, (first, last), table.minute, patience)
        for _, of_a_minute in groupby(pages, lambda page: page.key.sk.partition("#")[0]):
            made = [one for page in of_a_minute for one in _listed(page) if first <= one.at <= last]
            yield from sorted(made, key=attrgetter("at", "attempt"))

    def _delivered(self, gateway: str, first: datetime, last: datetime, patience: _Patience) -> Iterator[Delivery]:
        """What was stated from the second of the first instant to that of the last."""
        return map(_delivery, self._stretch(table.deliveries, gateway, (first, last), _second, patience))

    def _stretch(
        self,
        partition: Callable[[str, date], str],
        gateway: str,
        between: tuple[datetime, datetime],
        begins: Callable[[datetime], str],
        patience: _Patience,
    ) -> Iterator[Document]:
        """What stands under sort keys that begin as the first instant's, the last one's, or in between; day by day."""
        first, last = between
        day = first.date()
        while day <= last.date():
            patience.check()
            yield from self._ranges.between(partition(gateway, day), begins(first), f"{begins(last)}~")
            day += timedelta(days=1)


class _Patience:
    """Gives up where there is more than can be read in time, or held."""

    def __init__(self, clock: Clock, give_up: datetime) -> None:
        self._clock = clock
        self._give_up = give_up
        self._taken = 0

    def over(self, events: Iterable[T]) -> Iterator[T]:
        """The same, counted. Raises Unacceptable."""
        for one in events:
            self._taken += 1
            if self._taken % _NOW_AND_THEN == 0:
                self.check()
            yield one

    def check(self) -> None:
        """Raises Unacceptable."""
        if self._taken > MOST or self._clock() > self._give_up:
            raise Unacceptable(
                "More was decided and delivered in this period than can be held against each other at once; ask for a "
                "shorter period.",
                name="period-too-full",
            )


def _gateway(party: Party, asked: str | None, found: dict[Key, Document]) -> str:
    """Whose deliveries: the caller's own, or those that an auditor asks for. Raises RequestError."""
    if party.state != "active":
        raise NotAllowed("This party is suspended.", name="party-suspended")
    if "gateway" in party.roles and asked in (None, party.id):
        return party.id
    if "auditor" not in party.roles:
        if "gateway" not in party.roles:
            raise NotAllowed("Only a gateway and an auditor may reconcile.", name="wrong-role")
        raise NotAllowed("A gateway reconciles its own deliveries alone.", name="not-its-own")
    if asked is None:
        raise _unacceptable("gateway", "missing", "an auditor says which gateway's")
    other = table.find_party(found, asked)
    if other is None or "gateway" not in other.roles:
        raise NotFound("No gateway is registered under this id.", name="unknown-gateway")
    return other.id


def _check(asked: ReconciliationQuery, now: datetime) -> None:
    """Raises Unacceptable."""
    for name, at in (("from", asked.start), ("to", asked.end)):
        if not 1970 < at.year < 2200:  # so far off that arithmetic on it may overflow
            raise _unacceptable(name, "out-of-range", "a time between 1971 and 2199 is expected")
    if asked.end <= asked.start:
        raise _unacceptable("to", "out-of-order", "to must lie after from")
    if asked.end - asked.start > LONGEST:
        raise _unacceptable("to", "too-long", "a period has at most 31 days")
    if asked.end > now + SKEW:
        raise _unacceptable("to", "in-the-future", "what is yet to come cannot be reconciled")


def _unacceptable(name: str, code: str, message: str) -> Unacceptable:
    return Unacceptable("The period cannot be reconciled.", errors=(Violation(f"/{name}", code, message),))


def _log(found: dict[Key, Document]) -> _Log:
    reached = table.find(found, table.LOG_HEAD, _Reached)
    if reached is None or reached.caught_up_at is None:
        return _Log(reached.size if reached else 0, None)
    return _Log(reached.size, reached.caught_up_at - SETTLED)


def _listed(page: Document) -> list[DecisionSummary]:
    """Raises StoreFailed."""
    try:
        return _PAGE.decode(page.body).decisions
    except (msgspec.MsgspecError, ValueError) as error:
        raise StoreFailed("a page of listed decisions cannot be read") from error


def _delivery(document: Document) -> Delivery:
    """Raises StoreFailed."""
    try:
        return _DELIVERY.decode(document.body)
    except (msgspec.MsgspecError, ValueError) as error:
        raise StoreFailed("a stored delivery cannot be read") from error


def _answer(gateway: str, period: Period, since: datetime, log: _Log, result: Reconciliation) -> dict[str, Any]:
    """`final`: every decision of the period is in the log, and none of its allows can be delivered on any more. What
    is stated later still counts when it is asked again."""
    last = max(period.end, result.usable_until or period.end)
    final = log.known is not None and log.known >= last
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
    if log.known is not None:
        answer["complete_until"] = log.known
    told: dict[str, Any] = msgspec.to_builtins(answer)
    return told


def _second(at: datetime) -> str:
    """With which the sort keys of a second's deliveries begin."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
