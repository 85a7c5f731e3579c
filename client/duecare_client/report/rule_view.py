"""A rule for the page: its text and its source in both languages, and the law in its own."""

from __future__ import annotations

from typing import NamedTuple

from duecare_client.messages import Words, label
from duecare_client.report.quotations import QUOTATIONS, SOURCES, Quotation
from duecare_core.domain.rules.rule_types import AnyRow


class RuleView(NamedTuple):
    """A row of the rule pack that applied to the message. `broken`: a finding names it or follows from it.

    `words`: its rule, and so on, in both languages, where the catalogue has exactly its English text; `quotations`: the
    law in its own language, where its text was read.
    """

    row: AnyRow
    broken: bool
    words: Words | None
    whom: Words | None
    exceptions: Words | None
    source: Words | None
    note: Words | None
    quotations: tuple[Quotation, ...]


def rule_view(row: AnyRow, broken: bool) -> RuleView:
    words = _translated("rule", row.id, row.rule)
    return RuleView(
        row,
        broken,
        words,
        _translated("rule_whom", row.id, row.whom),
        _translated("rule_exceptions", row.id, row.exceptions),
        _translated("rule_source", row.id, row.source) or SOURCES.get(row.source),
        _translated("rule_note", row.id, row.note),
        QUOTATIONS.get(row.id, ()) if words and row.confidence == "read" and not row.operator else (),
    )


def _translated(group: str, name: str, text: str | None) -> Words | None:
    """Both languages of a text of the shipped pack. None for another text under the same id: its Chinese would be
    another rule."""
    words = label(group, name)
    return words if words and words.en == text else None
