"""Where a number is: what is remembered of an exchange holds for all its lines."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from duecare_core.domain.location import locate as place


@settings(max_examples=1500, deadline=None)
@given(st.integers(200, 999), st.integers(200, 999), st.integers(0, 9999))
def test_in_the_north_american_plan_the_exchange_says_where_a_number_is(area: int, exchange: int, line: int) -> None:
    number = f"+1{area}{exchange}{line:04}"
    assert place._of_number(number) == place._look_up(number)
