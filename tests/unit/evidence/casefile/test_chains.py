"""The recipient's chains in a case file: which statements a reader gets, and that voids and erasures break nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from duecare.usecases import table
from duecare.usecases.verify.stored_decision import StoredDecision
from duecare_core.evidence.casefile import bundle
from duecare_core.evidence.casefile.bundle import CaseFile
from tests.support.logs import LOG_KEY, LoggedWorld
from tests.support.voids import VoidWorld
from tests.support.world import DAY, RECIPIENT, World, stamp

CREDITOR = "mou-zichan"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def world() -> VoidWorld:
    world = VoidWorld()
    world.honest()
    world.now += MINUTE
    return world


def stop(world: World, gateway: str = "xinxi", creditor: str = CREDITOR) -> str:
    world.now += MINUTE
    members = {"recipient": RECIPIENT, "creditor": creditor, "received_at": stamp(world.now)}
    return world.accepted(gateway, "opt-out", **members)


def revoked(world: World, **members: Any) -> str:
    world.now += MINUTE
    members = {"recipient": RECIPIENT, "creditor": CREDITOR, "revoked_at": stamp(world.now)} | members
    return world.accepted(CREDITOR, "consent-revocation", **members)


def disputed(world: World, debt_ref: str) -> str:
    world.now += MINUTE
    members = {"recipient": RECIPIENT, "creditor": CREDITOR, "debt_ref": debt_ref, "claim": "paid"}
    return world.accepted("other-gateway", "dispute", **members, received_at=stamp(world.now))


def case_of(world: LoggedWorld, decided: StoredDecision, party: str = CREDITOR) -> CaseFile:
    """The case file as this party gets it, which must be good."""
    world.sequenced()
    verdict = bundle.check(world.case_file(decided, party), LOG_KEY.verifier_key)
    assert verdict.ok, [one for one in verdict.checks if not one.ok]
    assert verdict.case
    return verdict.case


def shown(case: CaseFile) -> dict[str, dict[str, str]]:
    return {chain.of: {link.statement_id: link.shown for link in chain.links} for chain in case.chains}


def detail(world: LoggedWorld, decided: StoredDecision, party: str = CREDITOR) -> str:
    verdict = bundle.check(world.case_file(decided, party), LOG_KEY.verifier_key)
    return next(one.detail for one in verdict.checks if one.name == "chains")


def test_an_allow_shows_every_statement_of_both_chains_to_its_gateway_too(world: VoidWorld) -> None:
    other_debt = disputed(world, "B-9")
    voice = revoked(world, channels=["voice"])
    decided = world.verify()
    assert decided.record.decision == "allow"
    assert shown(case_of(world, decided, "xinxi")) == {CREDITOR: {other_debt: "whole", voice: "whole"}}


def test_a_statement_on_which_the_decision_rests_is_in_the_file_once(world: VoidWorld) -> None:
    first, second = stop(world), stop(world)
    for_all = stop(world, "other-gateway", "*")
    decided = world.verify()
    assert decided.record.relied_on
    expected = {CREDITOR: {first: "whole", second: "relied-on"}, "*": {for_all: "relied-on"}}
    assert shown(case_of(world, decided)) == expected


def test_the_file_of_a_denial_withholds_from_a_gateway_all_that_it_did_not_state_and_the_denial_does_not_rest_on(
    world: VoidWorld,
) -> None:
    foreign, own = disputed(world, "B-9"), stop(world, "xinxi")
    replaced = stop(world, "other-gateway")
    newest = stop(world, "other-gateway")
    decided = world.verify()
    assert decided.record.reasons == ("OPTED_OUT",)
    case = case_of(world, decided, "xinxi")
    assert shown(case) == {CREDITOR: {foreign: "withheld", own: "whole", replaced: "withheld", newest: "relied-on"}}
    data = world.case_file(decided, "xinxi")
    assert all(world.tokens[name].encode() not in data for name in (foreign, replaced))
    assert "2 are withheld" in detail(world, decided, "xinxi")
    for party in (CREDITOR, "shenji"):
        assert shown(case_of(world, decided, party)) == {
            CREDITOR: {foreign: "whole", own: "whole", replaced: "whole", newest: "relied-on"}
        }


def test_a_denial_that_says_nothing_about_the_recipient_shows_no_chain(world: VoidWorld) -> None:
    stop(world)
    stop(world, creditor="*")
    decided = world.verify(collector="other-collector")
    assert decided.record.reasons[0] == "MANDATE_MISSING"
    for party in ("xinxi", CREDITOR, "shenji"):
        assert case_of(world, decided, party).chains == ()


def test_what_was_accepted_after_the_decision_is_not_in_its_file(world: VoidWorld) -> None:
    first = stop(world)
    decided = world.verify()
    world.now += MINUTE
    stop(world)
    assert shown(case_of(world, decided)) == {CREDITOR: {first: "relied-on"}}


def test_an_answered_dispute_under_a_denial_for_another_reason_does_not_fail(world: VoidWorld) -> None:
    """The denial does not show what answers the dispute, so the dispute must not count in the replay."""
    dispute = disputed(world, "A-1")
    world.now += MINUTE
    world.debt(as_of=stamp(world.now), answers_dispute=dispute)
    world.now += MINUTE
    world.debt(as_of=stamp(world.now), status="settled")
    decided = world.verify()
    assert decided.record.reasons == ("DEBT_SETTLED",)
    assert shown(case_of(world, decided)) == {CREDITOR: {dispute: "whole"}}


def test_an_answered_dispute_under_an_allow_is_relied_on(world: VoidWorld) -> None:
    dispute = disputed(world, "A-1")
    world.now += MINUTE
    world.debt(as_of=stamp(world.now), answers_dispute=dispute)
    decided = world.verify()
    assert decided.record.decision == "allow"
    assert shown(case_of(world, decided)) == {CREDITOR: {dispute: "relied-on"}}


def test_a_lifted_stop_under_a_denial_for_another_reason_does_not_fail(world: VoidWorld) -> None:
    allowed = world.verify(message_id="first")
    assert allowed.record.decision == "allow"
    first = stop(world)
    world.now += MINUTE
    members = {"recipient": RECIPIENT, "message_id": "first", "text": "START", "received_at": stamp(world.now)}
    start = world.accepted("xinxi", "reply", **members)
    world.now += MINUTE
    world.debt(as_of=stamp(world.now), status="settled")
    decided = world.verify(message_id="second")
    assert decided.record.reasons == ("DEBT_SETTLED",)
    assert shown(case_of(world, decided)) == {CREDITOR: {first: "whole", start: "whole"}}


def test_a_voided_stop_stays_in_the_chain_and_the_file_of_a_later_decision_has_the_void(world: VoidWorld) -> None:
    since = world.now
    rogue = stop(world, "other-gateway")
    before = world.verify(message_id="before")
    assert before.record.reasons == ("OPTED_OUT",)
    world.now += MINUTE
    report = world.void("other-gateway", since)
    world.now += MINUTE
    decided = world.verify(message_id="after")
    assert decided.record.decision == "allow"
    case = case_of(world, decided)
    assert shown(case) == {CREDITOR: {rogue: "whole"}}
    assert [(one.id, one.record.party) for one in case.voids] == [(report.id, "other-gateway")]
    assert "the operator voided 1 of them, stated by other-gateway" in detail(world, decided)
    assert case_of(world, before).voids == ()  # it relies on the statement, which was in force


def test_the_void_in_the_file_is_the_version_of_the_decision(world: VoidWorld) -> None:
    since = world.now
    stop(world, "other-gateway")
    world.void("other-gateway", since)
    world.now += MINUTE
    allowed = world.verify(message_id="while void")
    world.now += 2 * DAY
    world.undo("other-gateway", since)
    world.now += 2 * DAY
    denied = world.verify(message_id="again")
    assert [one.record.decision for one in (allowed, denied)] == ["allow", "deny"]
    assert [one.record.state for one in case_of(world, allowed).voids] == ["active"]
    assert case_of(world, denied).voids == ()


def test_an_erased_statement_leaves_its_id_and_its_log_entry(world: VoidWorld) -> None:
    dispute = disputed(world, "B-9")
    decided = world.verify()
    world.sequenced()
    world.table.remove(table.statement(dispute))
    (name,) = [name for name in world.archive.objects if name.endswith(dispute.removeprefix("sha256:"))]
    world.archive.erase([name])
    assert shown(case_of(world, decided)) == {CREDITOR: {dispute: "erased"}}
    assert "1 were erased" in detail(world, decided)


def test_statements_that_have_left_the_table_come_from_the_archive(world: VoidWorld) -> None:
    dispute = disputed(world, "B-9")
    decided = world.verify()
    world.sequenced()
    before = world.case_file(decided, CREDITOR)
    world.left()
    assert world.table.get([table.statement(dispute)]) == {}
    assert world.case_file(decided, CREDITOR) == before


def test_thirty_three_disputes_fold_in_the_replay_as_they_did_in_the_service(world: VoidWorld) -> None:
    """The last one covers all debts, so it denies; the file says so although no debt is named in it."""
    names = [disputed(world, f"B-{number}") for number in range(33)]
    decided = world.verify()
    assert decided.record.reasons == ("DEBT_DISPUTED",)
    assert shown(case_of(world, decided))[CREDITOR][names[-1]] == "relied-on"


def test_the_acknowledgement_keys_are_in_the_file(world: VoidWorld) -> None:
    case = case_of(world, world.verify())
    assert [one.record.kid for one in case.acknowledgement_keys] == [world.acknowledgement_key.kid]
    assert msgspec.to_builtins(case)["chains"] == ()


def start(world: World, message_id: str = "first", gateway: str = "xinxi") -> str | None:
    """The effect of a START in reply to this message."""
    world.now += MINUTE
    members = {"recipient": RECIPIENT, "message_id": message_id, "text": "START", "received_at": stamp(world.now)}
    result = world.state(gateway, "reply", **members)
    assert result.status == "accepted", result
    return result.effect


WRONG_AMOUNT = "【某资产】您欠款1元。退订回T"


@pytest.mark.parametrize("creditor", [CREDITOR, "*"])
def test_a_stop_that_the_start_of_another_gateway_lifts_does_not_fail_for_the_gateway_that_stated_it(
    creditor: str, world: VoidWorld
) -> None:
    world.verify(message_id="first")
    own = stop(world, "other-gateway", creditor)
    assert start(world) == "in_force"
    world.now += MINUTE
    decided = world.verify("other-gateway", message_id="second", text=WRONG_AMOUNT)
    assert decided.record.reasons == ("TEXT_AMOUNT",)
    links = shown(case_of(world, decided, "other-gateway"))
    assert links[creditor][own] == "whole"
    assert "withheld" in links[CREDITOR].values()
    for party in (CREDITOR, "shenji"):
        case_of(world, decided, party)


def test_a_backdated_stop_may_be_lifted_by_an_older_link(world: VoidWorld) -> None:
    """The START was accepted first, and the recipient said it later."""
    world.verify(message_id="first")
    said = stamp(world.now)
    assert start(world) == "in_force"
    world.now += MINUTE
    world.accepted("other-gateway", "opt-out", recipient=RECIPIENT, creditor=CREDITOR, received_at=said)
    world.now += MINUTE
    decided = world.verify("other-gateway", message_id="second", text=WRONG_AMOUNT)
    assert decided.record.reasons == ("TEXT_AMOUNT",)
    assert sorted(shown(case_of(world, decided, "other-gateway"))[CREDITOR].values()) == ["whole", "withheld"]


def test_a_stop_that_an_erased_start_lifts_does_not_fail(world: VoidWorld) -> None:
    world.verify(message_id="first")
    stop(world)
    world.now += MINUTE
    members = {"recipient": RECIPIENT, "message_id": "first", "text": "START", "received_at": stamp(world.now)}
    lifting = world.accepted("xinxi", "reply", **members)
    world.now += MINUTE
    decided = world.verify(message_id="second", text=WRONG_AMOUNT)
    assert decided.record.reasons == ("TEXT_AMOUNT",)
    world.sequenced()
    world.table.remove(table.statement(lifting))
    (name,) = [name for name in world.archive.objects if name.endswith(lifting.removeprefix("sha256:"))]
    world.archive.erase([name])
    for party in (CREDITOR, "shenji", "xinxi"):
        assert shown(case_of(world, decided, party))[CREDITOR][lifting] == "erased"


@pytest.mark.parametrize("order", ["stop first", "stop last", "revocation"])
def test_a_start_that_does_not_count_fails_no_later_file(order: str, world: VoidWorld) -> None:
    """It answers a message to the earlier holder of the number, so it is in no chain."""
    world.verify(message_id="first")
    world.now += MINUTE
    world.accepted("yunyingshang", "number-reassignment", recipient=RECIPIENT, effective_at=stamp(world.now))
    if order == "stop first":
        stop(world)
    if order == "revocation":
        revoked(world)
        world.now += MINUTE
        world.consent(granted_at=stamp(world.now))
    assert start(world) == "none"
    if order == "stop last":
        stop(world)
    world.now += MINUTE
    decided = world.verify(message_id="second")
    assert ("OPTED_OUT" if order != "revocation" else "CONSENT_UNCONFIRMED") in decided.record.reasons
    for party in ("xinxi", CREDITOR, "shenji"):
        case_of(world, decided, party)


def test_a_start_that_counts_once_the_reassignment_is_void_needs_no_place_in_a_chain(world: VoidWorld) -> None:
    world.verify(message_id="first")
    world.now += MINUTE
    since = world.now
    world.accepted("yunyingshang", "number-reassignment", recipient=RECIPIENT, effective_at=stamp(world.now))
    stop(world)
    assert start(world) == "none"
    world.now += MINUTE
    world.void("yunyingshang", since)
    world.now += MINUTE
    decided = world.verify(message_id="second")
    assert decided.record.decision == "allow"
    for party in ("xinxi", CREDITOR, "shenji"):
        case_of(world, decided, party)


def test_quiet_hours_that_never_end_rest_on_no_other_fact() -> None:
    """The hours of the number and those of the debt never overlap, so time cures nothing."""
    world, number = VoidWorld(), "+6281234567890"
    world.now = world.now.replace(hour=3)
    world.register()
    world.engage()
    world.consent(recipient=number)
    world.debt(recipient=number)
    world.now += MINUTE
    assert world.verify(message_id="first", recipient=number).record.decision == "allow"
    world.now += MINUTE
    world.accepted("xinxi", "opt-out", recipient=number, creditor=CREDITOR, received_at=stamp(world.now))
    world.now += MINUTE
    members = {"recipient": number, "message_id": "first", "text": "START", "received_at": stamp(world.now)}
    world.accepted("xinxi", "reply", **members)
    world.now += MINUTE
    world.debt(recipient=number, as_of=stamp(world.now), time_zone="America/New_York")
    world.now += MINUTE
    decided = world.verify(message_id="second", recipient=number)
    assert (decided.record.reasons, decided.record.retry_at) == (("QUIET_HOURS",), None)
    for party in ("xinxi", CREDITOR, "shenji"):
        case_of(world, decided, party)
