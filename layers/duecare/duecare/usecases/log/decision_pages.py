"""Pages that list a gateway's logged decisions in the order of their time, for reconciliation.

Each move of the head writes a page for every gateway and minute (of the decisions' own time) among its records. Writing
the pages of a move again yields the same pages under the same keys, so each entry is listed exactly once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from msgspec import Struct

from duecare.ports import Document
from duecare.usecases import table
from duecare_core.domain.reconciliation import DecisionSummary
from duecare_core.evidence.sealed_decision import Summary

# A decision with the longest message id takes less than 2 kB here, and an item may have 400 kB.
MAX_PAGE = 200


class ListedDecision(DecisionSummary, frozen=True, kw_only=True, gc=False):
    """A decision as its page lists it. `index`: of its log entry."""

    index: int


class DecisionPage(Struct, frozen=True):
    """Decisions about one gateway's messages in one minute (UTC), in the order of their entries."""

    decisions: Sequence[ListedDecision]


def pages(logged: Iterable[tuple[int, str, Summary]]) -> Iterator[Document]:
    """The pages for one move of the head, given its decisions: the ascending indexes of their entries, their ids, and
    their summaries."""
    minutes: dict[tuple[str, str], list[ListedDecision]] = {}
    for index, decision_id, summary in logged:
        listed = _listed(index, decision_id, summary)
        minutes.setdefault((summary.gateway, table.minute(summary.at)), []).append(listed)
    for (gateway, _), decisions in minutes.items():
        for at in range(0, len(decisions), MAX_PAGE):
            page = DecisionPage(decisions[at : at + MAX_PAGE])
            first = page.decisions[0]
            yield table.write(table.decision_page(gateway, first.at, first.index), None, page)


def _listed(index: int, decision_id: str, summary: Summary) -> ListedDecision:
    decision: Literal["allow", "deny"] = "allow" if summary.decision == "allow" else "deny"
    return ListedDecision(
        message_id=summary.message_id,
        decision_id=decision_id,
        decision=decision,
        attempt=summary.attempt,
        enforced=summary.enforced,
        provisional=summary.provisional,
        at=summary.at,
        valid_until=summary.valid_until,
        text_mac=summary.text_mac,
        index=index,
    )
