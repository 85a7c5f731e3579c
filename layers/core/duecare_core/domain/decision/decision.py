"""The request for a decision and the decision, as values. `decide` (decide.py) maps one to the other."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from duecare_core.domain.facts.chain import ChainHead
from duecare_core.domain.facts.states import Undisclosed
from duecare_core.domain.fields import E164, LoggedReasonCode, ReasonCode
from duecare_core.domain.location.locate import Place
from duecare_core.domain.rules.frequency_caps import Contact
from duecare_core.errors import Unacceptable, Violation

NOW_MARGIN = timedelta(seconds=120)
MAX_AHEAD = timedelta(days=7)


class DecisionRequest(Struct, frozen=True, kw_only=True):
    """The members of a message that the decision reads.

    `collector`: the creditor if it sends for itself. `contact_id`: identifies the message among the contacts that
    frequency caps count.
    """

    contact_id: str
    number: E164
    gateway: str
    creditor: str
    collector: str
    channel: str
    text: str
    debt_ref: str | None = None
    send_at: datetime | None = None


class Reason(Struct, frozen=True):
    """A reason to deny. `until`: the instant from which it no longer applies, if time alone cures it."""

    code: ReasonCode
    until: datetime | None = None


class Finding(Struct, frozen=True, omit_defaults=True):
    """The rule behind a reason, and the place in the text. Never the text itself.

    `rule`: the id of a row of the rule pack, or the name of a rule of the text. `start` and `end`: offsets in
    characters, the end exclusive; None if something is missing or if the finding does not concern the text.
    """

    code: LoggedReasonCode
    rule: str
    start: int | None = None
    end: int | None = None


class LocatedPlace(Struct, frozen=True):
    """The place by which a message was judged, and the region and time zones that statements gave for it."""

    region: str | None
    time_zones: tuple[str, ...]
    place: Place


class Decision(Struct, frozen=True, kw_only=True):
    """An allow if `reasons` is empty, otherwise a deny with every reason in the contract's order.

    `relied_on`: the ids of the statements that the decision depends on. `contacts`: those that frequency caps counted.
    `regions`: the jurisdictions whose rules were applied. `debt_ref`: the debt by which the message was judged.
    `undisclosed`: the facts without a reason of their own on which a denial does not rest; its case file does not show
    their statements. `good_for`: how long an allow holds if nothing but time changes, at most as long as the rules let
    an answer be valid. `retry_at`: the first instant at which time alone has cured every reason; None if there is none.
    `chains`: the heads of the recipient's chains; none where nothing about the recipient may be said. `places`: those
    by which the message was judged; a later instant may have another one, because another debt counts then. `period`:
    from the first to the last instant whose local time the decision depends on.
    """

    reasons: tuple[Reason, ...]
    findings: tuple[Finding, ...]
    relied_on: tuple[str, ...]
    contacts: tuple[Contact, ...]
    regions: tuple[str, ...]
    debt_ref: str | None
    good_for: timedelta
    retry_at: datetime | None = None
    chains: tuple[ChainHead, ...] = ()
    undisclosed: Undisclosed = Undisclosed()
    places: tuple[LocatedPlace, ...] = ()
    period: tuple[datetime, datetime]

    @property
    def allowed(self) -> bool:
        return not self.reasons

    @property
    def codes(self) -> tuple[ReasonCode, ...]:
        return tuple(reason.code for reason in self.reasons)


def is_rehearsal(send_at: datetime | None, now: datetime) -> bool:
    """Whether `send_at` is in the future, so that the answer is provisional. Raises Unacceptable if it is out of
    range."""
    if send_at is None:
        return False
    if not 1970 <= send_at.year < 2200:  # arithmetic on other years may overflow
        raise Unacceptable(
            "send_at lies too far away.", errors=(Violation("/send_at", "out-of-range", "not between 1970 and 2199"),)
        )
    if send_at < now - NOW_MARGIN:
        raise Unacceptable(
            "send_at lies in the past; leave it out to ask about now.",
            errors=(Violation("/send_at", "in-the-past", "more than 120 seconds ago"),),
        )
    if send_at > now + MAX_AHEAD:
        raise Unacceptable(
            "send_at lies too far ahead.", errors=(Violation("/send_at", "too-far-ahead", "more than 7 days ahead"),)
        )
    return send_at > now + NOW_MARGIN
