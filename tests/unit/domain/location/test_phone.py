"""One person, one key."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duecare_core.domain.location.phone import canonical_number, is_e164, todays_number
from tests.support.world import World, consent_members, stamp

# The old spelling and the number of today.
RENUMBERED = {
    "Mexico, 1 before mobile numbers": ("+5215512345678", "+525512345678"),
    "Benin, 8 digits": ("+22997123456", "+2290197123456"),
    "Ivory Coast, Moov": ("+22502123456", "+2250102123456"),
    "Ivory Coast, MTN": ("+22545123456", "+2250545123456"),
    "Ivory Coast, Orange": ("+22507123456", "+2250707123456"),
    "Gabon, with the 0": ("+24107123456", "+24177123456"),
    "Gabon, without the 0": ("+2416123456", "+24166123456"),
    "Argentina, 9 before mobile numbers": ("+5491123456789", "+541123456789"),
    "Brazil, 8 digits": ("+551187654321", "+5511987654321"),
    "Colombia, a fixed line": ("+5712345678", "+576012345678"),
    "Vietnam, MobiFone": ("+841201234567", "+84701234567"),
    "Vietnam, Viettel": ("+841691234567", "+84391234567"),
    "Vietnam, Gmobile": ("+841991234567", "+84591234567"),
}


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


@pytest.mark.parametrize(
    "number",
    [
        "+8613812345678",
        "+549112345678",
        "+525512345678",
        "+12025550123",
        "+551171234567",
        "+551123456789",
        "+84912345678",
    ],
)
def test_every_other_number_is_its_own_key(number: str) -> None:
    assert canonical_number(number) == number


@pytest.mark.parametrize(("old", "new"), RENUMBERED.values(), ids=RENUMBERED)
def test_an_old_spelling_becomes_the_number_of_today(old: str, new: str) -> None:
    assert todays_number(old) == new
    assert todays_number(new) == new
    assert phonenumbers.is_valid_number(phonenumbers.parse(new))


@pytest.mark.parametrize(
    ("spelling", "number"), [("+4407911123456", "+447911123456"), ("+86013812345678", "+8613812345678")]
)
def test_a_spelling_with_a_trunk_prefix_becomes_the_number_of_today(spelling: str, number: str) -> None:
    assert todays_number(spelling) == number


@pytest.mark.parametrize("number", ["+1202555", "+", "", "garbage", "+999123456789", "+229123"])
def test_what_is_no_number_has_none_of_today(number: str) -> None:
    assert todays_number(number) is None


@given(st.from_regex(r"\+(22[59]|241|5[2457]|84|86|1|44)[0-9]{5,11}", fullmatch=True))
def test_a_number_of_today_stays_as_it_is(number: str) -> None:
    assert canonical_number(canonical_number(number)) == canonical_number(number)
    today = todays_number(number)
    assert today is None or todays_number(today) == today == canonical_number(today)


STOPS = {
    "opt-out": ({"creditor": "mou-zichan", "received_at": ""}, "OPTED_OUT"),
    "reply": ({"creditor": "mou-zichan", "text": "T", "received_at": ""}, "OPTED_OUT"),
    "consent-revocation": ({"creditor": "mou-zichan", "revoked_at": ""}, "CONSENT_REVOKED"),
    "dispute": ({"creditor": "mou-zichan", "claim": "not_mine", "received_at": ""}, "DEBT_DISPUTED"),
    "number-reassignment": ({"effective_at": ""}, "NUMBER_REASSIGNED"),
}


@pytest.mark.parametrize("kind", STOPS)
@pytest.mark.parametrize(("old", "new"), RENUMBERED.values(), ids=RENUMBERED)
def test_a_stop_about_an_old_spelling_counts_for_the_number_of_today(kind: str, old: str, new: str) -> None:
    members, code = STOPS[kind]
    world = World()
    world.register()
    world.engage()
    world.consent(recipient=new)
    world.debt(recipient=new)
    stated = {name: value or stamp(world.now) for name, value in members.items()}
    world.accepted("xinxi", kind, recipient=old, **stated)
    assert code in world.reasons(recipient=new)


def test_a_fact_that_opens_is_not_taken_about_a_spelling_that_is_not_in_use() -> None:
    world = World().honest()
    result = world.state("mou-zichan", "consent", **consent_members(world.now, recipient="+5215512345678"))
    assert result.problem
    assert result.problem.errors[0].code == "not-e164"
