"""The parts of a case file for its page: who, what, when, by which rules, on whose word. Nothing is decided here.

A file that failed its checks has members of the right types and no other guarantee. A part that cannot be read is left
out or shown as it is spelled, and nothing raises.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NamedTuple

from duecare_client.messages import Words, both, label
from duecare_client.report.rule_view import RuleView, rule_view
from duecare_client.report.statements import (
    Cell,
    RowView,
    StatementView,
    entry,
    instant,
    payload,
    row_view,
    statement_view,
    value,
)
from duecare_client.report.texts import Mask, Piece, Span, pieces
from duecare_core.domain.decision.decision import Finding
from duecare_core.domain.decision.reasons import REASONS
from duecare_core.domain.facts.party import Party
from duecare_core.domain.location.localtime import wall_time, zone
from duecare_core.domain.location.locate import Place, locate
from duecare_core.domain.rules.pack import DatedCap, DatedDemand, DatedHours, Pack
from duecare_core.domain.rules.parse import parse as parse_pack
from duecare_core.domain.rules.rule_types import AnyRow, Forbidden, Required, Sender
from duecare_core.errors import DuecareError
from duecare_core.evidence.canonical import canonical
from duecare_core.evidence.casefile.bundle import CaseFile, LoggedParty
from duecare_core.evidence.jose import jws
from duecare_core.evidence.log.note import (
    COSIGNATURE,
    Checkpoint,
    Signature,
    parse_checkpoint,
    parse_note,
    parse_verifier,
)

_MAX_CLOCKS = 3


class Clock(NamedTuple):
    """A local time. `name`: of its time zone in words, None for a zone without."""

    name: Words | None
    time: str


class PartyView(NamedTuple):
    """A party in its role. `party`: its registration at the time of the decision, None if it had none. `since`: later
    versions in the file."""

    role: str
    id: str
    party: Party | None
    version: int | None
    since: tuple[LoggedParty, ...]


class FindingView(NamedTuple):
    """A finding. `quote`: the words that it marks, None if it marks none; `rows`, `rules`: those it follows from."""

    number: int
    finding: Finding
    label: Words | None
    quote: str | None
    rows: tuple[str, ...]
    rules: tuple[RuleView, ...]


class ReasonView(NamedTuple):
    """A reason, and the findings that caused it."""

    code: str
    sentence: Words
    findings: tuple[FindingView, ...]


class ContactView(NamedTuple):
    """A counted message. `own`: for the same creditor; `debt` as in the inputs."""

    at: datetime
    channel: Cell
    own: bool
    debt: str | None


class WitnessView(NamedTuple):
    name: str
    seen_at: datetime | str | None


class Parts:
    """The parts of a case file. `mask`: None if the page shows the whole number."""

    def __init__(self, case: CaseFile, mask: Mask | None) -> None:
        self.case = case
        self.record = case.decision.record
        self.inputs = case.inputs
        self._mask = mask
        self._payloads = [payload(one) for one in case.statements]

    # When and where

    @property
    def judged_at(self) -> datetime:
        """The instant that was judged: for a rehearsal the one that was asked about."""
        planned = self.record.send_at if self.record.provisional else None
        return planned or self.inputs.at

    def _stated(self, member: str) -> list[str]:
        """The values of a member in consents and debts, from signed statements first."""
        rows = self.inputs.rows
        facts = [*(row.debt.newest for row in rows if row.debt), *(row.consent.consent for row in rows if row.consent)]
        found = [*(one.get(member) for one in self._payloads), *(getattr(one, member, None) for one in facts)]
        return [one for one in found if isinstance(one, str) and one]

    @property
    def zone_is_stated(self) -> bool:
        """Whether a time zone that the creditor stated is a possible one; otherwise the number determines them."""
        return any(name in self.place.zones for name in self._stated("time_zone"))

    @cached_property
    def place(self) -> Place:
        """The place by which the message was judged, as the inputs have it."""
        judged = next(iter(self.inputs.places), None)
        if judged:
            return Place(judged.regions or self.record.regions, tuple(judged.zones), tuple(judged.set_aside))
        return locate(self.inputs.number)  # nothing about the recipient was judged

    def local(self, at: datetime) -> tuple[Clock, ...]:
        """The local times possible there: each different one, or the first and the last of many."""
        try:
            shown = {at.astimezone(zone(name)).strftime("%z"): name for name in reversed(self.place.zones)}
            ordered = sorted((wall_time(at, zone(name)), offset, name) for offset, name in shown.items())
        except (ValueError, OverflowError):  # at the ends of the calendar
            return ()
        if len(ordered) > _MAX_CLOCKS:
            ordered = [ordered[0], ordered[-1]]
        return tuple(
            Clock(label("zone", name), f"{clock:%Y-%m-%d %H:%M:%S} (UTC{off[:3]}:{off[3:5]}, {name})")
            for clock, off, name in ordered
        )

    # Who

    def parties(self) -> tuple[PartyView, ...]:
        record = self.record
        parts = {"gateway": record.gateway, "creditor": record.creditor, "collector": record.collector}
        return tuple(self._who(role, who) for role, who in parts.items())

    def _who(self, role: str, who: str) -> PartyView:
        version = self.inputs.parties.get(who)
        versions = self._registrations(who)
        party = next((one.record for one in versions if one.version == version), None)
        since = tuple(one for one in versions if version is not None and one.version > version)
        return PartyView(role, who, party, version, since)

    def _registrations(self, who: str) -> list[LoggedParty]:
        return sorted((one for one in self.case.parties if one.record.id == who), key=lambda one: one.version)

    # The text and what was found in it

    @cached_property
    def text(self) -> str:
        return self._mask(self.inputs.text) if self._mask else self.inputs.text

    @property
    def text_is_masked(self) -> bool:
        return self.text != self.inputs.text

    @cached_property
    def findings(self) -> tuple[FindingView, ...]:
        return tuple(self._finding(number, one) for number, one in enumerate(self.record.findings, 1))

    def _finding(self, number: int, one: Finding) -> FindingView:
        inside = one.start is not None and one.end is not None and 0 <= one.start < one.end <= len(self.text)
        words = label("fault", one.rule) or label("topic", one.rule.partition(".")[0]) or label("lack", one.code)
        quote = self.text[one.start : one.end] if inside else None
        behind = self._rows_behind(one)
        rows = self.pack.rows if self.pack else ()
        rules = tuple(rule_view(row, True) for row in rows if row.id in behind)
        return FindingView(number, one, words, quote, behind, rules)

    def pieces(self) -> tuple[Piece, ...]:
        spans = [Span(one.number, one.finding.start or 0, one.finding.end or 0) for one in self.findings if one.quote]
        return pieces(self.text, spans)

    def reasons(self) -> tuple[ReasonView, ...]:
        return tuple(
            ReasonView(code, _sentence(code), tuple(one for one in self.findings if one.finding.code == code))
            for code in self.record.reasons
        )

    # The rules

    @cached_property
    def pack(self) -> Pack | None:
        """The rule pack; None if it cannot be read."""
        try:
            return parse_pack(canonical(self.case.rules))
        except (DuecareError, ValueError):
            return None

    @cached_property
    def _applicable(self) -> tuple[AnyRow, ...]:
        """The rows about texts, hours and frequency that applied to such a message on that day. Leaves out rows that
        decide nothing (records, reply words and the like)."""
        if self.pack is None:
            return ()
        record, product = self.record, next(iter(self._stated("product")), None)
        sender: Sender = "creditor" if record.collector == record.creditor else "collector"
        selector = (record.regions, record.channel, sender, product)
        rules: list[DatedDemand | DatedHours | DatedCap] = [
            *self.pack.demands(*selector),
            *self.pack.hours(*selector),
            *self.pack.caps(*selector),
        ]
        try:
            days = {wall_time(self.judged_at, zone(name)).toordinal() for name in self.place.zones}
        except (ValueError, OverflowError):
            return ()
        ids = {_row_id(rule) for rule in rules if any(map(rule.in_force, days))}
        return tuple(row for row in self.pack.rows if row.id in ids)

    def _rows_behind(self, one: Finding) -> tuple[str, ...]:
        """The row that a finding names, or the rows that demand or forbid what it is about."""
        if self.pack and any(row.id == one.rule for row in self.pack.rows):
            return (one.rule,)
        topic = one.rule.partition(".")[0]
        return tuple(
            row.id
            for row in self._applicable
            if (one.code == "TEXT_FORBIDDEN" and isinstance(row, Forbidden) and topic in row.topics)
            or (one.code == "TEXT_SENDER" and isinstance(row, Required) and "sender_name" in row.elements)
        )

    def rules(self) -> tuple[RuleView, ...]:
        """The rules, broken ones first."""
        broken = {row for one in self.findings for row in one.rows}
        rows = self.pack.rows if self.pack else ()
        first = [rule_view(row, True) for row in rows if row.id in broken]
        return (*first, *(rule_view(row, False) for row in self._applicable if row.id not in broken))

    # Statements, rows of files, counted messages

    def statements(self) -> tuple[StatementView, ...]:
        return tuple(
            statement_view(logged, members, [one.record for one in self._registrations(logged.record.issuer)])
            for logged, members in zip(self.case.statements, self._payloads, strict=True)
        )

    def rows(self) -> tuple[RowView, ...]:
        proven = {one.statement: one.row for one in self.case.rows}
        return tuple(row_view(row, proven) for row in self.inputs.rows)

    def counted(self) -> tuple[ContactView, ...]:
        """The messages that frequency caps counted, oldest first."""
        return tuple(
            ContactView(datetime.fromtimestamp(one.at, UTC), value("channels", one.channel), one.own, one.debt)
            for one in self.inputs.counted
        )

    # The receipt and the log

    def receipt(self) -> jws.UnverifiedJws | None:
        try:
            return jws.read(self.case.decision.receipt)
        except DuecareError:
            return None

    def entry(self) -> int | None:
        """The position of the decision's entry in the log."""
        return entry(self.case.decision.proof)

    def receipt_key(self, kid: str) -> tuple[datetime, int | None] | None:
        """When this key was first used, and the log entry that records it."""
        keys = (one for one in self.case.receipt_keys if one.record.kid == kid)
        return next(((one.record.first_used_at, entry(one.proof)) for one in keys), None)

    def checkpoint(self) -> Checkpoint | None:
        try:
            return parse_checkpoint(parse_note(self.case.checkpoint).text)
        except DuecareError:
            return None

    def witnesses(self) -> tuple[WitnessView, ...]:
        """The witnesses that the file names, and when they cosigned the checkpoint."""
        try:
            signatures = parse_note(self.case.checkpoint).signatures
        except DuecareError:
            signatures = ()
        return tuple(_witness(key, signatures) for key in self.case.log.witnesses)


def _witness(key: str, signatures: tuple[Signature, ...]) -> WitnessView:
    try:
        verifier = parse_verifier(key)
    except DuecareError:
        return WitnessView(key, None)
    if verifier.kind != COSIGNATURE:
        return WitnessView(verifier.name, None)
    # c2sp.org/tlog-cosignature: eight bytes of time before the signature.
    times = [one.signature[:8] for one in signatures if (one.name, one.key_id) == (verifier.name, verifier.key_id)]
    return WitnessView(verifier.name, instant(int.from_bytes(times[0], "big")) if times else None)


def _sentence(code: str) -> Words:
    sentence = REASONS.get(code)
    return Words(sentence.zh, sentence.en) if sentence else both("reason.unknown")


def _row_id(rule: DatedDemand | DatedHours | DatedCap) -> Any:
    match rule:
        case DatedDemand():
            return rule.row.id
        case DatedCap():
            return rule.cap.id
        case _:
            return rule.id
