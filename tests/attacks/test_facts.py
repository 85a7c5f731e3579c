"""What an interested party may state about the facts, and what it must not gain by it (docs/threats.md).

Each test is the attack: a creditor, collector or gateway states something true in form, and the recipient's own act, or
another party's right, must hold all the same.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from duecare.usecases.statements.accept import StatementResult
from duecare_core.domain.facts.merge import MAX_DISPUTED_DEBTS
from tests.support.world import DAY, RECIPIENT, World, consent_members, debt_members, mandate_members, message, stamp

SECOND = timedelta(seconds=1)
PERSON = {"recipient": RECIPIENT, "creditor": "mou-zichan"}


@pytest.fixture
def world() -> World:
    return World().honest()


def problem(result: StatementResult) -> str:
    assert result.status == "rejected", result
    assert result.problem is not None
    return result.problem.name


def revoke(world: World, **changes: Any) -> str:
    return world.accepted("xinxi", "consent-revocation", **PERSON | {"revoked_at": stamp(world.now)} | changes)


def dispute(world: World, party: str = "xinxi", /, **changes: Any) -> str:
    members = PERSON | {"claim": "not_mine", "received_at": stamp(world.now)} | changes
    return world.accepted(party, "dispute", **members)


def start(world: World, message_id: str, gateway: str = "xinxi", /, **changes: Any) -> StatementResult:
    """The recipient's START, as this gateway states it."""
    members = {"recipient": RECIPIENT, "message_id": message_id, "text": "START", "received_at": stamp(world.now)}
    result = world.state(gateway, "reply", **members | changes)
    assert result.status == "accepted", result
    return result


# Dated ahead

AHEAD = [
    ("mou-zichan", "consent", consent_members, "granted_at"),
    ("mou-zichan", "debt", debt_members, "as_of"),
    ("mou-zichan", "mandate", mandate_members, "as_of"),
]


@pytest.mark.parametrize(("party", "kind", "members", "dated"), AHEAD, ids=[kind for _, kind, _, _ in AHEAD])
def test_nothing_that_opens_is_dated_ahead_and_the_error_has_the_services_clock(
    world: World, party: str, kind: str, members: Any, dated: str
) -> None:
    ahead = world.now + timedelta(microseconds=1)
    result = world.state(party, kind, **members(world.now, **{dated: stamp(ahead)}))
    assert problem(result) == "dated-ahead"
    assert result.problem is not None
    assert result.problem.server_time == world.now
    assert world.state(party, kind, **members(world.now, **{dated: stamp(world.now)})).status == "accepted"


def test_a_start_is_not_dated_ahead(world: World) -> None:
    world.verify(message_id="allowed")
    members = {"recipient": RECIPIENT, "message_id": "allowed", "text": "START"}
    result = world.state("xinxi", "reply", **members, received_at=stamp(world.now + SECOND))
    assert problem(result) == "dated-ahead"


def test_a_consent_dated_ahead_beats_no_later_revocation(world: World) -> None:
    world.state("mou-zichan", "consent", **consent_members(world.now, granted_at=stamp(world.now + 55 * SECOND)))
    revoke(world)
    world.now += timedelta(hours=1)
    assert world.reasons() == ["CONSENT_REVOKED"]


def test_a_stop_dated_ahead_merges_with_the_services_clock_and_hides_no_later_one(world: World) -> None:
    """A rogue's stop from the future would otherwise be the newest one, also after the recipient's own START."""
    world.verify(message_id="allowed")
    for kind, dated in (("opt-out", "received_at"), ("consent-revocation", "revoked_at")):
        world.accepted("other-gateway", kind, **PERSON, **{dated: stamp(world.now + 60 * SECOND)})
    world.now += 2 * SECOND
    start(world, "allowed")
    assert "OPTED_OUT" not in world.reasons()


@pytest.mark.parametrize(
    ("kind", "dated"), [("opt-out", "received_at"), ("consent-revocation", "revoked_at"), ("dispute", "received_at")]
)
def test_what_protects_is_refused_only_when_dated_more_than_a_minute_ahead(world: World, kind: str, dated: str) -> None:
    members = PERSON | ({"claim": "paid"} if kind == "dispute" else {})
    far = world.state("xinxi", kind, **members, **{dated: stamp(world.now + 61 * SECOND)})
    assert far.status == "rejected"
    world.accepted("xinxi", kind, **members, **{dated: stamp(world.now + 60 * SECOND)})
    assert world.reasons() != []


# Equal instants


def test_at_one_instant_a_reassignment_beats_consent_and_debt() -> None:
    world = World().register()
    world.engage()
    world.consent(granted_at=stamp(world.now))
    world.debt(as_of=stamp(world.now))
    assert world.reasons() == []
    world.accepted("yunyingshang", "number-reassignment", recipient=RECIPIENT, effective_at=stamp(world.now))
    assert world.reasons() == ["NUMBER_REASSIGNED"]


def test_at_one_instant_a_dispute_beats_the_debt_that_answers_it(world: World) -> None:
    disputed = dispute(world)
    world.debt(as_of=stamp(world.now), answers_dispute=disputed)
    assert world.reasons() == ["DEBT_DISPUTED"]


# Disputes


def test_bogus_disputes_do_not_keep_the_recipients_own_out(world: World) -> None:
    for number in range(60):
        dispute(world, "keji", debt_ref=f"BOGUS-{number}")
    world.debt(debt_ref="A-2", as_of=stamp(world.now))
    own = dispute(world, debt_ref="A-2", claim="paid", received_at=stamp(world.now + SECOND))
    world.now += 2 * SECOND
    decided = world.verify(message_id="m-9", debt_ref="A-2", shadow=True)
    assert decided.record.reasons == ("DEBT_DISPUTED",)
    assert own in decided.record.relied_on


def test_beyond_so_many_debts_a_dispute_covers_all_debts_and_is_never_refused(world: World) -> None:
    for number in range(MAX_DISPUTED_DEBTS):
        dispute(world, debt_ref=f"D-{number}")
    assert world.reasons() == []
    one_too_many = dispute(world, debt_ref="ONE-MORE")
    assert world.reasons() == ["DEBT_DISPUTED"]
    world.now += SECOND
    world.debt(as_of=stamp(world.now), answers_dispute=one_too_many)
    assert world.reasons() == []


def test_a_dispute_about_a_debt_that_is_not_on_file_blocks_that_debt_alone(world: World) -> None:
    dispute(world, debt_ref="LATER")
    assert world.reasons() == []
    world.now += SECOND
    world.debt(debt_ref="LATER", as_of=stamp(world.now))
    assert world.reasons(debt_ref="LATER") == ["DEBT_DISPUTED"]
    assert world.reasons() == []


def test_a_dispute_of_all_debts_is_not_dodged_by_another_name_for_the_debt(world: World) -> None:
    disputed = dispute(world)
    world.now += SECOND
    world.debt(debt_ref="L-1b", as_of=stamp(world.now))
    assert world.reasons() == world.reasons(debt_ref="L-1b") == ["DEBT_DISPUTED"]
    world.now += SECOND
    world.debt(debt_ref="L-1b", as_of=stamp(world.now), answers_dispute=disputed)
    assert world.reasons(debt_ref="L-1b") == []
    assert world.reasons(debt_ref="A-1") == ["DEBT_DISPUTED"]


def test_disputes_fold_into_the_newest_and_only_an_answer_to_that_one_frees(world: World) -> None:
    first = dispute(world)
    world.now += SECOND
    second = dispute(world)
    world.now += SECOND
    world.debt(as_of=stamp(world.now), answers_dispute=first)  # accepted, and frees nothing
    assert world.reasons() == ["DEBT_DISPUTED"]
    world.now += SECOND
    world.debt(as_of=stamp(world.now), answers_dispute=second)
    assert world.reasons() == []
    world.now += SECOND
    world.debt(as_of=stamp(world.now))  # an answer stays given
    assert world.reasons() == []


def test_the_same_dispute_under_another_jws_is_unchanged_and_may_be_answered_by_either_id(world: World) -> None:
    members = PERSON | {"claim": "not_mine", "received_at": stamp(world.now)}
    first = world.accepted("xinxi", "dispute", **members)
    world.now += SECOND
    again = world.state("xinxi", "dispute", **members)
    assert (again.status, again.same_as) == ("unchanged", first)
    world.debt(as_of=stamp(world.now), answers_dispute=again.statement_id)
    assert world.reasons() == []


def test_each_claim_about_a_debt_is_answered_for_itself(world: World) -> None:
    paid = dispute(world, debt_ref="A-1", claim="paid")
    amount = dispute(world, debt_ref="A-1", claim="wrong_amount")
    world.now += SECOND
    world.debt(as_of=stamp(world.now), answers_dispute=paid)
    assert world.reasons() == ["DEBT_DISPUTED"]
    world.now += SECOND
    world.debt(as_of=stamp(world.now), answers_dispute=amount)
    assert world.reasons() == []


# Other people's stops


@pytest.mark.parametrize("party", ["mou-zichan", "other-bank", "keji", "other-collector"])
def test_only_a_gateway_mutes_a_number_for_everybody(world: World, party: str) -> None:
    stop = {"recipient": RECIPIENT, "creditor": "*", "received_at": stamp(world.now)}
    assert problem(world.state(party, "opt-out", **stop)) == "wrong-role"
    assert world.reasons() == []


def test_a_start_counts_only_on_the_gateways_own_allow(world: World) -> None:
    world.verify(message_id="allowed")
    world.verify("other-gateway", message_id="denied", text="【某资产】欠款1元,退订回T")
    world.verify("other-gateway", message_id="shadow", shadow=True)
    world.verify("other-gateway", message_id="rehearsed", send_at=world.now + timedelta(hours=20))
    world.accepted("xinxi", "opt-out", **PERSON, received_at=stamp(world.now))
    world.now += SECOND
    for message_id in ("allowed", "denied", "shadow", "rehearsed", "never-asked"):
        start(world, message_id, "other-gateway")
    start(world, "never-asked", "other-gateway", creditor="mou-zichan")
    assert world.reasons() == ["OPTED_OUT"]
    start(world, "allowed")
    assert world.reasons() == []


def test_a_start_without_a_message_lifts_nothing(world: World) -> None:
    world.verify(message_id="allowed")
    world.accepted("xinxi", "opt-out", **PERSON, received_at=stamp(world.now))
    world.now += SECOND
    result = world.state("xinxi", "reply", **PERSON, text="START", received_at=stamp(world.now))
    assert (result.status, result.read_as) == ("accepted", "opt_in")
    assert world.reasons() == ["OPTED_OUT"]


def test_a_start_about_another_number_lifts_nothing(world: World) -> None:
    other = "+8613912345678"
    for kind, members in (("consent", consent_members), ("debt", debt_members)):
        world.accepted("mou-zichan", kind, **members(world.now, recipient=other))
    world.verify(message_id="to-other", recipient=other)
    world.accepted("xinxi", "opt-out", **PERSON, received_at=stamp(world.now))
    world.now += SECOND
    start(world, "to-other")
    assert world.reasons() == ["OPTED_OUT"]


def test_a_start_dated_before_the_allow_that_it_names_lifts_nothing(world: World) -> None:
    world.accepted("xinxi", "opt-out", **PERSON, received_at=stamp(world.now - DAY))
    assert world.reasons() == ["OPTED_OUT"]
    backdated = stamp(world.now - timedelta(hours=1))
    world.verify(message_id="denied")
    start(world, "denied", received_at=backdated)
    assert world.reasons() == ["OPTED_OUT"]


def test_a_start_counts_after_a_later_attempt_was_denied_and_its_case_can_be_replayed(world: World) -> None:
    world.verify(message_id="m-1")
    world.accepted("xinxi", "opt-out", **PERSON, received_at=stamp(world.now))
    world.now += SECOND
    assert world.verify(message_id="m-1").record.reasons == ("OPTED_OUT",)
    world.now += SECOND
    start(world, "m-1")
    assert world.verify(message_id="m-1").record.reasons == ()


def test_a_start_does_not_count_once_the_number_has_a_new_holder(world: World) -> None:
    world.verify(message_id="allowed")
    world.accepted("xinxi", "opt-out", **PERSON, received_at=stamp(world.now))
    world.now += SECOND
    world.accepted("yunyingshang", "number-reassignment", recipient=RECIPIENT, effective_at=stamp(world.now))
    world.now += SECOND
    start(world, "allowed")
    world.consent(granted_at=stamp(world.now))
    world.debt(as_of=stamp(world.now))
    assert world.reasons() == ["OPTED_OUT", "CONSENT_UNCONFIRMED"]


# Consent after a revocation


def test_a_creditor_does_not_renew_a_consent_that_the_recipient_revoked(world: World) -> None:
    world.verify(message_id="allowed")
    revoke(world)
    world.now += SECOND
    world.consent(granted_at=stamp(world.now))
    assert world.reasons() == ["CONSENT_UNCONFIRMED"]
    world.now += SECOND
    start(world, "allowed")
    assert world.reasons() == []
    world.now += SECOND
    world.consent(granted_at=stamp(world.now), method="web")  # a confirmation covers nothing that is granted later
    assert world.reasons() == ["CONSENT_UNCONFIRMED"]


def test_a_start_never_revives_the_revoked_consent_itself(world: World) -> None:
    world.verify(message_id="allowed")
    revoke(world)
    world.now += SECOND
    start(world, "allowed")
    assert world.reasons() == ["CONSENT_REVOKED"]


def test_a_revocation_that_arrives_late_makes_a_consent_given_since_unconfirmed(world: World) -> None:
    world.now += DAY
    world.consent(granted_at=stamp(world.now))
    assert world.reasons() == []
    revoke(world, revoked_at=stamp(world.now - timedelta(hours=1)))
    assert world.reasons() == ["CONSENT_UNCONFIRMED"]


def test_a_reassignment_known_by_its_date_covers_the_whole_day_everywhere(world: World) -> None:
    today = world.now.date().isoformat()
    world.consent(granted_at=stamp(world.now))
    world.debt(as_of=stamp(world.now))
    world.accepted("yunyingshang", "number-reassignment", recipient=RECIPIENT, effective_at=today)
    assert world.reasons() == ["NUMBER_REASSIGNED"]
    world.now = world.now.replace(hour=12, minute=0) + DAY  # 24:00 of that date at UTC-12
    world.debt(as_of=stamp(world.now))
    world.consent(granted_at=stamp(world.now))
    assert world.reasons() == ["NUMBER_REASSIGNED"]
    world.now += SECOND
    world.debt(as_of=stamp(world.now))
    world.consent(granted_at=stamp(world.now))
    assert "NUMBER_REASSIGNED" not in world.reasons()
    assert "CONSENT_UNCONFIRMED" in world.reasons()


def test_a_reassignment_of_a_day_that_has_not_begun_anywhere_is_rejected(world: World) -> None:
    for days, status in ((0, "accepted"), (1, "rejected"), (-1, "accepted")):
        day = (world.now + days * DAY).date().isoformat()
        assert world.state("xinxi", "number-reassignment", recipient=RECIPIENT, effective_at=day).status == status
    world.now = world.now.replace(hour=10, minute=0)  # tomorrow has begun at UTC+14
    tomorrow = (world.now + DAY).date().isoformat()
    assert world.state("xinxi", "number-reassignment", recipient=RECIPIENT, effective_at=tomorrow).status == "accepted"


# Replays


def test_a_replay_never_rests_on_a_debt_that_no_longer_carries_it(world: World) -> None:
    other = world.debt(debt_ref="A-2", as_of=stamp(world.now))
    first = world.verify()
    assert other in first.record.relied_on  # the newest
    dispute(world, debt_ref="A-2")
    again = world.verify()
    assert (again.record.decision, again.replayed, again.record.attempt) == ("allow", False, 2)
    assert other not in again.record.relied_on


def test_a_replay_never_outlasts_a_fresh_answer(world: World) -> None:
    first = world.verify()
    assert first.record.valid_until == world.now + 120 * SECOND
    world.now += SECOND
    ends = world.now + 30 * SECOND
    world.debt(as_of=stamp(world.now - SECOND), valid_until=stamp(ends))
    again = world.verify()
    assert again.record.valid_until == ends


def test_a_consent_given_anew_is_another_outcome(world: World) -> None:
    first = world.verify()
    world.now += SECOND
    renewed = world.consent(granted_at=stamp(world.now))
    again = world.verify()
    assert (again.replayed, again.record.attempt) == (False, 2)
    assert renewed in again.record.relied_on
    assert renewed not in first.record.relied_on


def test_messages_of_one_batch_are_replayed_only_on_what_they_rest_on(world: World) -> None:
    (first,) = world.verify_many(message(message_id="b-1"))
    world.now += SECOND
    world.debt(as_of=stamp(world.now))
    (again,) = world.verify_many(message(message_id="b-1"))
    assert (first.record.attempt, again.record.attempt) == (1, 2)
