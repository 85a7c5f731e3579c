"""Reconciliation: what a gateway delivered in a period, held against what was decided about its messages.

Every delivery is judged by the newest decision that stood about its message at that moment, as a new decision replaces
the one before it. It either matches, which means an enforced allow of the same text that had not expired, on which
nothing had been delivered yet; or it is found under exactly one of the names below. The other way round, an allow must
have been followed by a statement of what became of the message.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from heapq import merge
from operator import attrgetter
from typing import Literal, NamedTuple

from msgspec import Struct

from duecare_core.domain.fields import Outcome

# What is found, in the order in which it is told: nobody asked, …
WITHOUT_DECISION = "delivered_without_decision"
BEFORE_DECISION = "delivered_before_decision"  # the gateway asked afterwards
ON_REHEARSAL = "delivered_on_rehearsal"  # it asked about another time
THOUGH_DENIED = "delivered_though_denied"
UNENFORCED = "delivered_unenforced"  # it asked in shadow
OTHER_TEXT = "delivered_other_text"
AFTER_EXPIRY = "delivered_after_expiry"
TWICE = "delivered_twice"
WITHOUT_DELIVERY = "allowed_without_delivery"  # and nobody said what became of the message
FINDINGS = (
    WITHOUT_DECISION,
    BEFORE_DECISION,
    ON_REHEARSAL,
    THOUGH_DENIED,
    UNENFORCED,
    OTHER_TEXT,
    AFTER_EXPIRY,
    TWICE,
    WITHOUT_DELIVERY,
)
# The most that is listed under one name; all are counted. Nine lists of the longest message ids stay under Lambda's
# 6 MB.
MAX_LISTED = 500

# Of deliveries: those that were made, among them those that match; those that failed or were held back. Of decisions,
# each attempt and each renewal for itself: all, of which the next four are every one. `pending` are deliveries and
# allows of which it is too early to say anything.
COUNTS = (
    *("deliveries", "matched", "failed", "blocked"),
    *("decisions", "allowed", "denied", "unenforced", "rehearsals"),
    "pending",
)


class Delivery(Struct, frozen=True, kw_only=True, gc=False):
    """What a gateway stated of one message at one instant; `statement` is the id of its statement."""

    message_id: str
    at: datetime
    status: Literal["delivered", "failed", "blocked"]
    text_sha256: str
    statement: str


class DecisionSummary(Struct, frozen=True, kw_only=True, gc=False):
    """A decision's record, as far as deliveries are held against it."""

    message_id: str
    decision_id: str
    decision: Outcome
    attempt: int
    enforced: bool
    provisional: bool
    at: datetime
    valid_until: datetime
    text_sha256: str

    @property
    def allows(self) -> bool:
        """Whether a message may be delivered on it."""
        return self.decision == "allow" and self.enforced and not self.provisional


class Period(NamedTuple):
    """From `start` to before `end`. Up to `known`, and no further, every decision that was made is known."""

    start: datetime
    end: datetime
    known: datetime

    def judges(self, at: datetime) -> bool:
        return self.start <= at < self.end and at < self.known


class Discrepancy(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A delivery with the decision that it was judged by, if there is one; or an allow."""

    message_id: str
    delivered_at: datetime | None = None
    statement_id: str | None = None
    decision_id: str | None = None
    decision: str | None = None
    decided_at: datetime | None = None
    valid_until: datetime | None = None


class Reconciliation(NamedTuple):
    """`counts` has every name of COUNTED and FINDINGS, `found` the first of each of FINDINGS. `usable_until`: when the
    last allow of the period expires, if there is any: a delivery may come as late as that."""

    counts: dict[str, int]
    found: dict[str, list[Discrepancy]]
    usable_until: datetime | None

    @property
    def misses_nothing(self) -> bool:
        return not any(self.counts[name] for name in FINDINGS)

    @property
    def truncated(self) -> bool:
        return any(self.counts[name] > len(self.found[name]) for name in FINDINGS)


def reconcile(period: Period, decisions: Iterable[DecisionSummary], deliveries: Iterable[Delivery]) -> Reconciliation:
    """Both in the order of their time, beginning some while before the period; deliveries go on after it, and are read
    as long as an allow of the period may be delivered on.

    Memory grows with the number of messages, by about half a kilobyte for each.
    """
    work = _Work(period)
    # At one instant decisions come first: an allow holds from its own second on.
    both: tuple[Iterable[DecisionSummary | Delivery], ...] = (decisions, deliveries)
    for event in merge(*both, key=attrgetter("at")):
        if isinstance(event, DecisionSummary):
            work.decide(event)
        elif work.is_over(event.at):
            break
        else:
            work.deliver(event)
    return work.result()


class _Message(Struct, gc=False):
    """What is known of a message so far. `told`: what became of it since the newest decision."""

    decided: DecisionSummary | None = None
    rehearsed: DecisionSummary | None = None
    delivered: bool = False
    told: bool = False


class _Work:
    def __init__(self, period: Period) -> None:
        self._period = period
        self._messages: dict[str, _Message] = {}
        self._undecided: list[Delivery] = []
        self._usable_until: datetime | None = None
        self._counts = dict.fromkeys((*COUNTS, *FINDINGS), 0)
        self._found: dict[str, list[Discrepancy]] = {name: [] for name in FINDINGS}

    def is_over(self, at: datetime) -> bool:
        return at >= self._period.end and (self._usable_until is None or at > self._usable_until)

    def decide(self, decided: DecisionSummary) -> None:
        if decided.at >= min(self._period.end, self._period.known):
            return
        message = self._message(decided.message_id)
        if decided.provisional:
            message.rehearsed = decided
        # Two of one second are told apart by their attempt.
        elif message.decided is None or (decided.at, decided.attempt) >= (message.decided.at, message.decided.attempt):
            message.decided = decided
            message.told = False
        if self._period.judges(decided.at):
            self._counts["decisions"] += 1
            self._counts[_manner(decided)] += 1
            if decided.allows and (self._usable_until is None or decided.valid_until > self._usable_until):
                self._usable_until = decided.valid_until

    def deliver(self, delivery: Delivery) -> None:
        message = self._message(delivery.message_id)
        if self._period.judges(delivery.at):
            self._judge(delivery, message)
        elif self._period.start <= delivery.at < self._period.end:
            self._counts["pending"] += 1
        message.told = True
        message.delivered = message.delivered or delivery.status == "delivered"

    def _judge(self, delivery: Delivery, message: _Message) -> None:
        if delivery.status != "delivered":
            self._counts[delivery.status] += 1
            return
        self._counts["deliveries"] += 1
        name = _finding(delivery, message)
        if name is None:
            self._counts["matched"] += 1
        elif name == WITHOUT_DECISION:
            self._undecided.append(delivery)  # the gateway may have asked afterwards
        else:
            self._add(name, _found(delivery, message.decided or message.rehearsed))

    def result(self) -> Reconciliation:
        for delivery in self._undecided:
            later = self._messages[delivery.message_id].decided
            self._add(BEFORE_DECISION if later else WITHOUT_DECISION, _found(delivery, later))
        for allow in sorted(self._open_allows(), key=attrgetter("at")):
            if allow.valid_until < self._period.known:
                self._add(WITHOUT_DELIVERY, _found_allow(allow))
            else:
                self._counts["pending"] += 1
        return Reconciliation(self._counts, self._found, self._usable_until)

    def _open_allows(self) -> Iterable[DecisionSummary]:
        """The allows of the period that stand as the newest decision, and of which nobody said what came of them."""
        for message in self._messages.values():
            decided = message.decided
            silent = not (message.delivered or message.told)
            if silent and decided and decided.allows and self._period.judges(decided.at):
                yield decided

    def _message(self, message_id: str) -> _Message:
        message = self._messages.get(message_id)
        if message is None:
            message = self._messages[message_id] = _Message()
        return message

    def _add(self, name: str, found: Discrepancy) -> None:
        self._counts[name] += 1
        if len(self._found[name]) < MAX_LISTED:
            self._found[name].append(found)


def _finding(delivery: Delivery, message: _Message) -> str | None:
    """What is wrong with a delivery, or None."""
    decided = message.decided
    if decided is None:
        return ON_REHEARSAL if message.rehearsed else WITHOUT_DECISION
    if not decided.enforced:
        return UNENFORCED
    if not decided.allows:
        return THOUGH_DENIED
    if decided.text_sha256 != delivery.text_sha256:
        return OTHER_TEXT
    if delivery.at > decided.valid_until:
        return AFTER_EXPIRY
    return TWICE if message.delivered else None


def _manner(decided: DecisionSummary) -> str:
    if decided.provisional:
        return "rehearsals"
    if not decided.enforced:
        return "unenforced"
    return "allowed" if decided.allows else "denied"


def _found(delivery: Delivery, decided: DecisionSummary | None) -> Discrepancy:
    return Discrepancy(
        message_id=delivery.message_id,
        delivered_at=delivery.at,
        statement_id=delivery.statement,
        decision_id=decided.decision_id if decided else None,
        decision=decided.decision if decided else None,
        decided_at=decided.at if decided else None,
        valid_until=decided.valid_until if decided else None,
    )


def _found_allow(allow: DecisionSummary) -> Discrepancy:
    return Discrepancy(
        message_id=allow.message_id,
        decision_id=allow.decision_id,
        decision=allow.decision,
        decided_at=allow.at,
        valid_until=allow.valid_until,
    )
