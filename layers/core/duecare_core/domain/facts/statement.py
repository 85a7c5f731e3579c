"""The statements that parties make: the members of each kind (the payload of its JWS), with their limits.

`check` enforces the limits that types cannot express. Every fact has one instant (`fact_time`), by which statements
merge. A statement that opens the way for messages is rejected if it is dated after the service's clock. One that
protects the recipient may be dated up to `SKEW` ahead, and merges with the service's clock as its time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct

from duecare_core.domain.facts.states import DEBT_VALIDITY
from duecare_core.domain.fields import (
    MINOR_UNITS,
    Amount,
    Channels,
    Currency,
    Digest,
    NumericDate,
    PartyId,
    PartyOrAll,
    PhoneNumber,
    Reference,
    Region,
    Role,
    Text,
    Time,
    TimeOrDate,
    TimeZone,
)
from duecare_core.domain.location.locate import is_region, is_zone
from duecare_core.domain.location.phone import is_e164, todays_number
from duecare_core.errors import Unacceptable, Violation

SKEW = timedelta(seconds=60)


class Statement(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Members of every statement: RFC 7519 `iss` (the party that states it), `aud` (this service) and `iat`."""

    iss: PartyId
    aud: str
    iat: NumericDate


class ConsentStatement(Statement, frozen=True, kw_only=True):
    """The recipient agreed to collection messages of this creditor on these channels."""

    recipient: PhoneNumber
    channels: Channels
    granted_at: Time
    expires_at: Time | None = None
    method: Literal["contract", "web", "sms", "voice", "paper"]
    notice: Digest
    evidence: Digest | None = None
    subject: Digest | None = None
    time_zone: TimeZone | None = None


class ConsentRevocationStatement(Statement, frozen=True, kw_only=True):
    """The recipient revoked the consent, on these channels or on all."""

    recipient: PhoneNumber
    creditor: PartyId
    channels: Channels | None = None
    revoked_at: Time


class DebtStatement(Statement, frozen=True, kw_only=True):
    """The creditor confirms what is owed as of an instant, for at most 35 days."""

    recipient: PhoneNumber
    debt_ref: Reference
    currency: Currency
    outstanding: Amount
    as_of: Time
    valid_until: Time | None = None
    status: Literal["open", "settled", "withdrawn"]
    subject: Digest | None = None
    collectors: Annotated[list[PartyId], Meta(max_length=32)] | None = None  # every decision reads it
    original_creditor: Reference | None = None
    region: Region | None = None
    product: Literal["credit_card", "consumer_loan", "microfinance", "other"] | None = None
    time_zone: TimeZone | None = None
    contract: Digest | None = None
    answers_dispute: Digest | None = None


class MandateStatement(Statement, frozen=True, kw_only=True):
    """The creditor lets this collector send for it on these channels."""

    collector: PartyId
    channels: Channels
    valid_from: Time
    valid_until: Time
    status: Literal["active", "revoked"]
    as_of: Time


class RouteStatement(Statement, frozen=True, kw_only=True):
    """The sender, a creditor or a collector, lets this gateway deliver the messages that it originates."""

    gateway: PartyId
    channels: Channels
    valid_from: Time
    valid_until: Time
    status: Literal["active", "revoked"]
    as_of: Time


class ReplyStatement(Statement, frozen=True, kw_only=True):
    """The recipient's reply, word for word. `message_id`: the message that it answers. `creditor` is needed without
    one, and counts if the gateway has never asked about that message."""

    recipient: PhoneNumber
    creditor: PartyId | None = None
    message_id: Reference | None = None
    text: Text
    received_at: Time


class OptOutStatement(Statement, frozen=True, kw_only=True):
    """The recipient said stop, to this creditor or, with `*`, to all."""

    recipient: PhoneNumber
    creditor: PartyOrAll
    received_at: Time


class DisputeStatement(Statement, frozen=True, kw_only=True):
    """The recipient disputes a debt or, without `debt_ref`, every debt of this creditor, also those stated later."""

    recipient: PhoneNumber
    creditor: PartyId
    debt_ref: Reference | None = None
    claim: Literal["not_mine", "paid", "wrong_amount", "other"]
    received_at: Time


class NumberReassignmentStatement(Statement, frozen=True, kw_only=True):
    """The number was reassigned to another person: at an instant, or on a day if the source knows no more."""

    recipient: PhoneNumber
    effective_at: TimeOrDate


class DeliveryStatement(Statement, frozen=True, kw_only=True):
    """The gateway's report of one message. `at`: when it was handed on for delivery, failed or was held back.
    `text_sha256`: of the UTF-8 bytes that were sent or would have been."""

    message_id: Reference
    at: Time
    status: Literal["delivered", "failed", "blocked"]
    text_sha256: Digest


StatementKind = Literal[
    "consent",
    "consent-revocation",
    "debt",
    "mandate",
    "route",
    "reply",
    "opt-out",
    "dispute",
    "number-reassignment",
    "delivery",
]

KINDS: dict[StatementKind, type[Statement]] = {
    "consent": ConsentStatement,
    "consent-revocation": ConsentRevocationStatement,
    "debt": DebtStatement,
    "mandate": MandateStatement,
    "route": RouteStatement,
    "reply": ReplyStatement,
    "opt-out": OptOutStatement,
    "dispute": DisputeStatement,
    "number-reassignment": NumberReassignmentStatement,
    "delivery": DeliveryStatement,
}

STATED_BY: dict[StatementKind, frozenset[Role]] = {
    "consent": frozenset({"creditor"}),
    "consent-revocation": frozenset({"creditor", "gateway"}),
    "debt": frozenset({"creditor"}),
    "mandate": frozenset({"creditor"}),
    "route": frozenset({"creditor", "collector"}),
    "reply": frozenset({"gateway"}),
    "opt-out": frozenset({"creditor", "collector", "gateway"}),
    "dispute": frozenset({"creditor", "collector", "gateway"}),
    "number-reassignment": frozenset({"carrier", "gateway"}),
    "delivery": frozenset({"gateway"}),
}

# These protect the recipient, so even a suspended party may state them.
PROTECTIVE: frozenset[StatementKind] = frozenset(
    {"consent-revocation", "reply", "opt-out", "dispute", "number-reassignment"}
)

# These open the way for messages, so they are never dated ahead. (A reply that re-opens is not among them, because its
# kind is not known before it is read.)
OPENING: frozenset[StatementKind] = frozenset({"consent", "debt", "mandate", "route"})
DATED_AHEAD = "dated-ahead"

_FACT_TIME: dict[StatementKind, str] = {
    "consent": "granted_at",
    "consent-revocation": "revoked_at",
    "debt": "as_of",
    "mandate": "as_of",
    "route": "as_of",
    "reply": "received_at",
    "opt-out": "received_at",
    "dispute": "received_at",
    "number-reassignment": "effective_at",
    "delivery": "at",
}


# A day on earth begins at UTC+14 and ends at UTC−12.
_EARLIEST_ZONE, _LATEST_ZONE = timedelta(hours=14), timedelta(hours=12)

# The members of each type that are times. Looking at every member would take longer than the rest of `check`.
_TIMES: dict[type[Statement], tuple[str, ...]] = {
    kind: tuple(name for name in kind.__struct_fields__ if f"_{name}".endswith(("_at", "_until", "_from", "_of")))
    for kind in KINDS.values()
}


def fact_time(kind: StatementKind, statement: Statement) -> datetime:
    """The instant of the stated fact, by which the statement merges with others."""
    if isinstance(statement, NumberReassignmentStatement):
        return reassigned_at(statement)
    at: datetime = getattr(statement, _FACT_TIME[kind])
    return at


def reassigned_at(statement: NumberReassignmentStatement) -> datetime:
    """The instant from which facts may be about the new holder. If only the date is known, that is the end of the day
    in the last time zone: the whole day is doubtful."""
    stated = statement.effective_at
    if "T" in stated:
        return datetime.fromisoformat(stated)
    return datetime.fromisoformat(f"{stated}T00:00:00+00:00") + timedelta(days=1) + _LATEST_ZONE


def valid_until(debt: DebtStatement) -> datetime:
    """When this confirmation lapses: as stated, or 35 days after `as_of`."""
    return debt.valid_until or debt.as_of + DEBT_VALIDITY


def check(kind: StatementKind, statement: Statement, now: datetime) -> None:
    """Raises Unacceptable with every violation. No violation repeats a value."""
    violations = tuple(_violations(kind, statement, now))
    if any(violation.code == DATED_AHEAD for violation in violations):
        raise dated_ahead(now, violations)
    if violations:
        ahead = any(violation.code == "in-the-future" for violation in violations)
        raise Unacceptable(
            f"The statement has {len(violations)} member(s) that cannot be accepted.",
            errors=violations,
            server_time=now if ahead else None,
        )


def dated_ahead(now: datetime, violations: tuple[Violation, ...]) -> Unacceptable:
    """The error of a statement that opens the way for messages and is dated after `now`, the service's clock."""
    return Unacceptable(
        "A statement that lets messages through cannot be dated after the service's clock. Set your clock by "
        "server_time, or wait, and state it again.",
        name="dated-ahead",
        errors=violations,
        server_time=now,
    )


def _violations(kind: StatementKind, statement: Statement, now: datetime) -> Iterator[Violation]:
    far = [name for name in _TIMES[type(statement)] if _is_far(getattr(statement, name))]
    if far:  # the other checks could overflow on such dates
        yield from (Violation(f"/{name}", "out-of-range", "a time between 1970 and 2199 is expected") for name in far)
        return
    if isinstance(statement, NumberReassignmentStatement) and not _is_on_the_calendar(statement.effective_at):
        yield Violation("/effective_at", "no-such-day", "the month has no such day")
        return
    if statement.iat > (now + SKEW).timestamp():
        yield Violation("/iat", "in-the-future", "iat lies in the future")
    yield from _dated_ahead(kind, statement, now)
    recipient = getattr(statement, "recipient", None)
    if recipient is not None and not (todays_number(recipient) if kind in PROTECTIVE else is_e164(recipient)):
        yield Violation("/recipient", "not-e164", "not a possible telephone number in E.164 form")
    zone = getattr(statement, "time_zone", None)
    if zone is not None and not is_zone(zone):
        yield Violation("/time_zone", "unknown-time-zone", "not a geographic IANA time zone, such as Asia/Shanghai")
    region = getattr(statement, "region", None)
    if region is not None and not is_region(region):
        yield Violation("/region", "unknown-region", "not a region that ISO 3166-2 lists, such as CN-SH")
    match statement:
        case ConsentStatement(expires_at=datetime() as end, granted_at=start) if end <= start:
            yield Violation("/expires_at", "out-of-order", "expires_at must lie after granted_at")
        case MandateStatement() | RouteStatement() if statement.valid_until <= statement.valid_from:
            yield Violation("/valid_until", "out-of-order", "valid_until must lie after valid_from")
        case ReplyStatement(creditor=None, message_id=None):
            yield Violation(
                "/message_id", "one-of", "give the message_id of the message that this answers, or creditor"
            )
        case DebtStatement():
            yield from _debt_violations(statement)


def _dated_ahead(kind: StatementKind, statement: Statement, now: datetime) -> Iterator[Violation]:
    at, member = fact_time(kind, statement), f"/{_FACT_TIME[kind]}"
    if kind in OPENING:
        if at > now:
            yield Violation(member, DATED_AHEAD, "this cannot be dated after the service's clock; see server_time")
    elif isinstance(statement, NumberReassignmentStatement) and "T" not in statement.effective_at:
        if at - _LATEST_ZONE - timedelta(days=1) - _EARLIEST_ZONE > now:
            yield Violation(member, "in-the-future", "this day has not begun anywhere")
    elif at > now + SKEW:
        limit = int(SKEW.total_seconds())
        yield Violation(member, "in-the-future", f"dated more than {limit} seconds after the service's clock")


def _is_far(value: object) -> bool:
    """Whether this is a time outside the accepted range; arithmetic on it might overflow."""
    if isinstance(value, str):  # a TimeOrDate
        return not "1970" < value[:4] < "2200"
    return isinstance(value, datetime) and not 1970 <= value.year < 2200


def _is_on_the_calendar(stated: str) -> bool:
    """Whether the month of this TimeOrDate has its day, such as 29 February."""
    try:
        date.fromisoformat(stated[:10])
    except ValueError:
        return False
    return True


def _debt_violations(debt: DebtStatement) -> Iterator[Violation]:
    units = MINOR_UNITS.get(debt.currency)
    amount = Decimal(debt.outstanding)
    if units is None:
        yield Violation("/currency", "unknown-currency", "not an active ISO 4217 currency")
    elif amount != round(amount, units):
        yield Violation("/outstanding", "too-precise", f"this currency has {units} decimal places")
    if debt.status == "open" and amount == 0:
        yield Violation("/outstanding", "nothing-owed", "an open debt owes more than zero; state it as settled")
    end = valid_until(debt)
    if end <= debt.as_of:
        yield Violation("/valid_until", "out-of-order", "valid_until must lie after as_of")
    elif end > debt.as_of + DEBT_VALIDITY:
        yield Violation("/valid_until", "too-long", "a debt is confirmed for at most 35 days after as_of")
