"""Write docs/rules.md from the rule pack: `python -m tools.rules_page`. A test compares the two."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from duecare_core.domain.rules import rule_types as rows
from duecare_core.domain.rules.pack import Pack
from duecare_core.domain.rules.parse import parse
from duecare_core.domain.rules.rule_types import AnyRow

ROOT = Path(__file__).parents[1]
PACK = ROOT / "layers" / "duecare" / "duecare" / "rulepack" / "pack.json"
PAGE = ROOT / "docs" / "rules.md"

_HEAD = """# Contact rules

Generated from [pack.json](../layers/duecare/duecare/rulepack/pack.json) by `python -m tools.rules_page`; do not edit.

**This is engineering from public texts, not legal advice.** A row's confidence shows its basis: `read` means that the
legal text was read, `second-hand` that a report of it was read, and `default` that it is this project's own choice, not
law.

Version `{version}`, digest `{digest}`.

How rows apply:

- The rows in force at the instant of sending apply. `from` and `until` are local days, both inclusive.
- The recipient's number says which jurisdictions and time zones are possible, and the rows of all of them apply, in
  every one of these zones. A North American number shows the state of its area code; a number without an area
  (toll-free) has the rows of every state and of every country that shares the code.
- A region or time zone that a creditor states adds its rows and its hours. It narrows the possible places only where
  the number is not tied to an area and leaves the stated place possible (a mobile number of Australia). Calendar days
  are counted in every zone that the number leaves possible, whatever is stated.
- The rows of a state or city apply in addition to those of its country.
- `*` means elsewhere. Its row about hours applies in a country on the days on which no row of its own about hours is in
  force for the message, and its row about frequency on the days on which none about frequency is. `any` applies
  everywhere.
- Exceptions are for human readers: the service applies none of them, because its facts do not show them.
- An operator's pack may tighten these rows and add rows, but never loosen one.
"""

_NAMES = {
    "*": "Elsewhere (`*`)",
    "any": "Everywhere (`any`)",
    "CN": "China",
    "US": "United States",
    "US-MA": "Massachusetts",
    "US-DC": "District of Columbia",
    "US-NYC": "New York City",
    "US-WA": "Washington",
    "IN": "India",
    "GB": "United Kingdom",
    "AU": "Australia",
    "PH": "Philippines",
    "ID": "Indonesia",
}
_KINDS = {
    rows.QuietHours: "hours",
    rows.Cap: "frequency",
    rows.Required: "required",
    rows.Forbidden: "forbidden",
    rows.ReplyWords: "reply words",
    rows.Wording: "opt-out wording",
    rows.Whom: "whom",
    rows.Refusal: "refusal",
    rows.Records: "records",
    rows.Reassignment: "reassigned numbers",
}
_PERIODS = {"D": "days", "M": "months", "Y": "years"}


def value(row: AnyRow) -> str:
    """The demand of a row, in words made only from its members."""
    match row:
        case rows.QuietHours():
            text = _hours(row)
        case rows.Cap():
            text = _cap(row)
        case rows.Required():
            text = f"{row.when}: {_words(row.elements)}"
        case rows.Forbidden():
            text = _words(row.topics)
        case rows.ReplyWords():
            text = f"stop: {_words(row.stop)}; open again: {_words(row.start)}"
        case rows.Wording():
            text = _words(row.examples)
        case rows.Whom():
            text = _words(row.persons)
        case rows.Refusal():
            text = f"{row.confirmations} confirmation"
        case rows.Records():
            text = f"{row.what}: {row.keep[1:-1]} {_PERIODS[row.keep[-1]]} after the {row.after.replace('_', ' ')}"
        case rows.Reassignment():
            text = f"{row.days} days"
    return text


def _hours(row: rows.QuietHours) -> str:
    text = ("not " if row.quiet else "") + "; ".join(_window(window) for window in row.quiet or row.permitted)
    return text + (f"; not on national holidays ({row.holidays})" if row.holidays else "")


def _cap(row: rows.Cap) -> str:
    window = "a local calendar day" if row.window == "calendar_day" else f"any {row.days} × 24 hours"
    across = "over all creditors" if row.across == "all" else "over one creditor and its collectors"
    return f"≤ {row.max} in {window}, per {row.per}, {across}"


def _window(window: rows.Window) -> str:
    days = "" if window.days == rows.DAYS else f"{window.days[0]}–{window.days[-1]} "
    return f"{days}{window.start}–{window.to}"


def _words(words: Iterable[str]) -> str:
    return ", ".join(word.replace("_", " ") for word in words)


def _binds(row: AnyRow) -> str:
    senders = "" if len(row.senders) == 2 else f"sent by a {row.senders[0]}; "
    products = f"{_words(row.products)}, or no product stated; " if row.products else ""
    return f"{senders}{products}{', '.join(row.channels)}"


def _in_force(row: AnyRow) -> str:
    if row.since is None and row.until is None:
        return "always"
    return f"{row.since or ''} – {row.until or ''}".strip()


def page(pack: Pack) -> str:
    lines = [_HEAD.format(version=pack.version, digest=pack.digest)]
    for place in dict.fromkeys(row.jurisdiction for row in pack.rows):
        code = "" if place in ("*", "any") else f" (`{place}`)"
        lines.append(f"## {_NAMES.get(place, place)}{code}\n")
        for row in (row for row in pack.rows if row.jurisdiction == place):
            lines.append(_section(row))
    return "\n".join(lines)


def _section(row: AnyRow) -> str:
    facts = [
        ("what", f"{_KINDS[type(row)]}: {value(row)}"),
        ("binds", _binds(row) + (f" (the source: {row.whom})" if row.whom != "all" else "")),
        ("in force", _in_force(row)),
        ("exceptions", row.exceptions),
        ("source", f"{row.source}; read {row.read}; confidence `{row.confidence}`"),
        ("note", row.note),
    ]
    listed = "\n".join(f"- *{name}*: {text}" for name, text in facts if text)
    return f"**{row.id}** {row.rule}\n\n{listed}\n"


if __name__ == "__main__":
    PAGE.write_text(page(parse(PACK.read_bytes())), "utf-8")
    print(f"wrote {PAGE.name}")
