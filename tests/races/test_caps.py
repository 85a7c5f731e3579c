"""Guarantee 6 under contention: a frequency cap of N allows N messages, never N + 1."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

import pytest

from duecare.adapters.backoff import backoff
from duecare_core.domain.rules.frequency_caps import unpack_contacts
from duecare_core.domain.rules.ruleset import Rules
from duecare_core.evidence.item_keys import CONTACTS
from tests.races.conftest import Busy, together
from tests.support.packs import cap, packed, row
from tests.support.world import RECIPIENT, message, stamp

ELEMENTS = row("required", id="elements", jurisdiction="any", elements=["sender_name", "opt_out_wording"])
HOURS = row("quiet_hours", id="hours", quiet=[{"from": "02:00", "to": "03:00"}])


def capped(busy: Busy, number: int, **members: object) -> Busy:
    """The same table with a rule pack that allows this many messages a day."""
    return Busy(busy.endpoint, rules=Rules(pack=packed(cap(number, **members), HOURS, ELEMENTS)), backoff=backoff)


def ledger(world: Busy) -> list[int]:
    items = [item for item in world.items("R#") if item["sk"]["S"] == CONTACTS]
    return [contact.at for item in items for contact in unpack_contacts(item["sealed"]["B"])]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("number", [1, 3, 10])
def test_a_cap_of_n_allows_n_of_fifty(busy: Busy, number: int, seed: int) -> None:
    world = capped(busy, number).honest()
    # Forty messages of two gateways; ten of them by two threads each.
    messages = [(("xinxi", "other-gateway")[n % 2], f"m-{n}") for n in range(40)]
    asked = [*messages, *messages[:10]]
    random.Random(seed).shuffle(asked)

    def verify(gateway: str, message_id: str) -> Callable[[], tuple[str, ...]]:
        return lambda: world.verify(gateway, message_id=message_id).record.reasons

    told = list(zip(asked, together([verify(*one) for one in asked]), strict=True))
    assert len({one for one, reasons in told if not reasons}) == number
    assert {reasons for _, reasons in told if reasons} == {("FREQUENCY_CAP",)}
    assert len(ledger(world)) == number


def test_shadow_decisions_and_rehearsals_do_not_count(busy: Busy) -> None:
    world = capped(busy, 3).honest()
    ahead = world.now + timedelta(hours=20)
    changes = [{}, {"shadow": True}, {"send_at": ahead}] * 10
    decided = together([lambda n=n, change=change: world.verify(message_id=f"m-{n}", **change)  # type: ignore[misc]
                     for n, change in enumerate(changes)])  # fmt: skip
    counted = [one.record for one in decided if one.record.enforced and not one.record.provisional]
    assert [record.decision for record in counted].count("allow") == 3
    assert len(ledger(world)) == 3


def test_the_caps_of_two_recipients_are_independent(busy: Busy) -> None:
    world = capped(busy, 1).honest()
    others = [f"+861381234{n:04}" for n in range(20)]
    for number in others:
        world.consent(recipient=number)
        world.debt(recipient=number)
    decided = together([lambda number=number: world.verify(message_id=number, recipient=number) for number in others])
    assert {one.record.decision for one in decided} == {"allow"}


def test_concurrent_batches_share_one_cap(busy: Busy) -> None:
    world = capped(busy, 5).honest()

    def ask(batch: int) -> Callable[[], list[str]]:
        messages = [message(message_id=f"m-{batch}-{n}") for n in range(4)]
        return lambda: [result.record.decision for result in world.verify_many(*messages)]

    told = [decision for decisions in together([ask(batch) for batch in range(6)]) for decision in decisions]
    assert told.count("allow") == 5
    assert told.count("deny") == 19
    assert len(ledger(world)) == 5


def test_an_opt_out_is_seen_by_all_later_verifies_under_a_cap(busy: Busy) -> None:
    world = capped(busy, 30).honest()
    together([lambda n=n: world.verify(message_id=f"m-{n}") for n in range(10)])  # type: ignore[misc]
    world.accepted("xinxi", "opt-out", recipient=RECIPIENT, creditor="*", received_at=stamp(world.now))
    decided = together([lambda n=n: world.verify(message_id=f"n-{n}") for n in range(10)])  # type: ignore[misc]
    assert {one.record.reasons for one in decided} == {("OPTED_OUT",)}
    assert len(ledger(world)) == 10
