"""One person, one key."""

from __future__ import annotations

import pytest

from duecare_core.domain.location.phone import canonical_number, is_e164
from tests.support.world import World, stamp


@pytest.mark.parametrize("number", ["+8613812345678", "+12025550123", "+447911123456", "+5491123456789"])
def test_a_number_in_its_one_spelling_is_taken(number: str) -> None:
    assert is_e164(number)


@pytest.mark.parametrize(
    "number", ["+4407911123456", "+86013812345678", "+1202555", "+5215512345678", "13812345678", "+"]
)
def test_another_spelling_is_not(number: str) -> None:
    assert not is_e164(number)


def test_a_mobile_number_that_is_written_in_two_ways_is_one_person() -> None:
    one, other = "+5491123456789", "+541123456789"
    assert canonical_number(one) == canonical_number(other)
    world = World().honest()
    world.accepted("xinxi", "opt-out", recipient=one, creditor="mou-zichan", received_at=stamp(world.now))
    assert "OPTED_OUT" in world.reasons(recipient=other)


@pytest.mark.parametrize("number", ["+8613812345678", "+549112345678", "+525512345678", "+12025550123"])
def test_every_other_number_is_its_own_key(number: str) -> None:
    assert canonical_number(number) == number
