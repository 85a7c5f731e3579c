"""A gateway's logged decisions, in the order of their time: what reconciliation reads.

They stand in pages, a few for each minute of the decisions' own time and each move of the head that brought some.
Whatever is written twice of one move is the same pages under the same keys, so that each entry stands in exactly one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from msgspec import Struct

from duecare.ports import Document
from duecare.usecases import table
from duecare_core.domain.reconciliation import DecisionSummary
from duecare_core.evidence.record import Record

# A decision with the longest message id has less than 2 kB here, and an item may have 400 kB.
A_PAGE = 200


class ListedDecision(DecisionSummary, frozen=True, kw_only=True, gc=False):
    """A decision as its page has it; `index` of its entry."""

    index: int


class DecisionPage(Struct, frozen=True):
    """Decisions about one gateway's messages in one minute (UTC), in the order of their entries."""

    decisions: Sequence[ListedDecision]


def pages(entered: Iterable[tuple[int, Record]]) -> Iterator[Document]:
    """The pages of what one move of the head brought: each decision's record with the index of its entry, which only
    grows."""
    minutes: dict[tuple[str, str], list[ListedDecision]] = {}
    for index, record in entered:
        minutes.setdefault((record.gateway, table.minute(record.at)), []).append(_listed(index, record))
    for (gateway, _), decisions in minutes.items():
        for at in range(0, len(decisions), A_PAGE):
            page = DecisionPage(decisions[at : at + A_PAGE])
            first = page.decisions[0]
            yield table.write(table.decision_page(gateway, first.at, first.index), None, page)


def _listed(index: int, record: Record) -> ListedDecision:
    decision: Literal["allow", "deny"] = "allow" if record.decision == "allow" else "deny"
    return ListedDecision(
        message_id=record.message_id,
        decision_id=record.decision_id,
        decision=decision,
        attempt=record.attempt,
        enforced=record.enforced,
        provisional=record.provisional,
        at=record.at,
        valid_until=record.valid_until,
        text_sha256=record.text_sha256,
        index=index,
    )
