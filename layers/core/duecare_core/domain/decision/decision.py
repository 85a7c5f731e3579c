"""A decision as values: what is asked, and what is answered. `decide` (decide.py) makes the one of the other."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from duecare_core.domain.fields import ReasonCode
from duecare_core.domain.rules.frequency_caps import Contact
from duecare_core.errors import Unacceptable, Violation

NOW_MARGIN = timedelta(seconds=120)
MAX_AHEAD = timedelta(days=7)


class DecisionRequest(Struct, frozen=True, kw_only=True):
    """One message as far as the decision reads it. `collector` is the creditor itself where it sends for itself;
    `recipient` is an E.164 number, `decision_id` what tells this message from others."""

    decision_id: str
    recipient: str
    gateway: str
    creditor: str
    collector: str
    channel: str
    text: str
    debt_ref: str | None = None
    send_at: datetime | None = None


class Reason(Struct, frozen=True):
    """Why not. `until` is the instant from which time alone will have cured it, where it will."""

    code: ReasonCode
    until: datetime | None = None


class Finding(Struct, frozen=True, omit_defaults=True):
    """What brought a reason: the rule, by the id of its row or by its name, and where in the text (offsets of
    characters, the end exclusive) it was found; without offsets where something is missing or nothing of the text is
    meant. Never the text itself."""

    code: ReasonCode
    rule: str
    start: int | None = None
    end: int | None = None


class Decision(Struct, frozen=True, kw_only=True):
    """Allow, or deny with every reason in the contract's order; and what the answer rests on: statements by their ids,
    and the contacts that frequency caps counted.

    `regions`: the jurisdictions whose rules were applied. `debt_ref`: the debt that the message was judged by.
    `good_for`: how long an allow holds if nothing but time changes, no longer than the rules let an answer be good.
    `retry_at`: the first instant at which time alone will have cured every reason; None where it will not.
    """

    reasons: tuple[Reason, ...]
    findings: tuple[Finding, ...]
    relied_on: tuple[str, ...]
    contacts: tuple[Contact, ...]
    regions: tuple[str, ...]
    debt_ref: str | None
    good_for: timedelta
    retry_at: datetime | None = None

    @property
    def allowed(self) -> bool:
        return not self.reasons

    @property
    def codes(self) -> tuple[ReasonCode, ...]:
        return tuple(reason.code for reason in self.reasons)


def is_rehearsal(send_at: datetime | None, now: datetime) -> bool:
    """Whether `send_at` lies ahead, so that the answer is provisional. Raises Unacceptable where it is out of range."""
    if send_at is None:
        return False
    if not 1970 <= send_at.year < 2200:  # so far off that arithmetic on it may overflow
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
