"""The pages that list a gateway's logged decisions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec

from duecare.usecases import table
from duecare.usecases.log.decision_pages import MAX_PAGE, DecisionPage, pages
from duecare.usecases.verify.stored_decision import summary
from duecare_core.domain.fields import TextMac
from duecare_core.evidence.sealed_decision import Summary
from tests.support.logs import LoggedWorld

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
_WORLD = LoggedWorld().honest()
_DECIDED = _WORLD.verify().record
_SUMMARY = summary(_WORLD.documents.get([(key := table.decision(_DECIDED.decision_id))])[key])


def decision(number: int = 0, **changes: Any) -> tuple[str, Summary]:
    """The id and the summary of a decision."""
    members = {"message_id": f"m-{number}", "at": NOON, "gateway": "xinxi"}
    return f"{number:026}", _SUMMARY._replace(**members | changes)


def listed(entered: list[tuple[int, str, Summary]]) -> dict[tuple[str, str], list[int]]:
    """The key of each page, with the indexes of the entries that it lists."""
    return {
        tuple(page.key): [one.index for one in table.read(page, DecisionPage).decisions]  # type: ignore[misc]
        for page in pages(entered)
    }


def test_there_is_a_page_for_each_gateway_and_minute() -> None:
    entered = [
        (8, *decision(1)),
        (9, *decision(2, gateway="other")),
        (10, *decision(3, at=NOON + 60 * SECOND)),
        (12, *decision(4, at=NOON + 59 * SECOND)),
        (13, *decision(5, at=NOON - SECOND)),
    ]
    assert listed(entered) == {
        ("G#xinxi#2026-11-24", "2026-11-24T12:00#0000000000000008"): [8, 12],
        ("G#other#2026-11-24", "2026-11-24T12:00#0000000000000009"): [9],
        ("G#xinxi#2026-11-24", "2026-11-24T12:01#0000000000000010"): [10],
        ("G#xinxi#2026-11-24", "2026-11-24T11:59#0000000000000013"): [13],
    }


def test_day_and_minute_are_those_of_utc() -> None:
    there = timezone(timedelta(hours=8))
    late = decision(at=datetime(2026, 11, 25, 7, 30, 5, tzinfo=there))
    assert list(listed([(1, *late)])) == [("G#xinxi#2026-11-24", "2026-11-24T23:30#0000000000000001")]


def test_a_page_is_limited_and_the_keys_are_in_the_order_of_the_log() -> None:
    found = listed([(number, *decision(number)) for number in range(99_900, 99_900 + 2 * MAX_PAGE + 1)])
    assert [len(indexes) for indexes in found.values()] == [MAX_PAGE, MAX_PAGE, 1]
    assert list(found) == sorted(found)
    assert [one for indexes in found.values() for one in indexes] == list(range(99_900, 99_900 + 2 * MAX_PAGE + 1))


def test_the_largest_page_is_far_below_the_limit_of_an_item() -> None:
    worst = decision(message_id="\x01" * 256, text_mac=TextMac("0" * 22))
    (page,) = pages((number, *worst) for number in range(10**15, 10**15 + MAX_PAGE))
    assert len(page.body) < 400 * 1024


def test_a_listed_decision_has_the_members_that_reconciliation_needs() -> None:
    (page,) = pages([(7, *decision(3))])
    assert page.version == 1
    (one,) = msgspec.json.decode(page.body)["decisions"]
    assert one == {
        "message_id": "m-3",
        "decision_id": f"{3:026}",
        "decision": "allow",
        "attempt": 1,
        "enforced": True,
        "provisional": False,
        "at": "2026-11-24T12:00:00Z",
        "valid_until": "2026-11-24T09:02:00Z",
        "text_mac": _SUMMARY.text_mac,
        "index": 7,
    }
