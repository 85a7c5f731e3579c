"""Frequency caps: whether one more contact is permitted, and if not, from which instant on.

A cap of N is full while the N-th newest of the contacts that it counts is within its window. That contact alone
decides: older ones need not be kept, and the cap opens when it leaves the window.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from msgspec import Struct

from duecare_core.domain.location.localtime import next_day, wall_time
from duecare_core.domain.rules.pack import DatedCap, Pack
from duecare_core.domain.rules.rule_types import Cap

CREDITOR_BYTES = 4
DEBT_BYTES = 6
MESSAGE_BYTES = 8
_CHANNELS = ("sms", "voice", "email", "im")
# The time in 5 bytes, big-endian; the channel's number; the digests.
_PACKED = struct.Struct(f">BIB{CREDITOR_BYTES}s{DEBT_BYTES}s{MESSAGE_BYTES}s")
_NO_DEBT = bytes(DEBT_BYTES)
SKEW = timedelta(minutes=5)  # the most by which the clocks of a ledger's writers and readers differ
# Two instants with one local date are less than this apart: dates differ by a day from UTC's, a day has up to 25 hours.
_MAX_DAYS_OF_A_DATE = 3
_DAY = 24 * 60 * 60  # seconds


class Contact(Struct, frozen=True):
    """A message that counts.

    `at`: whole seconds since 1970, as in its record. The other members are the first bytes of digests (`contact`). A
    `debt` of None counts against every debt. Two debts with one digest count as one, which is too strict, never too
    loose. `message` identifies a message that is verified again.
    """

    at: int
    channel: str
    creditor: bytes
    debt: bytes | None
    message: bytes


def contact(at: datetime, channel: str, creditor: str, debt_ref: str | None, contact_id: str) -> Contact:
    """The contact of a message that is allowed at this instant."""
    return Contact(
        at=int(at.timestamp()),
        channel=channel,
        creditor=_digest_prefix(CREDITOR_BYTES, creditor),
        debt=None if debt_ref is None else _digest_prefix(DEBT_BYTES, creditor, debt_ref),
        message=_digest_prefix(MESSAGE_BYTES, contact_id),
    )


def without_message(contacts: Iterable[Contact], new: Contact) -> tuple[Contact, ...]:
    """The contacts without an earlier one of the same message. A message that is verified again counts once, at its
    last allow."""
    return tuple(contact for contact in contacts if contact.message != new.message)


def in_order(contacts: Iterable[Contact]) -> tuple[Contact, ...]:
    """Oldest first; contacts of one second in a deterministic order."""
    return tuple(sorted(contacts, key=lambda one: (one.at, one.message, one.channel, one.creditor, one.debt or b"")))


class FullCaps(Struct, frozen=True):
    """Full caps: the ids of their rows, and the first instant at which no cap is full."""

    rows: tuple[str, ...]
    until: datetime


def full_caps(
    rules: tuple[DatedCap, ...], zones: tuple[tzinfo, ...], contacts: Iterable[Contact], at: datetime, new: Contact
) -> FullCaps | None:
    """None if `new` may be counted at this instant in addition to `contacts`.

    A calendar day is counted in every zone, and the strictest zone decides. A contact dated after `at` counts as one of
    now, because the writer's clock may have been ahead.
    """
    counted = sorted(contacts, key=lambda contact: contact.at, reverse=True)
    rows: tuple[str, ...] = ()
    while True:
        releases = {}
        days = {wall_time(at, where).toordinal() for where in zones}
        for rule in rules:
            if not any(rule.in_force(day) for day in days):
                continue
            until = _release_at(rule, zones, counted, new, at)
            if until is not None:
                releases[rule.cap.id] = until
        if not releases:
            return FullCaps(rows, at) if rows else None
        rows = rows or tuple(releases)
        at = max(releases.values())


def counted_contacts(
    rules: tuple[DatedCap, ...], zones: tuple[tzinfo, ...], contacts: Iterable[Contact], at: datetime, new: Contact
) -> tuple[Contact, ...]:
    """The contacts on which the result of `full_caps` depends, now and at any later instant; oldest first.

    Of the contacts that a cap counts together with `new` these are the N newest that still count.
    """
    newest_first = in_order(contacts)[::-1]
    if not newest_first:
        return ()
    needed: set[int] = set()
    now = int(at.timestamp())
    today = min(wall_time(at, where).toordinal() for where in zones)
    for rule in rules:
        longest = _longest_window(rule.cap)
        room = rule.cap.max if rule.in_force_from(today) else 0
        for number, contact in enumerate(newest_first):
            # Most contacts are so old that no calendar is needed.
            if not room or now - contact.at > longest or _counts_until(rule.cap, zones, contact) <= at:
                break
            if _counts(rule.cap, contact, new):
                needed.add(number)
                room -= 1
    return tuple(newest_first[number] for number in sorted(needed, reverse=True))


def drop_expired(contacts: Iterable[Contact], at: datetime, pack: Pack) -> tuple[Contact, ...]:
    """The contacts that a row of the pack can still count, for any place that a debt may name later; oldest first.

    Of each set of contacts that a row counts together, only its N newest within the window matter.
    """
    newest_first = sorted(contacts, key=lambda contact: contact.at, reverse=True)
    kept: set[int] = set()
    now = int(at.timestamp())
    for cap, reach in pack.cached(("reaches",), lambda: tuple((cap, _reach(cap)) for cap in pack.of_kind(Cap))):
        oldest = now - reach
        room: dict[Any, int] = {}
        for number, contact in enumerate(newest_first):
            if contact.at <= oldest:
                break
            if contact.channel not in cap.channels:
                continue
            key = (contact.creditor if cap.across == "creditor" else b"", contact.debt if cap.per == "debt" else b"")
            room[key] = room.get(key, cap.max) - 1
            # A contact without a debt counts in the set of every debt, so it is kept as long as the window is open.
            if room[key] >= 0 or (cap.per == "debt" and contact.debt is None):
                kept.add(number)
    return tuple(newest_first[number] for number in sorted(kept, reverse=True))


def pack_contacts(contacts: Iterable[Contact]) -> bytes:
    """24 bytes per contact, 42 contacts in 1 KiB. Raises ValueError for a digest of another length."""
    return b"".join(_pack(contact) for contact in contacts)


def unpack_contacts(data: bytes) -> tuple[Contact, ...]:
    """Raises ValueError for bytes that `pack_contacts` did not write. A ledger that cannot be read allows nothing."""
    if len(data) % _PACKED.size:
        raise ValueError("not a contact ledger")
    return tuple(_unpack(*fields) for fields in _PACKED.iter_unpack(data))


def _pack(contact: Contact) -> bytes:
    debt = _NO_DEBT if contact.debt is None else contact.debt
    if (len(contact.creditor), len(debt), len(contact.message)) != (CREDITOR_BYTES, DEBT_BYTES, MESSAGE_BYTES):
        raise ValueError("not digests of a contact ledger")
    channel = _CHANNELS.index(contact.channel)
    return _PACKED.pack(*divmod(contact.at, 2**32), channel, contact.creditor, debt, contact.message)


def _unpack(high: int, low: int, channel: int, creditor: bytes, debt: bytes, message: bytes) -> Contact:
    if channel >= len(_CHANNELS):
        raise ValueError("not a contact ledger")
    return Contact(high * 2**32 + low, _CHANNELS[channel], creditor, None if debt == _NO_DEBT else debt, message)


def _digest_prefix(length: int, *parts: str) -> bytes:
    """The first bytes of a digest. No key is needed: creditor and debt are stored in the clear in the same partition,
    and a decision's id is a keyed digest."""
    return hashlib.sha256("\0".join(parts).encode()).digest()[:length]


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _release_at(
    rule: DatedCap, zones: tuple[tzinfo, ...], newest_first: list[Contact], new: Contact, at: datetime
) -> datetime | None:
    """When this cap, in force at `at`, has room again or is no longer in force; None if it has room now."""
    deciding = _deciding(rule.cap, newest_first, new)
    if deciding is None:
        return None
    until = _counts_until(rule.cap, zones, deciding)
    if until <= at:
        return None
    last = rule.last_day(
        max(day for day in (wall_time(at, where).toordinal() for where in zones) if rule.in_force(day))
    )
    if all(wall_time(until, where).toordinal() <= last for where in zones):
        return until
    return min(until, max(_after(last, where, at) for where in zones))


def _counts_until(cap: Cap, zones: tuple[tzinfo, ...], contact: Contact) -> datetime:
    """When this contact leaves the window."""
    counted_at = _instant(contact.at)
    if cap.window == "rolling":
        return counted_at + timedelta(days=cap.days)
    return max(next_day(counted_at, where) for where in zones)


def _after(last: int, where: tzinfo, at: datetime) -> datetime:
    """The first instant from `at` on that is after this local day."""
    while wall_time(at, where).toordinal() <= last:
        at = next_day(at, where)
    return at


def _deciding(cap: Cap, newest_first: list[Contact], new: Contact) -> Contact | None:
    """The N-th newest of the contacts that this cap counts together with `new`."""
    room = cap.max
    for contact in newest_first:
        if _counts(cap, contact, new):
            room -= 1
            if not room:
                return contact
    return None


def _counts(cap: Cap, contact: Contact, new: Contact) -> bool:
    if contact.channel not in cap.channels or new.channel not in cap.channels:
        return False
    if cap.across == "creditor" and contact.creditor != new.creditor:
        return False
    return cap.per == "recipient" or None in (contact.debt, new.debt) or contact.debt == new.debt


def _longest_window(cap: Cap) -> int:
    """The longest time for which a contact may count, in any zone, in seconds."""
    return _DAY * (cap.days if cap.window == "rolling" else _MAX_DAYS_OF_A_DATE)


def _reach(cap: Cap) -> int:
    """The longest time for which a contact may count, by any reader's clock, in seconds."""
    return int(SKEW.total_seconds()) + _longest_window(cap)
