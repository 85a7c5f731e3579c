"""An operator's own pack: it may tighten the rules but never loosen one.

A row under a new id applies in addition to the others. A row under an existing id replaces that row, and must forbid
everything that it forbade.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import structs

from duecare_core.domain.rules.pack import DatedHours, Pack
from duecare_core.domain.rules.parse import parse
from duecare_core.domain.rules.rule_types import (
    AnyRow,
    Cap,
    Forbidden,
    PackContents,
    QuietHours,
    Records,
    ReplyWords,
    Required,
    RuleRow,
    Wording,
)
from duecare_core.errors import BadPack

Looser = Iterator[tuple[str, str]]  # a member, and how the row is looser in it
_DAYS_OF = {"D": 1, "M": 30, "Y": 365}


def tighten(pack: Pack, operator: Pack) -> Pack:
    """The pack with the operator's rows. Raises BadPack naming the row that would loosen another, and how."""
    base, own = pack.contents, operator.contents
    _check_agreement(base.cities, own.cities, "cities")
    _check_agreement(base.territories, own.territories, "territories")
    replaced = {row.id: row for row in own.rows}
    rows: list[AnyRow] = []
    for row in base.rows:
        new = replaced.pop(row.id, None)
        if new is None:
            rows.append(row)
            continue
        looser = next(_loosens(row, new), None)
        if looser:
            raise BadPack(f"row {row.id}, member {looser[0]}: {looser[1]}")
        rows.append(structs.replace(new, operator=row.operator))
    for row in replaced.values():
        looser = _accepts_more(base, row)
        if looser:
            raise BadPack(f"row {row.id}, member {looser[0]}: {looser[1]}")
        rows.append(structs.replace(row, operator=True))
    contents = PackContents(
        version=f"{base.version}+{own.version}",
        cities=base.cities | own.cities,
        territories=base.territories | own.territories,
        rows=tuple(rows),
        holidays=_holidays(base.holidays, own.holidays),
    )
    effective = parse(Pack(contents).data)
    _check_hours_kept(pack, effective)
    return effective


def _check_agreement(base: dict[str, str], own: dict[str, str], member: str) -> None:
    for name, value in own.items():
        if base.get(name, value) != value:
            raise BadPack(f"{member}: {name} is {base[name]} already")
        if member == "territories" and name not in base:
            # The country would no longer be covered by the rules of `elsewhere`.
            raise BadPack(f"{member}: {name} would leave the rules of elsewhere")


def _holidays(base: dict[str, dict[str, str]], own: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """The holidays of both. Days and years can be added and never removed."""
    merged = {name: dict(years) for name, years in base.items()}
    for name, years in own.items():
        known = merged.setdefault(name, {})
        for year, days in years.items():
            if year in known or name not in base:
                known[year] = " ".join(sorted({*known.get(year, "").split(), *days.split()}))
            else:
                # An unknown year is entirely quiet, so naming its holidays would permit the other days.
                raise BadPack(f"holidays {name}: {year} is not known; naming its days would loosen it")
    return merged


def _loosens(old: AnyRow, new: AnyRow) -> Looser:
    """The members in which `new` permits something that `old` did not, and how."""
    if type(old) is not type(new):
        yield "kind", "is another kind of rule"
        return
    if old.jurisdiction != new.jurisdiction:
        yield "jurisdiction", "is another place"
    # On its days a country's row replaces the rules of elsewhere, so more days are not always stricter.
    if new.span != old.span:
        yield "from/until", "are other days; add a row for more"
    for member in ("channels", "senders"):
        if not set(getattr(old, member)) <= set(getattr(new, member)):
            yield member, "binds fewer"
    if new.products is not None and (old.products is None or not set(old.products) <= set(new.products)):
        yield "products", "binds fewer"
    yield from _CHECKS.get(type(old), _loosens_other)(old, new)


def _loosens_hours(old: QuietHours, new: QuietHours) -> Looser:
    """The windows are compared in `_check_hours_kept`."""
    if old.holidays is not None and new.holidays != old.holidays:
        yield "holidays", "are left out"


def _loosens_cap(old: Cap, new: Cap) -> Looser:
    if new.max > old.max:
        yield "max", "lets more through"
    if old.per == "recipient" and new.per == "debt":
        yield "per", "counts each debt apart"
    if old.across == "all" and new.across == "creditor":
        yield "across", "counts each creditor apart"
    # A local calendar day has up to 25 hours, so a rolling window covers it only with two days.
    longest = 2 if old.window == "calendar_day" and new.window == "rolling" else old.days
    if (old.window == "rolling" and new.window == "calendar_day") or new.days < longest:
        yield "window", "is shorter"


def _loosens_required(old: Required, new: Required) -> Looser:
    if not set(old.elements) <= set(new.elements):
        yield "elements", "requires less"
    if new.when not in (old.when, "each"):
        yield "when", "requires it less often"


def _loosens_forbidden(old: Forbidden, new: Forbidden) -> Looser:
    if not set(old.topics) <= set(new.topics):
        yield "topics", "forbids less"


def _loosens_words(old: ReplyWords, new: ReplyWords) -> Looser:
    if not set(old.stop) <= set(new.stop):
        yield "stop", "hears fewer words"
    if not set(new.start) <= set(old.start):
        yield "start", "opens again on more words"


def _loosens_records(old: Records, new: Records) -> Looser:
    if _days(new.keep) < _days(old.keep):
        yield "keep", "is shorter"
    if (old.what, old.after) != (new.what, new.after):
        yield "what/after", "are other records"


def _loosens_other(old: RuleRow, new: RuleRow) -> Looser:
    if _own_members(old) != _own_members(new):
        yield "rule", "a row of this kind cannot be changed, only added to"


_CHECKS: dict[type[RuleRow], Callable[[Any, Any], Looser]] = {
    QuietHours: _loosens_hours,
    Cap: _loosens_cap,
    Required: _loosens_required,
    Forbidden: _loosens_forbidden,
    ReplyWords: _loosens_words,
    Records: _loosens_records,
}


def _accepts_more(base: PackContents, row: AnyRow) -> tuple[str, str] | None:
    """How a new row permits more: by words that lift a stop, or by wordings that a text may use."""
    if isinstance(row, Wording):
        return "examples", "accepts more wordings"
    if isinstance(row, ReplyWords):
        known = {word for other in base.rows if isinstance(other, ReplyWords) for word in other.start}
        if not set(row.start) <= known:
            return "start", "opens again on more words"
    return None


def _check_hours_kept(pack: Pack, effective: Pack) -> None:
    """Raises BadPack if a row permits a minute that it did not permit before."""
    before = {row.id: pack.dated_hours(row) for row in pack.of_kind(QuietHours)}
    for row in effective.of_kind(QuietHours):
        old = before.get(row.id)
        if old and not _holds(old, effective.dated_hours(row)):
            raise BadPack(f"row {row.id}, member {'quiet' if row.quiet else 'permitted'}: permits more time")


def _holds(old: DatedHours, new: DatedHours) -> bool:
    return all(
        any(start >= earliest and end <= latest for earliest, latest in permitted)
        for permitted, intervals in zip(old.week, new.week, strict=True)
        for start, end in intervals
    )


def _days(period: str) -> int:
    return int(period[1:-1]) * _DAYS_OF[period[-1]]


def _own_members(row: RuleRow) -> tuple[object, ...]:
    """The values of the members that only this kind of row has."""
    return tuple(getattr(row, name) for name in row.__struct_fields__ if name not in RuleRow.__struct_fields__)
