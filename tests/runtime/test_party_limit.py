"""A party that floods one process is told to wait, and takes nothing from the others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from duecare.runtime import telemetry
from duecare.runtime.party_limit import PartyLimit
from duecare_core.errors import TooMany
from tests.support import events, functions
from tests.support.world import World


class Monotonic:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Monotonic:
    return Monotonic()


def taken(limit: PartyLimit, party: str, count: int, times: int) -> int:
    """How many of these requests pass."""
    passed = 0
    for _ in range(times):
        try:
            limit.take(party, count)
            passed += 1
        except TooMany:
            pass
    return passed


def test_a_party_has_its_rate_and_a_burst_of_two_seconds(clock: Monotonic) -> None:
    limit = PartyLimit(8, clock)
    assert taken(limit, "xinxi", 1, 100) == 16
    for _ in range(50):
        clock.now += 1
        assert taken(limit, "xinxi", 1, 100) == 8
    clock.now += 3600
    assert taken(limit, "xinxi", 1, 100) == 16


def test_the_others_are_not_affected(clock: Monotonic) -> None:
    limit = PartyLimit(10, clock)
    taken(limit, "xinxi", 1, 100)
    assert taken(limit, "other-gateway", 1, 20) == 20


def test_a_batch_counts_each_message_and_is_paid_off(clock: Monotonic) -> None:
    """A batch is larger than the burst: it passes whole, and the party waits for it."""
    limit = PartyLimit(10, clock)
    limit.take("xinxi", 100)
    with pytest.raises(TooMany) as refused:
        limit.take("xinxi", 1)
    assert (refused.value.status, refused.value.name, refused.value.retry_after) == (429, "too-many-requests", 8)
    clock.now += 7.9
    assert taken(limit, "xinxi", 1, 1) == 0
    clock.now += 0.2
    assert taken(limit, "xinxi", 1, 1) == 1


def test_a_party_that_waits_for_retry_after_is_answered(clock: Monotonic) -> None:
    limit = PartyLimit(3, clock)
    refusals = 0
    for _ in range(20):
        try:
            limit.take("xinxi", 7)
        except TooMany as refused:
            refusals += 1
            clock.now += refused.retry_after + 1e-6
            limit.take("xinxi", 7)
    assert refusals > 0


def test_zero_means_no_limit(clock: Monotonic) -> None:
    assert taken(PartyLimit(0, clock), "xinxi", 100, 1000) == 1000


@pytest.mark.parametrize(
    ("name", "event", "size"),
    [("verify", "verify-honest", 1), ("verify", "verify-batch", 2), ("state", "state-honest", 3)],
)
def test_the_functions_answer_429_with_retry_after_and_read_nothing(
    name: str, event: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for quiet in ("begin", "count", "failed"):
        monkeypatch.setattr(telemetry, quiet, lambda *_, **__: None)
    kind = functions.service_type(name)
    service: Any = kind(functions.unused(kind.settings_type, party_rate=1), clock=World().clock, monotonic=Monotonic())
    party = "mou-zichan" if name == "state" else "xinxi"
    service.party_limit.take(party, 10)  # and no table: reading it would be a 503
    response = functions.handler(name, service)(events.load(event), functions.Context())
    assert (response["statusCode"], response["headers"]["retry-after"]) == (429, "8")
    assert json.loads(response["body"])["type"] == "urn:duecare:problem:too-many-requests"
    taken_before = service.party_limit._full_at[party]
    service.monotonic.now += 8.1
    functions.handler(name, service)(events.load(event), functions.Context())
    assert service.party_limit._full_at[party] == taken_before + size
