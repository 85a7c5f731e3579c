"""Each reason of the contract: the facts that cause it, those that remove it, and the order of reasons."""

from __future__ import annotations

from datetime import timedelta

import pytest

from duecare_core.domain.decision.decision import Reason
from duecare_core.domain.decision.reasons import REASONS
from tests.support.world import CASE_TEXT, DAY, RECIPIENT, World, debt_members, stamp

SUBJECT_A, SUBJECT_B = "sha256:" + "a" * 64, "sha256:" + "b" * 64


@pytest.fixture
def world() -> World:
    return World().honest()


def test_the_message_of_the_case_is_denied_with_its_two_reasons() -> None:
    world = World().register()
    world.engage()
    decided = world.verify(text=CASE_TEXT)
    assert decided.record.decision == "deny"
    assert decided.record.reasons == ("CONSENT_MISSING", "DEBT_MISSING")


def test_an_honest_message_is_allowed(world: World) -> None:
    decided = world.verify()
    assert decided.record.decision == "allow"
    assert decided.record.reasons == ()


def test_reasons_are_in_the_order_of_the_contract() -> None:
    assert " ".join(REASONS) == (
        "HALTED GATEWAY_SUSPENDED CREDITOR_UNKNOWN CREDITOR_SUSPENDED COLLECTOR_UNKNOWN COLLECTOR_SUSPENDED "
        "MANDATE_MISSING MANDATE_EXPIRED MANDATE_REVOKED ROUTE_MISSING ROUTE_EXPIRED ROUTE_REVOKED "
        "OPTED_OUT NUMBER_REASSIGNED CONSENT_MISSING "
        "CONSENT_REVOKED CONSENT_EXPIRED CONSENT_CHANNEL CONSENT_UNCONFIRMED DEBT_MISSING DEBT_SETTLED "
        "DEBT_WITHDRAWN DEBT_DISPUTED "
        "DEBT_STALE DEBT_COLLECTOR SUBJECT_MISMATCH TEXT_SENDER TEXT_AMOUNT TEXT_OPT_OUT TEXT_DISCLOSURE "
        "TEXT_FORBIDDEN QUIET_HOURS FREQUENCY_CAP"
    )


def test_a_decision_has_all_reasons_in_order(world: World) -> None:
    world.operate.halt_everything(on=True)
    world.operate.suspend("xinxi")
    world.operate.suspend("mou-zichan")
    world.operate.suspend("keji")
    world.accepted("xinxi", "opt-out", recipient=RECIPIENT, creditor="*", received_at=stamp(world.now))
    world.accepted(
        "xinxi", "consent-revocation", recipient=RECIPIENT, creditor="mou-zichan", revoked_at=stamp(world.now)
    )
    world.accepted(
        "xinxi", "dispute", recipient=RECIPIENT, creditor="mou-zichan", claim="paid", received_at=stamp(world.now)
    )
    world.now += 40 * DAY
    assert world.reasons(text="【另一家】欠款27911元") == [
        "HALTED",
        "GATEWAY_SUSPENDED",
        "CREDITOR_SUSPENDED",
        "COLLECTOR_SUSPENDED",
        "OPTED_OUT",
        "CONSENT_REVOKED",
        "DEBT_DISPUTED",
        "DEBT_STALE",
        "TEXT_SENDER",
        "TEXT_OPT_OUT",
    ]


# Parties and mandates


def test_an_unknown_creditor_silences_everything_about_mandate_route_and_recipient(world: World) -> None:
    assert world.reasons(creditor="nobody") == ["CREDITOR_UNKNOWN"]


def test_an_unknown_collector_silences_the_mandate(world: World) -> None:
    assert world.reasons(collector="nobody") == ["COLLECTOR_UNKNOWN"]


def test_a_party_without_the_role_is_unknown_in_that_role(world: World) -> None:
    assert world.reasons(collector="shenji") == ["COLLECTOR_UNKNOWN"]
    assert world.reasons(creditor="keji", collector=None) == ["CREDITOR_UNKNOWN"]


def test_a_creditor_collecting_for_itself_needs_no_mandate(world: World) -> None:
    assert world.reasons(collector=None) == []
    assert world.reasons(collector="mou-zichan") == []


def test_a_collector_without_a_mandate_is_denied(world: World) -> None:
    assert world.reasons(collector="other-collector") == ["MANDATE_MISSING", "ROUTE_MISSING"]


def test_a_mandate_for_other_channels_is_missing(world: World) -> None:
    world.mandate(channels=["voice"], as_of=stamp(world.now))
    assert world.reasons() == ["MANDATE_MISSING"]


def test_a_mandate_that_is_not_valid_yet_is_missing_and_no_later_time_is_named(world: World) -> None:
    world.mandate(as_of=stamp(world.now), valid_from=stamp(world.now + DAY))
    decided = world.verify()
    assert decided.record.reasons == ("MANDATE_MISSING",)
    assert decided.record.retry_at is None


def test_retry_at_is_absent_where_time_alone_does_not_cure_every_reason() -> None:
    world = World().register()
    world.engage()
    world.now = world.now.replace(hour=15)
    decided = world.verify()
    assert decided.record.reasons == ("CONSENT_MISSING", "DEBT_MISSING", "QUIET_HOURS")
    assert decided.record.retry_at is None


def test_a_mandate_ends_at_its_last_instant(world: World) -> None:
    world.mandate(as_of=stamp(world.now), valid_until=stamp(world.now + DAY))
    world.now += DAY - timedelta(microseconds=1)
    assert world.reasons() == []
    world.now += timedelta(microseconds=1)
    assert world.reasons() == ["MANDATE_EXPIRED"]


def test_a_revoked_mandate_has_its_own_reason(world: World) -> None:
    world.mandate(as_of=stamp(world.now), status="revoked")
    assert world.reasons() == ["MANDATE_REVOKED"]


@pytest.mark.parametrize(("party", "role"), [("mou-zichan", "creditor"), ("xinxi", "gateway")])
def test_a_halt_stops_one_party_and_can_be_lifted(world: World, party: str, role: str) -> None:
    world.operate.halt_party(party, role, on=True)
    assert world.reasons() == ["HALTED"]
    world.operate.halt_party(party, role, on=False)
    assert world.reasons() == []


# Stops


@pytest.mark.parametrize("creditor", ["mou-zichan", "*"])
def test_an_opt_out_stops_every_collector_of_the_creditor(world: World, creditor: str) -> None:
    world.accepted("xinxi", "opt-out", recipient=RECIPIENT, creditor=creditor, received_at=stamp(world.now))
    assert world.reasons() == ["OPTED_OUT"]
    assert world.reasons(collector=None) == ["OPTED_OUT"]


def test_an_opt_out_from_another_creditor_stops_only_that_one(world: World) -> None:
    world.accepted("xinxi", "opt-out", recipient=RECIPIENT, creditor="other-bank", received_at=stamp(world.now))
    assert world.reasons() == []


def test_a_later_consent_does_not_undo_an_opt_out(world: World) -> None:
    world.accepted("xinxi", "opt-out", recipient=RECIPIENT, creditor="mou-zichan", received_at=stamp(world.now))
    world.now += DAY
    world.consent(granted_at=stamp(world.now))
    assert world.reasons() == ["OPTED_OUT"]


def start(world: World, message_id: str = "allowed", gateway: str = "xinxi") -> None:
    """A START in reply to this message, now."""
    members = {"recipient": RECIPIENT, "message_id": message_id, "text": " start! ", "received_at": stamp(world.now)}
    world.accepted(gateway, "reply", **members)


def test_start_in_reply_to_an_allowed_message_lifts_that_creditors_stop_and_on_a_tie_the_stop_holds(
    world: World,
) -> None:
    world.verify(message_id="allowed")
    stop = {"recipient": RECIPIENT, "creditor": "mou-zichan"}
    world.accepted("xinxi", "reply", **stop, text="TD", received_at=stamp(world.now))
    start(world)
    assert world.reasons() == ["OPTED_OUT"]
    world.now += timedelta(seconds=1)
    start(world)
    assert world.reasons() == []


def test_start_to_one_creditor_lifts_a_stop_of_all_for_this_creditor_alone(world: World) -> None:
    world.verify(message_id="allowed")
    world.accepted("xinxi", "opt-out", recipient=RECIPIENT, creditor="*", received_at=stamp(world.now))
    world.now += DAY
    start(world)
    assert world.reasons() == []
    assert "OPTED_OUT" in world.reasons(creditor="other-bank", collector=None)


# Consent


def test_a_consent_ends_at_its_last_instant(world: World) -> None:
    world.consent(granted_at=stamp(world.now), expires_at=stamp(world.now + DAY))
    world.now += DAY - timedelta(microseconds=1)
    assert world.reasons() == []
    world.now += timedelta(microseconds=1)
    assert world.reasons() == ["CONSENT_EXPIRED"]


@pytest.mark.parametrize("channels", [None, ["sms"], ["sms", "voice"]])
def test_a_revocation_ends_consent(world: World, channels: list[str] | None) -> None:
    world.accepted(
        "mou-zichan",
        "consent-revocation",
        recipient=RECIPIENT,
        creditor="mou-zichan",
        revoked_at=stamp(world.now),
        **({"channels": channels} if channels else {}),
    )
    assert world.reasons() == ["CONSENT_REVOKED"]


def test_a_revocation_at_the_same_instant_wins(world: World) -> None:
    world.consent(granted_at=stamp(world.now))
    world.accepted(
        "xinxi", "consent-revocation", recipient=RECIPIENT, creditor="mou-zichan", revoked_at=stamp(world.now)
    )
    assert world.reasons() == ["CONSENT_REVOKED"]


def test_a_revocation_for_another_channel_changes_nothing_here(world: World) -> None:
    world.accepted(
        "xinxi",
        "consent-revocation",
        recipient=RECIPIENT,
        creditor="mou-zichan",
        channels=["voice"],
        revoked_at=stamp(world.now),
    )
    assert world.reasons() == []


def test_consent_to_other_channels_has_its_own_reason() -> None:
    world = World().register()
    world.engage()
    world.debt()
    world.consent(channels=["voice", "email"])
    assert world.reasons() == ["CONSENT_CHANNEL"]


def test_consent_to_another_creditor_is_no_consent(world: World) -> None:
    world.accepted(
        "other-bank",
        "consent",
        recipient="+8613912345678",
        channels=["sms"],
        granted_at=stamp(world.now),
        method="web",
        notice="sha256:" + "0" * 64,
    )
    assert world.reasons(recipient="+8613912345678") == ["CONSENT_MISSING", "DEBT_MISSING"]


# The number


def test_a_reassignment_voids_earlier_facts(world: World) -> None:
    world.accepted("yunyingshang", "number-reassignment", recipient=RECIPIENT, effective_at=stamp(world.now))
    assert world.reasons() == ["NUMBER_REASSIGNED"]


def test_at_the_instant_of_a_reassignment_consent_and_debt_are_the_earlier_holders(world: World) -> None:
    world.accepted("yunyingshang", "number-reassignment", recipient=RECIPIENT, effective_at=stamp(world.now))
    world.consent(granted_at=stamp(world.now))
    world.debt(as_of=stamp(world.now))
    assert world.reasons() == ["NUMBER_REASSIGNED"]


def test_after_a_reassignment_a_debt_can_be_stated_again_and_a_consent_needs_the_new_holder(world: World) -> None:
    world.verify(message_id="allowed")
    world.accepted("yunyingshang", "number-reassignment", recipient=RECIPIENT, effective_at=stamp(world.now))
    world.now += timedelta(seconds=1)
    world.debt(as_of=stamp(world.now))
    assert world.reasons() == ["NUMBER_REASSIGNED"]
    world.consent(granted_at=stamp(world.now))
    assert world.reasons() == ["CONSENT_UNCONFIRMED"]
    world.now += timedelta(seconds=1)
    start(world)  # the message went to the earlier holder
    assert world.reasons() == ["CONSENT_UNCONFIRMED"]


def test_a_reassignment_without_earlier_facts_does_not_change_the_reasons() -> None:
    world = World().register()
    world.engage()
    world.accepted("yunyingshang", "number-reassignment", recipient=RECIPIENT, effective_at=stamp(world.now))
    assert world.reasons() == ["CONSENT_MISSING", "DEBT_MISSING"]


def test_stops_survive_a_reassignment(world: World) -> None:
    world.accepted("xinxi", "opt-out", recipient=RECIPIENT, creditor="mou-zichan", received_at=stamp(world.now - DAY))
    world.accepted("yunyingshang", "number-reassignment", recipient=RECIPIENT, effective_at=stamp(world.now))
    world.now += timedelta(seconds=1)
    world.consent(granted_at=stamp(world.now))
    world.debt(as_of=stamp(world.now))
    assert world.reasons() == ["OPTED_OUT", "CONSENT_UNCONFIRMED"]


# Debts


@pytest.mark.parametrize(("status", "code"), [("settled", "DEBT_SETTLED"), ("withdrawn", "DEBT_WITHDRAWN")])
def test_a_debt_that_is_no_longer_open_denies(world: World, status: str, code: str) -> None:
    world.debt(as_of=stamp(world.now), status=status)
    assert world.reasons() == [code]
    assert world.reasons(debt_ref="A-1") == [code]


def test_a_debt_lapses_35_days_after_its_date(world: World) -> None:
    world.now += 34 * DAY - timedelta(microseconds=1)
    assert world.reasons() == []
    world.now += timedelta(microseconds=1)
    assert world.reasons() == ["DEBT_STALE"]


def test_a_debt_that_names_collectors_binds_collectors_and_not_the_creditor(world: World) -> None:
    world.debt(as_of=stamp(world.now), collectors=["other-collector"])
    assert world.reasons() == ["DEBT_COLLECTOR"]
    assert world.reasons(collector=None) == []


def test_a_named_debt_must_be_that_very_debt(world: World) -> None:
    assert world.reasons(debt_ref="A-1") == []
    assert world.reasons(debt_ref="A-2") == ["DEBT_MISSING"]


def test_without_a_reference_any_open_debt_will_do(world: World) -> None:
    world.debt(debt_ref="B", as_of=stamp(world.now), status="settled")
    world.debt(debt_ref="C", as_of=stamp(world.now), outstanding="5.00")
    assert world.reasons() == []


def test_without_an_open_debt_the_newest_gives_the_reason(world: World) -> None:
    world.debt(as_of=stamp(world.now - timedelta(hours=2)), status="settled")
    world.debt(debt_ref="B", as_of=stamp(world.now - timedelta(hours=1)), status="withdrawn")
    assert world.reasons() == ["DEBT_WITHDRAWN"]


def test_different_subjects_of_debt_and_consent_are_denied(world: World) -> None:
    world.consent(granted_at=stamp(world.now), subject=SUBJECT_A)
    assert world.reasons() == []
    world.debt(as_of=stamp(world.now), subject=SUBJECT_B)
    assert world.reasons() == ["SUBJECT_MISMATCH"]
    world.now += DAY
    world.debt(as_of=stamp(world.now), subject=SUBJECT_A)
    assert world.reasons() == []


# Disputes


def dispute(world: World, **changes: object) -> str:
    members = {"recipient": RECIPIENT, "creditor": "mou-zichan", "claim": "not_mine", "received_at": stamp(world.now)}
    return world.accepted("xinxi", "dispute", **(members | changes))


def test_a_dispute_blocks_until_the_creditor_answers_it(world: World) -> None:
    disputed = dispute(world, debt_ref="A-1")
    assert world.reasons() == ["DEBT_DISPUTED"]
    world.now += DAY
    world.debt(as_of=stamp(world.now))
    assert world.reasons() == ["DEBT_DISPUTED"]
    world.now += DAY
    world.debt(as_of=stamp(world.now), answers_dispute=disputed)
    assert world.reasons() == []
    world.now += DAY
    world.debt(as_of=stamp(world.now))
    assert world.reasons() == []


def test_a_settled_debt_answers_no_dispute_however_it_is_reopened(world: World) -> None:
    disputed = dispute(world)
    world.now += DAY
    world.debt(as_of=stamp(world.now), status="settled", answers_dispute=disputed)
    world.now += DAY
    world.debt(as_of=stamp(world.now))
    assert world.reasons() == ["DEBT_DISPUTED"]


def test_an_answer_that_is_not_dated_after_the_dispute_frees_nothing(world: World) -> None:
    disputed = dispute(world)
    world.debt(as_of=stamp(world.now), answers_dispute=disputed)
    assert world.reasons() == ["DEBT_DISPUTED"]


def test_a_dispute_of_all_debts_is_answered_debt_by_debt(world: World) -> None:
    world.debt(debt_ref="B")
    disputed = dispute(world)
    world.now += DAY
    world.debt(debt_ref="B", as_of=stamp(world.now), answers_dispute=disputed)
    assert world.reasons(debt_ref="B") == []
    assert world.reasons(debt_ref="A-1") == ["DEBT_DISPUTED"]


def test_a_dispute_of_all_debts_covers_those_stated_later(world: World) -> None:
    dispute(world)
    world.now += DAY
    world.debt(debt_ref="L-1b", as_of=stamp(world.now))
    assert world.reasons(debt_ref="L-1b") == ["DEBT_DISPUTED"]
    assert world.reasons() == ["DEBT_DISPUTED"]


def test_an_unknown_dispute_in_an_answer_is_rejected(world: World) -> None:
    result = world.state(
        "mou-zichan",
        "debt",
        **debt_members(world.now, as_of=stamp(world.now), answers_dispute="sha256:" + "1" * 64),
    )
    assert result.status == "rejected"
    assert result.problem is not None
    assert result.problem.name == "unknown-dispute"


# The text


@pytest.mark.parametrize(
    "text",
    [
        "【另一家公司】欠款27911元,退订回T",
        "欠款27911元,退订回T",
        "某资产提醒:欠款27911元,退订回T【另一家公司】",
    ],
)
def test_a_text_that_names_no_registered_sender_is_denied(world: World, text: str) -> None:
    assert world.reasons(text=text) == ["TEXT_SENDER"]


@pytest.mark.parametrize(
    "text",
    [
        "【某资产】欠款27911元,退订回T",
        "【科技公司】欠款27911元,退订回T",
        "欠款27911元,退订回T【 某资产 】",
        "[某资产]欠款27911元,退订回T",
        "某资产提醒您:欠款27911元,退订回T",
    ],
)
def test_a_text_may_name_the_creditor_or_its_collector(world: World, text: str) -> None:
    assert world.reasons(text=text) == []


@pytest.mark.parametrize("claim", ["欠款27912元", "欠款27911美元", "欠款9431元", "您欠款100000元", "欠款27911.01元"])
def test_a_text_with_an_amount_that_the_debt_does_not_bear_out_is_denied(world: World, claim: str) -> None:
    assert world.reasons(text=f"【某资产】{claim},退订回T") == ["TEXT_AMOUNT"]


@pytest.mark.parametrize("claim", ["欠款27,911.00元", "欠款27911元", "请按约还款", "欠款27911元,最低还款500元"])
def test_a_text_that_claims_the_debt_or_nothing_is_allowed(world: World, claim: str) -> None:
    assert world.reasons(text=f"【某资产】{claim},退订回T") == []


def test_a_text_without_a_way_to_opt_out_is_denied(world: World) -> None:
    assert world.reasons(text="【某资产】欠款27911元") == ["TEXT_OPT_OUT"]


def test_no_open_confirmed_debt_silences_subject_and_amount(world: World) -> None:
    world.debt(as_of=stamp(world.now), status="settled", subject=SUBJECT_B)
    world.consent(granted_at=stamp(world.now), subject=SUBJECT_A)
    assert world.reasons(text="【某资产】欠款99999元,退订回T") == ["DEBT_SETTLED"]


def test_a_reason_has_a_sentence_in_both_languages_that_repeats_nothing() -> None:
    for sentence in REASONS.values():
        assert sentence.en
        assert sentence.zh
        assert "{" not in sentence.en + sentence.zh
    assert Reason("HALTED").until is None
