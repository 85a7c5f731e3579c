"""The places of a decision's inputs: their clocks for a replay, and the check that they follow from the number.

A replay uses these places and clocks alone. Whether the tables of another machine give the same ones is a question of
its own: number plans and time zones change, and an old decision stays right (docs/decisions/0021).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from msgspec import structs

from duecare_core.domain.decision.decision import Decision
from duecare_core.domain.fields import E164
from duecare_core.domain.location.locate import TABLES, Geography, Place
from duecare_core.errors import BadEvidence
from duecare_core.evidence.casefile.inputs import Inputs, JudgedPlace, judged_place
from duecare_core.evidence.casefile.other_engine import another_answer
from duecare_core.evidence.record import Record

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = _EPOCH.replace(tzinfo=None)
_SECOND = timedelta(seconds=1)
_ZONE_NAME = re.compile(r"[A-Za-z0-9_+/-]{1,64}")  # as a time zone of a statement (domain/fields.py)
_MAX_ZONES = 64  # of one place, where zones of one clock are named once: far more than there are clocks
_OFFSET = re.compile(r"([+-])([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?")


class RecordedZone(tzinfo):
    """A time zone that knows its offsets in one period only; before and after it, they stay as they are."""

    def __init__(self, name: str, text: str) -> None:
        """`text`: as in `JudgedPlace`. Raises BadEvidence."""
        self._name = name
        first, *rest = text.split(" ")
        self._changes = [_instant(at) for at in rest[::2]]
        self._offsets = [_offset(offset) for offset in (first, *rest[1::2])]
        in_order = all(one < other for one, other in zip(self._changes, self._changes[1:], strict=False))
        if len(self._offsets) != len(self._changes) + 1 or not in_order:
            raise BadEvidence(f"the offsets of the time zone {name} are not in order")

    def fromutc(self, dt: datetime) -> datetime:
        """The wall time at this instant; `fold` is 1 for the second of two equal ones."""
        utc = (dt.replace(tzinfo=None) - _NAIVE_EPOCH) / _SECOND
        here = bisect_right(self._changes, utc)
        back = self._offsets[here - 1] - self._offsets[here] if here else 0
        fold = int(back > 0 and utc - self._changes[here - 1] < back)
        return (dt + timedelta(seconds=self._offsets[here])).replace(fold=fold)

    def utcoffset(self, dt: datetime | None) -> timedelta:
        if dt is None:
            raise ValueError("an offset without a time")
        wall = (dt.replace(tzinfo=None) - _NAIVE_EPOCH) / _SECOND
        # A change happens at two wall times, by the clock before it and by the clock after it.
        pairs = zip(self._changes, self._offsets, self._offsets[1:], strict=False)
        ends = [at + (min if dt.fold else max)(before, after) for at, before, after in pairs]
        return timedelta(seconds=self._offsets[bisect_right(ends, wall)])

    def dst(self, _: datetime | None) -> None:
        return None

    def tzname(self, _: datetime | None) -> str:
        return self._name


def geography(judged: Sequence[JudgedPlace], regions: tuple[str, ...]) -> Geography:
    """These places and their clocks. `regions`: those of the record. Raises BadEvidence for unreadable offsets, and for
    names that no time zone has."""
    for one in judged:
        if len(one.zones) + len(one.set_aside) > _MAX_ZONES:
            raise BadEvidence(f"a place has more than {_MAX_ZONES} time zones")
        for name in (*one.zones, *one.set_aside):
            if not _ZONE_NAME.fullmatch(name):
                raise BadEvidence(f"not the name of a time zone, such as Asia/Shanghai: {name[:40]!r}")
    clocks = {name: text for one in judged for name, text in (one.zones | one.set_aside).items()}
    zones = {name: RecordedZone(name, text) for name, text in clocks.items()}
    places = {
        (one.region, one.time_zones): Place(one.regions or regions, tuple(one.zones), tuple(one.set_aside))
        for one in judged
    }

    def locate(_: E164, *, region: str | None, time_zones: tuple[str | None, ...]) -> Place:
        stated = (region, tuple(name for name in time_zones if name))
        place = places.get(stated) if len(places) > 1 else next(iter(places.values()), None)
        if place is None or not place.zones:
            raise BadEvidence("the inputs do not say where the recipient is")
        return place

    return Geography(locate, zones.__getitem__)


def check_place(record: Record, inputs: Inputs, decision: Decision | None) -> None:
    """Raises BadEvidence if the places of the inputs are not those of this machine's tables: OtherEngine if another
    engine made the decision. `decision`: the replayed one; None if it could not be replayed."""
    if decision is None:
        raise another_answer(record, "the recipient's place was not compared, because the decision was not made again")
    differing = misplaced(inputs, decision)
    if differing:
        raise another_answer(record, f"the recipient's place differs in {', '.join(differing)}", of_tables=True)


def misplaced(inputs: Inputs, decision: Decision) -> tuple[str, ...]:
    """In what the places of the inputs differ from those that the tables of this machine give for the number and the
    statements: `regions`, `zones`, `set_aside`; nothing if they agree. `decision`: the replayed one.

    Zones are compared by their clocks, because a zone may have several names.
    """
    if len(decision.places) != len(inputs.places):
        return ("places",)
    found: dict[str, None] = {}
    for recorded, judged in zip(inputs.places, decision.places, strict=True):
        place = TABLES.locate(inputs.number, region=judged.region, time_zones=judged.time_zones)
        here = judged_place(structs.replace(judged, place=place), decision, several=len(inputs.places) > 1)
        found |= dict.fromkeys(_differing(recorded, here))
    return tuple(found)


def _differing(recorded: JudgedPlace, here: JudgedPlace) -> list[str]:
    return [
        name
        for name, one, other in (
            ("regions", recorded.regions, here.regions),
            ("zones", set(recorded.zones.values()), set(here.zones.values())),
            ("set_aside", set(recorded.set_aside.values()), set(here.set_aside.values())),
        )
        if one != other
    ]


def _instant(text: str) -> float:
    try:
        return (datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) - _EPOCH) / _SECOND
    except ValueError as error:
        raise BadEvidence(
            f"not the instant of a clock's change, such as 2026-11-01T06:00:00Z: {text[:40]!r}"
        ) from error


def _offset(text: str) -> int:
    parsed = _OFFSET.fullmatch(text)
    if parsed is None:
        raise BadEvidence(f"not an offset from UTC, such as +08:00: {text[:40]!r}")
    sign, hours, minutes, seconds = parsed.groups()
    size = int(hours) * 3600 + int(minutes) * 60 + int(seconds or 0)
    return -size if sign == "-" else size
