"""How long copies are kept: as long as the longest row asks, and never under five months."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from duecare_core.domain.rules.retention import MIN_RETENTION, retention, shortest_retention
from tests.support.packs import PACK, hours, packed, row


def kept(*periods: str) -> list[dict[str, Any]]:
    return [
        row("records", id=f"x-{number}", what="collection", keep=period, after="contact")
        for number, period in enumerate(periods)
    ]


def test_the_shipped_pack_keeps_five_years_and_lets_nothing_go_before_half_a_year() -> None:
    assert retention(PACK) == timedelta(days=5 * 366)
    assert shortest_retention(PACK) == timedelta(days=6 * 31)


def test_the_longest_row_counts_wherever_it_stands() -> None:
    pack = packed(*kept("P6M", "P7Y", "P90D"))
    assert retention(pack) == timedelta(days=7 * 366)
    pack = packed(kept("P1Y")[0], kept("P9Y")[0] | {"id": "y", "jurisdiction": "US-MA", "until": "2020-01-01"})
    assert retention(pack) == timedelta(days=9 * 366)


def test_no_pack_keeps_less_than_five_months() -> None:
    for pack in (packed(hours("08:00-21:00")), packed(*kept("P1D")), packed(*kept("P2M", "P30D"))):
        assert retention(pack) == shortest_retention(pack) == MIN_RETENTION


def test_the_shortest_row_is_the_least() -> None:
    pack = packed(*kept("P2Y", "P7Y"))
    assert shortest_retention(pack) == timedelta(days=2 * 366)


@pytest.mark.parametrize("start", [date(2023, 1, 31), date(2024, 2, 29), date(2026, 6, 30)])
def test_no_period_is_shorter_than_the_calendars(start: date) -> None:
    years = packed(*kept("P5Y"))
    assert start + retention(years) >= date(start.year + 5, start.month, 28)
    later = start.month + 7 - 12 if start.month + 7 > 12 else start.month + 7
    months = packed(*kept("P7M"))
    assert start + retention(months) >= date(start.year + (start.month + 7 > 12), later, 28)
