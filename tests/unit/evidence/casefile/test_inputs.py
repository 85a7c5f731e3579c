"""The counted contacts in a decision's inputs: enough to replay it, nothing about other parties, of bounded size."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from duecare.adapters.dynamodb.items import item
from duecare.usecases import table
from duecare.usecases.verify.stored_decision import StoredDecision, unpack
from duecare_core.evidence.casefile.inputs import CountedContact, Inputs, decode
from tests.support.world import DAY, World, consent_members, debt_members, stamp

OTHERS = {"creditor": "other-bank", "collector": None, "text": "Other Bank: 欠款5元,退订回T"}
UNIT = 1024


@pytest.fixture
def world() -> World:
    world = World().honest()
    world.accepted("other-bank", "consent", **consent_members(world.now))
    world.accepted("other-bank", "debt", **debt_members(world.now, debt_ref="B-77", outstanding="5"))
    return world


def inputs_of(world: World, decided: StoredDecision) -> Inputs:
    key = table.decision(decided.record.decision_id)
    return decode(unpack(world.documents.get([key])[key], world.inputs_key).inputs)


def weight(stored: dict[str, Any]) -> int:
    """Bytes, as DynamoDB counts: names, texts in UTF-8, bytes as they are, and two for a small number."""
    size = 0
    for name, value in stored.items():
        ((kind, text),) = value.items()
        size += len(name) + {"S": len(text.encode()), "B": len(text) * 3 // 4, "N": 2}[kind]
    return size


def seconds(at: datetime) -> int:
    return int(at.timestamp())


def test_each_counted_message_is_kept_without_what_the_reader_must_not_learn(world: World) -> None:
    began = world.now
    world.verify("other-gateway", message_id="secret-message-of-another", **OTHERS)
    world.now += timedelta(minutes=1)
    world.verify(message_id="m-1")
    world.now += timedelta(minutes=1)
    decided = world.verify(message_id="m-2")
    assert inputs_of(world, decided).counted == (
        CountedContact(at=seconds(began), channel="sms", own=False, debt=""),
        CountedContact(at=seconds(began + timedelta(minutes=1)), channel="sms", own=True, debt="A-1"),
    )


def test_a_contact_that_no_cap_counts_is_not_kept(world: World) -> None:
    world.verify(message_id="m-1")
    world.now += DAY
    world.debt(as_of=stamp(world.now))
    assert inputs_of(world, world.verify(message_id="m-2")).counted == ()


def test_a_deny_keeps_the_contacts_on_which_its_retry_at_depends(world: World) -> None:
    for number in range(3):
        world.verify(message_id=f"m-{number}")
    denied = world.verify(message_id="m-3")
    assert denied.record.reasons == ("FREQUENCY_CAP",)
    assert denied.record.retry_at
    assert len(inputs_of(world, denied).counted) == 3


def test_a_message_that_is_asked_about_again_does_not_keep_itself(world: World) -> None:
    world.verify(message_id="m-1")
    world.now += timedelta(minutes=5)
    assert inputs_of(world, world.verify(message_id="m-1")).counted == ()


def test_the_retry_of_one_debt_and_then_of_another_is_made_again(world: World) -> None:
    """Australia counts by debt. When the cap opens, the debt that the message was about is stale, and another one
    speaks for it: the answer rests on both debts' contacts. `verify` itself holds each decision against its replay."""
    there = {"recipient": "+61292223333"}
    text = "【某资产】You owe 27911元. 退订回T. Reply STOP to opt out."
    asked = there | {"text": text}
    world.now = datetime(2026, 11, 24, 2, tzinfo=UTC)
    world.consent(**there)
    a_debt = there | {"region": "AU-NSW", "time_zone": "Australia/Sydney"}
    world.debt(**a_debt, debt_ref="A-2", as_of=stamp(world.now - DAY))
    world.debt(**a_debt, debt_ref="A-1", as_of=stamp(world.now), valid_until=stamp(world.now + 6 * DAY))
    for number in range(3):
        world.verify(**asked, message_id=f"a-{number}", debt_ref="A-1")
    world.now += DAY
    for number in range(3):
        world.verify(**asked, message_id=f"b-{number}", debt_ref="A-2")
    world.now += DAY
    denied = world.verify(**asked, message_id="m")
    assert denied.record.reasons == ("FREQUENCY_CAP",)
    assert denied.record.retry_at == datetime(2026, 12, 2, 2, tzinfo=UTC)
    assert [one.debt for one in inputs_of(world, denied).counted] == ["A-1"] * 3 + ["A-2"] * 3


def test_an_allow_with_all_that_was_counted_fits_one_write_unit(world: World) -> None:
    for number in range(2):
        world.verify(message_id=f"20261124-0017364-00000000{number}")
    decided = world.verify(message_id="20261124-0017364-000000003")
    key = table.decision(decided.record.decision_id)
    assert decided.record.decision == "allow"
    assert len(inputs_of(world, decided).counted) == 2
    assert weight(item(world.documents.get([key])[key])) <= UNIT
