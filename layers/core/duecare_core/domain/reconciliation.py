"""Reconciliation: compares a gateway's deliveries in a period with the decisions about its messages.

Every delivery is judged by the newest decision about its message at that moment, because a new decision replaces the
previous one. The delivery matches if that is an enforced allow of the same text that has not expired and on which
nothing was delivered yet. Otherwise it is a discrepancy under exactly one of the names below. Conversely, an allow must
be followed by a delivery statement.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from heapq import merge
from operator import attrgetter
from typing import Literal, NamedTuple

from msgspec import Struct

from duecare_core.domain.fields import Outcome, TextMac

# The names of discrepancies, in the order of the result.
WITHOUT_DECISION = "delivered_without_decision"  # never verified
BEFORE_DECISION = "delivered_before_decision"  # verified after the delivery
ON_REHEARSAL = "delivered_on_rehearsal"  # verified for another time only
THOUGH_DENIED = "delivered_though_denied"
UNENFORCED = "delivered_unenforced"  # verified in shadow only
OTHER_TEXT = "delivered_other_text"
AFTER_EXPIRY = "delivered_after_expiry"
TWICE = "delivered_twice"
WITHOUT_DELIVERY = "allowed_without_delivery"  # and no delivery statement of any status
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
# Listed under one name; all are counted. Nine lists with the longest message ids fit the 6 MB of a Lambda response.
MAX_LISTED = 500

# Deliveries: those delivered and, among these, those that match; those that failed or were held back. Decisions,
# counting every attempt and every renewal: all, and their partition into four. `pending`: deliveries and allows that it
# is too early to judge.
COUNTS = (
    *("deliveries", "matched", "failed", "blocked"),
    *("decisions", "allowed", "denied", "unenforced", "rehearsals"),
    "pending",
)


class Delivery(Struct, frozen=True, kw_only=True, gc=False):
    """A gateway's statement about one message at one instant; `statement` is its id, `text_mac` a keyed digest of the
    text, which is only compared."""

    message_id: str
    at: datetime
    status: Literal["delivered", "failed", "blocked"]
    text_mac: TextMac
    statement: str


class DecisionSummary(Struct, frozen=True, kw_only=True, gc=False):
    """The members of a decision with which deliveries are compared. `text_mac`: as in `Delivery`."""

    message_id: str
    decision_id: str
    decision: Outcome
    attempt: int
    enforced: bool
    provisional: bool
    at: datetime
    valid_until: datetime
    text_mac: TextMac

    @property
    def allows(self) -> bool:
        """Whether the message may be delivered."""
        return self.decision == "allow" and self.enforced and not self.provisional


class Period(NamedTuple):
    """From `start` to before `end`. `known`: the instant up to which every decision is known."""

    start: datetime
    end: datetime
    known: datetime

    def judges(self, at: datetime) -> bool:
        return self.start <= at < self.end and at < self.known


class Discrepancy(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A delivery with the decision by which it was judged, if there is one; or an allow without a delivery."""

    message_id: str
    delivered_at: datetime | None = None
    statement_id: str | None = None
    decision_id: str | None = None
    decision: str | None = None
    decided_at: datetime | None = None
    valid_until: datetime | None = None


class Reconciliation(NamedTuple):
    """`counts`: by every name of COUNTS and FINDINGS. `found`: the first discrepancies of each name of FINDINGS.
    `usable_until`: when the last allow of the period expires, the latest time of a delivery; None without an allow."""

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
    """Compare decisions and deliveries, both in the order of their time and from some time before the period.

    Deliveries after the period are read until the last allow of the period expires. Memory: about 500 bytes a message.
    """
    comparison = _Comparison(period)
    # At one instant decisions come first, because an allow is valid from its own second on.
    both: tuple[Iterable[DecisionSummary | Delivery], ...] = (decisions, deliveries)
    for event in merge(*both, key=attrgetter("at")):
        if isinstance(event, DecisionSummary):
            comparison.decide(event)
        elif comparison.is_over(event.at):
            break
        else:
            comparison.deliver(event)
    return comparison.result()


class _Message(Struct, gc=False):
    """The state of one message so far. `reported`: whether a delivery statement followed the newest decision."""

    decided: DecisionSummary | None = None
    rehearsed: DecisionSummary | None = None
    delivered: bool = False
    reported: bool = False


class _Comparison:
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
        # Two decisions of one second are ordered by their attempt.
        elif message.decided is None or (decided.at, decided.attempt) >= (message.decided.at, message.decided.attempt):
            message.decided = decided
            message.reported = False
        if self._period.judges(decided.at):
            self._counts["decisions"] += 1
            self._counts[_outcome_count(decided)] += 1
            if decided.allows and (self._usable_until is None or decided.valid_until > self._usable_until):
                self._usable_until = decided.valid_until

    def deliver(self, delivery: Delivery) -> None:
        message = self._message(delivery.message_id)
        if self._period.judges(delivery.at):
            self._judge(delivery, message)
        elif self._period.start <= delivery.at < self._period.end:
            self._counts["pending"] += 1
        message.reported = True
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
            self._undecided.append(delivery)  # may still be verified after the delivery
        else:
            self._add(name, _delivery_discrepancy(delivery, message.decided or message.rehearsed))

    def result(self) -> Reconciliation:
        for delivery in self._undecided:
            later = self._messages[delivery.message_id].decided
            self._add(BEFORE_DECISION if later else WITHOUT_DECISION, _delivery_discrepancy(delivery, later))
        for allow in sorted(self._open_allows(), key=attrgetter("at")):
            if allow.valid_until < self._period.known:
                self._add(WITHOUT_DELIVERY, _allow_discrepancy(allow))
            else:
                self._counts["pending"] += 1
        return Reconciliation(self._counts, self._found, self._usable_until)

    def _open_allows(self) -> Iterable[DecisionSummary]:
        """The allows of the period that are the newest decision of a message without any delivery statement."""
        for message in self._messages.values():
            decided = message.decided
            unreported = not (message.delivered or message.reported)
            if unreported and decided and decided.allows and self._period.judges(decided.at):
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
    """The name of the discrepancy of a delivery, or None if it matches."""
    decided = message.decided
    if decided is None:
        return ON_REHEARSAL if message.rehearsed else WITHOUT_DECISION
    if not decided.enforced:
        return UNENFORCED
    if not decided.allows:
        return THOUGH_DENIED
    if decided.text_mac != delivery.text_mac:
        return OTHER_TEXT
    if delivery.at > decided.valid_until:
        return AFTER_EXPIRY
    return TWICE if message.delivered else None


def _outcome_count(decided: DecisionSummary) -> str:
    if decided.provisional:
        return "rehearsals"
    if not decided.enforced:
        return "unenforced"
    return "allowed" if decided.allows else "denied"


def _delivery_discrepancy(delivery: Delivery, decided: DecisionSummary | None) -> Discrepancy:
    return Discrepancy(
        message_id=delivery.message_id,
        delivered_at=delivery.at,
        statement_id=delivery.statement,
        decision_id=decided.decision_id if decided else None,
        decision=decided.decision if decided else None,
        decided_at=decided.at if decided else None,
        valid_until=decided.valid_until if decided else None,
    )


def _allow_discrepancy(allow: DecisionSummary) -> Discrepancy:
    return Discrepancy(
        message_id=allow.message_id,
        decision_id=allow.decision_id,
        decision=allow.decision,
        decided_at=allow.at,
        valid_until=allow.valid_until,
    )
