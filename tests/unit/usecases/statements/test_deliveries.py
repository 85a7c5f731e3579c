"""Delivery statements: each instant of a message is stored on its own, once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from duecare.usecases import table
from duecare_core.domain.reconciliation import Delivery
from duecare_core.evidence.record import text_digest
from tests.support.world import CASE_TEXT, World, stamp

SENT = text_digest(CASE_TEXT)


@pytest.fixture
def world() -> World:
    return World().register()


def members(world: World, **changes: Any) -> dict[str, Any]:
    return {"message_id": "m-1", "at": stamp(world.now), "status": "delivered", "text_sha256": SENT} | changes


def stated(world: World, gateway: str = "xinxi") -> list[Delivery]:
    """The stored deliveries of a gateway today."""
    documents = world.documents.partition(table.deliveries(gateway, world.now.date()), "")
    return [msgspec.json.decode(document.body, type=Delivery) for document in documents]


def test_a_delivery_is_stored_with_its_statement_in_the_partition_of_its_day(world: World) -> None:
    statement = world.accepted("xinxi", "delivery", **members(world, at="2026-11-24T17:00:00.25+08:00"))
    (document,) = world.documents.partition("V#xinxi#2026-11-24", "2026-11-24T09:00:00.250000Z#")
    delivery = Delivery(
        message_id="m-1",
        at=world.now + timedelta(milliseconds=250),
        status="delivered",
        text_mac=world.pseudonyms.text(SENT),
        statement=statement,
    )
    assert msgspec.json.decode(document.body, type=Delivery) == delivery
    assert b"2026-11-24T09:00:00.250000Z" in document.body


def test_the_day_is_that_of_utc(world: World) -> None:
    world.accepted("xinxi", "delivery", **members(world, at="2026-11-24T07:30:00+08:00"))
    assert len(world.documents.partition("V#xinxi#2026-11-23", "")) == 1


def test_the_same_again_is_unchanged_however_its_time_is_spelled(world: World) -> None:
    first = world.accepted("xinxi", "delivery", **members(world, at="2026-11-24T09:00:00Z"))
    world.now += timedelta(minutes=5)
    again = world.state("xinxi", "delivery", **members(world, at="2026-11-24T17:00:00.000+08:00"))
    assert (again.status, again.same_as) == ("unchanged", first)
    assert again.statement_id != first
    assert len(stated(world)) == 1


def test_the_same_jws_twice_changes_nothing(world: World) -> None:
    token = world.jws("xinxi", "delivery", **members(world))
    assert [result.status for result in world.state_all("xinxi", [token, token])] == ["accepted", "unchanged"]


@pytest.mark.parametrize("change", [{"status": "failed"}, {"text_sha256": "sha256:" + "0" * 64}])
def test_something_else_about_the_same_message_and_instant_is_a_conflict(world: World, change: dict[str, Any]) -> None:
    first = world.accepted("xinxi", "delivery", **members(world))
    result = world.state("xinxi", "delivery", **members(world, **change))
    assert result.status == "rejected"
    assert result.problem is not None
    assert (result.problem.status, result.problem.name) == (409, "conflict")
    assert [one.statement for one in stated(world)] == [first]


def test_a_message_delivered_twice_is_stored_twice_and_others_of_the_instant_too(world: World) -> None:
    later = stamp(world.now + timedelta(microseconds=1))
    for change in ({}, {"at": later}, {"message_id": "m-2"}, {"message_id": "m-1#"}):
        world.accepted("xinxi", "delivery", **members(world, **change))
    assert sorted(one.message_id for one in stated(world)) == ["m-1", "m-1", "m-1#", "m-2"]


def test_each_gateway_has_its_own(world: World) -> None:
    world.accepted("xinxi", "delivery", **members(world))
    world.accepted("other-gateway", "delivery", **members(world, status="failed"))
    assert [len(stated(world, gateway)) for gateway in ("xinxi", "other-gateway")] == [1, 1]


@pytest.mark.parametrize("party", ["mou-zichan", "keji", "yunyingshang", "shenji"])
def test_only_a_gateway_states_deliveries(world: World, party: str) -> None:
    result = world.state(party, "delivery", **members(world))
    assert result.problem is not None
    assert result.problem.name == "wrong-role"


def test_a_suspended_gateway_states_none(world: World) -> None:
    world.operate.suspend("xinxi")
    stop = world.jws("xinxi", "opt-out", recipient="+8613812345678", creditor="*", received_at=stamp(world.now))
    _, result = world.state_all("xinxi", [stop, world.jws("xinxi", "delivery", **members(world))])
    assert result.problem is not None
    assert result.problem.name == "party-suspended"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"at": "2026-11-24T09:01:01Z"}, "in-the-future"),
        ({"at": "9999-12-31T23:59:59-01:00"}, "out-of-range"),
        ({"at": "2026-11-24T09:00:00"}, "wrong-type-or-form"),
        ({"at": 1_795_510_800}, "wrong-type-or-form"),
        ({"status": "sent"}, "unknown-value"),
        ({"text_sha256": "0" * 64}, "wrong-type-or-form"),
        ({"message_id": ""}, "wrong-type-or-form"),
        ({"message_id": "m\n"}, "wrong-type-or-form"),
        ({"recipient": "+8613812345678"}, "unknown-member"),
    ],
    ids=str,
)
def test_a_bad_delivery_is_rejected_by_name(world: World, change: dict[str, Any], code: str) -> None:
    result = world.state("xinxi", "delivery", **members(world, **change))
    assert result.problem is not None
    assert [violation.code for violation in result.problem.errors] == [code]
    assert stated(world) == []
