"""The inputs of a decision that its record does not contain: number, text, versions of registrations, counted contacts.

With the statements that the record names, they are all that `decide` needs to replay the decision (replay.py). The
record contains their digest. They are personal data: at rest they are encrypted (evidence/sealed_decision.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated

import msgspec
from msgspec import Meta, Struct, field, structs

from duecare_core.domain.decision.decision import Decision, DecisionRequest, LocatedPlace
from duecare_core.domain.decision.judgement import UNDISCLOSED_DEBT
from duecare_core.domain.facts.states import ConsentState, DebtState, Facts, Undisclosed
from duecare_core.domain.fields import E164
from duecare_core.domain.location.localtime import offsets
from duecare_core.domain.rules.frequency_caps import Contact, contact
from duecare_core.errors import BadEvidence
from duecare_core.evidence.canonical import canonical_plain

_EPOCH = datetime.fromtimestamp(0, UTC)
ROW_SEPARATOR = "#"  # the id of a row of a file is `<id of the manifest>#<number of the row>`


class InputRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A fact from a file; no party signed it alone. `of`: the channel of a consent, or the debt_ref of a debt."""

    of: str
    consent: ConsentState | None = None
    debt: DebtState | None = None


class CountedContact(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message that a frequency cap counted, without what the reader of this decision must not learn.

    `at`: seconds since 1970. `own`: of the same creditor. `debt`: the debt_ref of one of the creditor's debts in this
    decision; empty for any other debt; None if the message named no debt and so counts for each.
    """

    at: Annotated[int, Meta(ge=0, lt=1 << 36)]
    channel: str
    own: bool = False
    debt: str | None = None

    def contact(self, creditor: str) -> Contact:
        """The contact as caps read it. The empty strings equal no id and no debt_ref."""
        at = datetime.fromtimestamp(self.at, UTC)
        return contact(at, self.channel, creditor if self.own else "", self.debt, "")


class AnsweredAllow(Struct, frozen=True):
    """The enforced allow that a START answers: when it was made, and its record."""

    at: datetime
    decision_id: str
    record_sha256: str


class JudgedPlace(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A place by which the message was judged: its jurisdictions, and its clocks in the period that decides.

    `zones`: time zone → its offset from UTC, as in `+08:00`. Where the clock changes in the period, the instant and the
    new offset follow: `-04:00 2026-11-01T06:00:00Z -05:00`. One zone stands for all whose clocks agree in the period.
    `set_aside`: zones in which calendar days are counted and no hours are quiet. `regions`: empty if they are those of
    the record. `region`, `time_zones`: what statements gave for this place, if there is another one.
    """

    regions: tuple[str, ...] = ()
    zones: dict[str, str]
    set_aside: dict[str, str] = {}
    region: str | None = None
    time_zones: tuple[str, ...] = ()


class Inputs(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`at`: the exact instant of the decision (the record has whole seconds). `parties`: party id → version of the
    registration; an absent party was not registered. `counted`: the earlier contacts on which the decision depends,
    oldest first. `same_subject`: whether debtor and holder of the number are one person, which rows do not show.
    `undisclosed`: what the decision depends on of facts that the case file does not show. `starts`: by the id of a
    START that the decision relies on, the allow that it answers. `folded`: the disputes of one debt that cover all,
    because too many debts were disputed one by one. `places`: where the recipient may be, so that a replay needs no
    number tables and time zones of its own; none if nothing about the recipient was judged.
    """

    at: datetime
    number: E164 = field(name="recipient")
    text: str
    halted: bool = False
    parties: dict[str, int] = {}
    counted: tuple[CountedContact, ...] = ()
    rows: tuple[InputRow, ...] = ()
    same_subject: bool = True
    undisclosed: Undisclosed = Undisclosed()
    starts: dict[str, AnsweredAllow] = {}
    folded: tuple[str, ...] = ()
    places: tuple[JudgedPlace, ...] = ()


def inputs_of(
    request: DecisionRequest, facts: Facts, decision: Decision, versions: Mapping[str, int], at: datetime
) -> Inputs:
    """The inputs from which this decision can be replayed, with the record, the statements that it names, and the
    rules."""
    relied_on = frozenset(decision.relied_on)
    consents = (InputRow(of=of, consent=_without_digests(state)) for of, state in facts.consents.items())
    debts = (InputRow(of=of, debt=_debt_without_digests(state)) for of, state in facts.debts.items())
    rows = tuple(
        row for row in (*consents, *debts) if any(ROW_SEPARATOR in name for name in _statements_of(row) & relied_on)
    )
    return Inputs(
        at=at,
        number=request.number,
        text=request.text,
        halted=facts.halted,
        parties=dict(versions),
        counted=_counted(decision, request, facts.debts),
        rows=rows,
        same_subject="SUBJECT_MISMATCH" not in decision.codes,
        undisclosed=decision.undisclosed,
        starts=_starts(facts, relied_on),
        folded=tuple(sorted(one.statement for one in facts.disputes if one.folded and one.statement in relied_on)),
        places=_places(decision),
    )


def _places(decision: Decision) -> tuple[JudgedPlace, ...]:
    several = len(decision.places) > 1
    return tuple(judged_place(one, decision, several=several) for one in decision.places)


def judged_place(located: LocatedPlace, decision: Decision, *, several: bool) -> JudgedPlace:
    """This place with its clocks in the period of the decision, by the tables of this machine."""
    place, (first, last) = located.place, decision.period
    return JudgedPlace(
        regions=place.regions if place.regions != decision.regions else (),
        zones=clocks_between(place.zones, first, last),
        set_aside=clocks_between(place.set_aside, first, last),
        region=located.region if several else None,
        time_zones=located.time_zones if several else (),
    )


def clocks_between(zones: Iterable[str], first: datetime, last: datetime) -> dict[str, str]:
    """Clock by clock, the first of the zones that have it."""
    names: dict[tuple[tuple[int, int], ...], str] = {}
    for name in zones:
        names.setdefault(offsets(name, first, last), name)
    return {name: _written(clock) for clock, name in names.items()}


def _written(clock: tuple[tuple[int, int], ...]) -> str:
    changes = (
        f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ} {offset_text(offset)}" for at, offset in clock[1:]
    )
    return " ".join((offset_text(clock[0][1]), *changes))


@lru_cache(maxsize=256)
def offset_text(seconds: int) -> str:
    """As in `+08:00`; with seconds if it has any."""
    hours, rest = divmod(abs(seconds), 3600)
    text = f"{'-' if seconds < 0 else '+'}{hours:02}:{rest // 60:02}"
    return f"{text}:{rest % 60:02}" if rest % 60 else text


def _starts(facts: Facts, relied_on: frozenset[str]) -> dict[str, AnsweredAllow]:
    start = facts.stop.lifted
    if start is None or start.statement not in relied_on:
        return {}
    return {start.statement: AnsweredAllow(start.allowed_at, start.decision_id, start.record_sha256)}


def _counted(
    decision: Decision, request: DecisionRequest, debts: Mapping[str, DebtState]
) -> tuple[CountedContact, ...]:
    """The contacts without the digests of other creditors' ids, messages and debts, and without the debt_ref of a debt
    that the case file does not show."""
    contacts = decision.contacts
    if not contacts:
        return ()
    relied_on = frozenset(decision.relied_on)
    names = {ref: ref for ref, debt in debts.items() if debt.newest.statement in relied_on}
    if decision.undisclosed.debt is not None and decision.debt_ref is not None:
        names = {decision.debt_ref: UNDISCLOSED_DEBT}
    known = [contact(_EPOCH, request.channel, request.creditor, ref, "") for ref in names]
    refs = {one.debt: name for one, name in zip(known, names.values(), strict=True)}
    creditor = contact(_EPOCH, request.channel, request.creditor, None, "").creditor
    return tuple(
        CountedContact(
            at=one.at,
            channel=one.channel,
            own=one.creditor == creditor,
            debt=None if one.debt is None else refs.get(one.debt, ""),
        )
        for one in contacts
    )


def _without_digests(state: ConsentState) -> ConsentState:
    """The state without keyed digests, which mean nothing without the key."""
    consent = structs.replace(state.consent, content="", subject=None) if state.consent else None
    revoked = structs.replace(state.revoked, content="") if state.revoked else None
    return structs.replace(state, consent=consent, revoked=revoked)


def _debt_without_digests(state: DebtState) -> DebtState:
    answers = {named: structs.replace(answer, content="") for named, answer in state.answers.items()}
    return structs.replace(state, newest=structs.replace(state.newest, content="", subject=None), answers=answers)


def _statements_of(row: InputRow) -> frozenset[str]:
    return (_consent_statements(row.consent) if row.consent else frozenset()) | (
        _debt_statements(row.debt) if row.debt else frozenset()
    )


def _consent_statements(state: ConsentState) -> frozenset[str]:
    return frozenset(mark.statement for mark in (state.consent, state.revoked) if mark)


def _debt_statements(state: DebtState) -> frozenset[str]:
    return frozenset((state.newest.statement, *(answer.statement for answer in state.answers.values())))


def encode(inputs: Inputs) -> bytes:
    """The canonical bytes of inputs, whose digest is in the record."""
    return canonical_plain(inputs)


def decode(data: bytes) -> Inputs:
    """The inputs of these bytes. Raises BadEvidence."""
    try:
        return msgspec.json.decode(data, type=Inputs)
    except (msgspec.MsgspecError, ValueError) as error:
        raise BadEvidence("not the inputs of a decision") from error
