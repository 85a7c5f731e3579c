"""Guarantees 3 and 6 under contention: one record a message, and a stop that was acknowledged is always seen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from duecare_core.errors import NotAllowed
from duecare_core.evidence.jose import keys
from tests.races.conftest import Busy, around, together
from tests.support.world import KEYS, RECIPIENT, message, stamp

RECIPIENT_MEMBERS = {"recipient": RECIPIENT, "creditor": "mou-zichan"}


@pytest.mark.parametrize("threads", [2, 50])
@pytest.mark.parametrize("stated", [True, False], ids=["allowed", "denied"])
def test_concurrent_verifies_of_one_message_give_one_record_and_the_same_decision(
    busy: Busy, threads: int, stated: bool
) -> None:
    if stated:
        busy.honest()
    else:
        busy.register()
    decided = together([busy.verify] * threads)
    assert [one.replayed for one in decided].count(False) == 1
    assert len({one.record for one in decided}) == 1
    assert len({one.envelope.signature for one in decided}) == 1
    assert decided[0].record.decision == ("allow" if stated else "deny")
    (item,) = busy.items("X#")
    assert item["version"]["N"] == "1"


def test_concurrent_verifies_of_one_id_with_other_texts_have_one_winner(busy: Busy) -> None:
    busy.honest()

    def verify(n: int) -> Callable[[], str]:
        def call() -> str:
            try:
                return busy.verify(text=message().text + "!" * n).record.text_sha256
            except Exception as error:
                return type(error).__name__

        return call

    told = together([verify(n) for n in range(10)])
    assert told.count("Conflict") == 9
    assert len(busy.items("X#")) == 1


@pytest.mark.parametrize("threads", [2, 20])
def test_an_expired_answer_is_renewed_once_at_a_time_and_stays_one_attempt(busy: Busy, threads: int) -> None:
    busy.honest()
    first = busy.verify()
    busy.now += timedelta(minutes=10)
    decided = together([busy.verify] * threads)
    assert {one.record.attempt for one in decided} == {1}
    assert {one.record.decision for one in decided} == {"allow"}
    assert all(one.record.valid_until > first.record.valid_until for one in decided)
    (item,) = busy.items("X#")
    assert item["version"]["N"] == "2"
    assert {one.envelope.signature for one in decided} == {busy.verify().envelope.signature}


# Every kind of stop: the reason of later verifies, and how it is stated.


def stop(busy: Busy, kind: str) -> None:
    STOPS[kind][1](busy, stamp(busy.now))


STOPS: dict[str, tuple[str, Callable[[Busy, str], Any]]] = {
    "opt-out": (
        "OPTED_OUT",
        lambda busy, now: busy.accepted("xinxi", "opt-out", **RECIPIENT_MEMBERS, received_at=now),
    ),
    "opt-out-of-all": (
        "OPTED_OUT",
        lambda busy, now: busy.accepted("xinxi", "opt-out", recipient=RECIPIENT, creditor="*", received_at=now),
    ),
    "reply": (
        "OPTED_OUT",
        lambda busy, now: busy.accepted("xinxi", "reply", **RECIPIENT_MEMBERS, text="T", received_at=now),
    ),
    "consent-revocation": (
        "CONSENT_REVOKED",
        lambda busy, now: busy.accepted("mou-zichan", "consent-revocation", **RECIPIENT_MEMBERS, revoked_at=now),
    ),
    "dispute": (
        "DEBT_DISPUTED",
        lambda busy, now: busy.accepted("xinxi", "dispute", **RECIPIENT_MEMBERS, claim="paid", received_at=now),
    ),
    "number-reassignment": (
        "NUMBER_REASSIGNED",
        lambda busy, now: busy.accepted("yunyingshang", "number-reassignment", recipient=RECIPIENT, effective_at=now),
    ),
    "debt-withdrawn": ("DEBT_WITHDRAWN", lambda busy, now: busy.debt(status="withdrawn", as_of=now)),
    "mandate-revoked": ("MANDATE_REVOKED", lambda busy, now: busy.mandate(status="revoked", as_of=now)),
    "creditor-suspended": ("CREDITOR_SUSPENDED", lambda busy, _: busy.operate.suspend("mou-zichan")),
    "gateway-suspended": ("GATEWAY_SUSPENDED", lambda busy, _: busy.operate.suspend("xinxi")),
    "creditor-halted": ("HALTED", lambda busy, _: busy.operate.halt_party("mou-zichan", "creditor", on=True)),
    "everything-halted": ("HALTED", lambda busy, _: busy.operate.halt_everything(on=True)),
}


@pytest.mark.parametrize("kind", STOPS)
def test_a_stop_acknowledged_before_a_verify_starts_is_always_seen(busy: Busy, kind: str) -> None:
    busy.honest()

    def verify(thread: int, n: int) -> tuple[str, ...]:
        # In shadow, so that frequency caps do not deny.
        return busy.verify(message_id=f"m-{thread}-{n}", shadow=True).record.reasons

    later = around(lambda: stop(busy, kind), verify)
    assert len(later) == 18
    assert set(later) == {(STOPS[kind][0],)}


@pytest.mark.parametrize("kind", ["opt-out", "gateway-suspended"])
def test_a_stop_is_seen_by_verifies_of_the_very_same_message(busy: Busy, kind: str) -> None:
    busy.honest()
    later = around(lambda: stop(busy, kind), lambda _thread, _n: busy.verify().record.reasons, threads=4)
    assert set(later) == {(STOPS[kind][0],)}
    assert busy.verify().record.reasons == (STOPS[kind][0],)


def test_a_key_revoked_before_a_verify_starts_is_always_refused(busy: Busy) -> None:
    busy.honest()
    kid = keys.thumbprint(KEYS["xinxi"])

    def verify(thread: int, n: int) -> str:
        try:
            return busy.verify(message_id=f"m-{thread}-{n}", shadow=True).record.decision
        except NotAllowed as refused:
            return refused.name

    later = around(lambda: busy.operate.revoke_key("xinxi", kid), verify)
    assert set(later) == {"key-refused"}


class Interrupted:
    """A store that runs something else between a verify's read and its write."""

    def __init__(self, decisions: Any, meanwhile: Callable[[], None]) -> None:
        self._decisions = decisions
        self._meanwhile: Callable[[], None] | None = meanwhile

    def load(self, *what: Any, **how: Any) -> Any:
        loaded = self._decisions.load(*what, **how)
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile:
            meanwhile()
        return loaded

    def record(self, *what: Any) -> Any:
        return self._decisions.record(*what)


@pytest.mark.parametrize("asked_before", [False, True])
def test_a_slow_verify_does_not_replace_a_newer_deny_with_its_allow(busy: Busy, asked_before: bool) -> None:
    busy.honest()
    if asked_before:
        busy.verify()
    quick: list[tuple[str, ...]] = []

    def meanwhile() -> None:
        stop(busy, "opt-out")
        quick.append(busy.verify().record.reasons)

    slow = Busy.__new__(Busy)
    slow.__dict__ |= busy.__dict__
    slow.verify_use_case = type(busy.verify_use_case).__new__(type(busy.verify_use_case))
    slow.verify_use_case.__dict__ |= busy.verify_use_case.__dict__ | {
        "_decisions": Interrupted(busy.decisions, meanwhile)
    }
    told = slow.verify().record
    assert quick == [("OPTED_OUT",)]
    assert told.reasons == ("OPTED_OUT",)
    standing = busy.verify()
    assert (standing.replayed, standing.record) == (True, told)


def test_a_confirmed_consent_is_seen_by_every_later_verify(busy: Busy) -> None:
    """The recipient revoked it, and replies START to a message that was allowed."""
    busy.honest()
    busy.verify(message_id="allowed")
    busy.now += timedelta(seconds=1)
    busy.accepted("xinxi", "consent-revocation", **RECIPIENT_MEMBERS, revoked_at=stamp(busy.now))
    busy.now += timedelta(seconds=1)
    busy.consent(granted_at=stamp(busy.now))
    busy.now += timedelta(seconds=1)
    start = {"recipient": RECIPIENT, "message_id": "allowed", "text": "START", "received_at": stamp(busy.now)}
    later = around(
        lambda: busy.accepted("xinxi", "reply", **start),
        lambda thread, n: busy.verify(message_id=f"m-{thread}-{n}", shadow=True).record.decision,
        threads=3,
    )
    assert set(later) == {"allow"}
