"""Case files that a dishonest operator makes up with all keys of the service and no private key of a creditor.

Each file is well made: the answer follows from its inputs, the receipt is signed, and one log holds everything. All
that is wrong is the evidence, so the refusal must come from that alone. The last tests are about forgeries that one
file cannot show; there the outcome must say what is not known.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec import structs

from duecare_core.domain.facts.merge import to_consent, to_debt
from duecare_core.domain.facts.party import Party, PartyKey
from duecare_core.domain.facts.statement import ConsentStatement, DebtStatement
from duecare_core.domain.facts.states import (
    Consent,
    ConsentState,
    Debt,
    DebtState,
    DisputeAnswer,
    RuleTerms,
    Undisclosed,
)
from duecare_core.domain.portfolio.portfolio import Manifest, Portfolio, RowStatement
from duecare_core.domain.portfolio.row_reader import Reject
from duecare_core.domain.rules.tighten import tighten
from duecare_core.domain.validation import validate
from duecare_core.evidence import statement as statements
from duecare_core.evidence.canonical import digest
from duecare_core.evidence.casefile import bounds, bundle
from duecare_core.evidence.casefile.bundle import CaseFile
from duecare_core.evidence.casefile.chain_parts import LoggedStatement
from duecare_core.evidence.casefile.inputs import AnsweredAllow, CountedContact, InputRow
from duecare_core.evidence.casefile.inputs import encode as encode_inputs
from duecare_core.evidence.casefile.outcome import CaseFileOutcome
from duecare_core.evidence.casefile.row_proofs import ProvenRow
from duecare_core.evidence.jose import jws
from duecare_core.evidence.jose.keys import thumbprint
from duecare_core.evidence.jose.proof import proven_jwk
from duecare_core.evidence.log.note import WitnessKey
from duecare_core.evidence.record import encode as encode_record
from duecare_core.evidence.rows_root import row_salt
from tests.support import packs
from tests.support.forger import accepted, answered_anew, chained, published, registered
from tests.support.imports import SEED, root_of
from tests.support.logs import LOG_KEY, LoggedWorld
from tests.support.world import (
    DAY,
    ISSUER,
    KEYS,
    NOW,
    RECIPIENT,
    consent_members,
    debt_members,
    mandate_members,
    route_members,
    stamp,
)

KEY = LOG_KEY.verifier_key
OTHER_NUMBER = "+8613900139000"
AT = NOW + timedelta(minutes=30)  # of the decision; everything it rests on is of NOW
MINUTE = timedelta(minutes=1)
OPERATORS_KEY = KEYS["shenji"]  # a key of a party that is a puppet of the operator


def signed(party: str, kind: str, members: dict[str, Any], key: str | None = None) -> str:
    """A statement as its party signs it. For the creditor this is a genuine statement that exists anyway."""
    return statements.sign(
        kind, {"iss": party, "aud": ISSUER, "iat": int(NOW.timestamp()), **members}, KEYS[key or party]
    )


@pytest.fixture(scope="module")
def world() -> LoggedWorld:
    world = LoggedWorld().honest()
    world.now = AT
    return world


@pytest.fixture(scope="module")
def honest(world: LoggedWorld) -> CaseFile:
    """The operator's model: an allow that rests on the creditor's consent, debt and mandate and the sender's route."""
    decided = world.verify(message_id="honest")
    world.sequenced()
    case = msgspec.json.decode(world.case_file(decided), type=CaseFile)
    assert sorted(one.record.kind for one in case.statements) == ["consent", "debt", "mandate", "route"]
    return case


def with_statement(case: CaseFile, kind: str, token: str) -> CaseFile:
    """The case file with this statement in the place of that kind, and the answer that follows."""
    others = [one for one in case.statements if one.record.kind != kind]
    return answered_anew(structs.replace(case, statements=(*others, accepted(token, NOW))))


def with_inputs(case: CaseFile, **changes: Any) -> CaseFile:
    return structs.replace(case, inputs=structs.replace(case.inputs, **changes))


def with_party(case: CaseFile, who: str, change: Callable[[Party], Party], version: int = 1, **at: Any) -> CaseFile:
    """The case file with a changed registration: another text of this version, or a further version."""
    (model,) = [one for one in case.parties if (one.record.id, one.version) == (who, 1)]
    logged = registered(change(model.record), version, at.get("at", NOW))
    others = [one for one in case.parties if (one.record.id, one.version) != (who, version)]
    parties = sorted([*others, logged], key=lambda one: (one.record.id, one.version))
    return structs.replace(case, parties=tuple(parties))


def token_of(case: CaseFile, kind: str) -> LoggedStatement:
    (found,) = [one for one in case.statements if one.record.kind == kind]
    return found


def name_of(logged: LoggedStatement) -> str:
    return statements.statement_id(logged.jws)


def failing(data: bytes) -> dict[str, str]:
    """The failed checks. A forgery that is worth the name fails one check, and is not recomputed then."""
    verdict = bundle.check(data, KEY)
    failed = {one.name: one.detail for one in verdict.checks if not one.ok}
    assert (verdict.outcome is CaseFileOutcome.FAILED) == bool(failed)
    if len(failed) > 1:
        for name in ("replay", "place"):
            assert failed.pop(name) == "not made again, because of what is wrong above"
    return failed


def assert_an_allow(case: CaseFile) -> CaseFile:
    assert case.decision.record.decision == "allow", case.decision.record.reasons
    return case


def test_the_operators_craft_is_good_so_a_refusal_is_due_to_the_evidence(honest: CaseFile) -> None:
    verdict = bundle.check(published(assert_an_allow(answered_anew(honest))), KEY)
    assert verdict.outcome is CaseFileOutcome.GOOD, verdict.checks
    witnessed = published(honest, [WitnessKey("w.example", b"w" * 32)])
    assert bundle.check(witnessed, KEY).outcome is CaseFileOutcome.GOOD


# Statements of others: each is genuine, signed by its party, and has nothing to do with this message

MADE_UP: dict[str, tuple[str, Callable[[], str], str]] = {
    "a consent about another number": (
        "consent",
        lambda: signed("mou-zichan", "consent", consent_members(NOW, recipient=OTHER_NUMBER)),
        "a consent is about another number than the message",
    ),
    "a debt about another number": (
        "debt",
        lambda: signed("mou-zichan", "debt", debt_members(NOW, recipient=OTHER_NUMBER)),
        "a debt is about another number than the message",
    ),
    "a mandate of another collector": (
        "mandate",
        lambda: signed("mou-zichan", "mandate", mandate_members(NOW, collector="other-collector")),
        "a mandate is for the collector other-collector, and the decision is about keji",
    ),
    "a mandate of another creditor": (
        "mandate",
        lambda: signed("other-bank", "mandate", mandate_members(NOW)),
        "a mandate is of the creditor other-bank, and the decision is about mou-zichan",
    ),
    "a mandate that the collector gave itself": (
        "mandate",
        lambda: signed("keji", "mandate", mandate_members(NOW)),
        "a mandate is of the creditor keji",
    ),
    "a route of another gateway": (
        "route",
        lambda: signed("keji", "route", route_members(NOW, gateway="other-gateway")),
        "a route is for the gateway other-gateway, and the decision is about xinxi",
    ),
    "a route of another sender": (
        "route",
        lambda: signed("other-collector", "route", route_members(NOW)),
        "a route is of the sender other-collector",
    ),
    "a route that the gateway gave itself": (
        "route",
        lambda: signed("xinxi", "route", route_members(NOW)),
        "a route is of the sender xinxi",
    ),
    "a consent of another creditor": (
        "consent",
        lambda: signed("other-bank", "consent", consent_members(NOW)),
        "a consent is of the creditor other-bank, and the decision is about mou-zichan",
    ),
    "a debt of another creditor": (
        "debt",
        lambda: signed("other-bank", "debt", debt_members(NOW)),
        "a debt is of the creditor other-bank, and the decision is about mou-zichan",
    ),
    "a consent that the collector signed": (
        "consent",
        lambda: signed("keji", "consent", consent_members(NOW)),
        "a consent is of the creditor keji, and the decision is about mou-zichan",
    ),
    "a debt that the collector signed": (
        "debt",
        lambda: signed("keji", "debt", debt_members(NOW)),
        "a debt is of the creditor keji, and the decision is about mou-zichan",
    ),
}


@pytest.mark.parametrize("name", MADE_UP)
def test_a_genuine_statement_about_something_else_is_refused(name: str, world: LoggedWorld, honest: CaseFile) -> None:
    """Where the replay keeps such a statement among the facts, the operator gets an allow; otherwise it puts the
    statement under the answer that it wants."""
    kind, make, why = MADE_UP[name]
    token = make()
    made = with_statement(honest, kind, token)
    if made.decision.record.decision != "allow":
        made = relied_on_all_the_same(honest, kind, token)
    issuer = jws.read(token).payload["iss"]
    made = with_registration_of(world, made, issuer)
    assert failing(published(assert_an_allow(made)))["statements"].startswith(why)


def relied_on_all_the_same(honest: CaseFile, kind: str, token: str) -> CaseFile:
    (old,) = [one for one in honest.statements if one.record.kind == kind]
    new = accepted(token, NOW)
    names = tuple(name_of(new) if name == name_of(old) else name for name in honest.decision.record.relied_on)
    record = structs.replace(honest.decision.record, relied_on=names)
    replaced = tuple(new if one is old else one for one in honest.statements)
    return structs.replace(honest, decision=structs.replace(honest.decision, record=record), statements=replaced)


def with_registration_of(world: LoggedWorld, case: CaseFile, who: str) -> CaseFile:
    if any(one.record.id == who for one in case.parties):
        return case
    logged = registered(world.operate.show(who), 1, NOW)
    return structs.replace(case, parties=tuple(sorted((*case.parties, logged), key=lambda one: one.record.id)))


@pytest.mark.parametrize("number", [OTHER_NUMBER, RECIPIENT])
def test_a_made_up_denial_needs_a_stop_of_this_recipient_to_this_creditor(number: str, honest: CaseFile) -> None:
    """The operator would bury a debt with the stop of another recipient, or with one to another creditor."""
    creditor = "mou-zichan" if number == OTHER_NUMBER else "other-bank"
    members = {"recipient": number, "creditor": creditor, "received_at": stamp(NOW)}
    stop = accepted(signed("xinxi", "opt-out", members), NOW)
    made = answered_anew(structs.replace(honest, statements=(*honest.statements, stop)))
    if number == RECIPIENT:
        record = structs.replace(
            made.decision.record,
            decision="deny",
            reasons=("OPTED_OUT",),
            relied_on=(*made.decision.record.relied_on, name_of(stop)),
        )
        made = structs.replace(
            made, decision=structs.replace(made.decision, record=record), statements=(*made.statements, stop)
        )
    assert made.decision.record.reasons == ("OPTED_OUT",)
    assert "another number" in (why := failing(published(made))["statements"]) or "about the creditor other-bank" in why


def test_a_party_whose_roles_do_not_allow_the_kind_is_refused(honest: CaseFile) -> None:
    """The creditor's registration of then lacks the role that its consent needs."""
    made = with_party(honest, "mou-zichan", lambda party: structs.replace(party, roles=("auditor",)))
    assert "mou-zichan has no role in which it may state a mandate" in failing(published(made))["statements"]


def test_roles_that_exclude_each_other_entitle_to_nothing(honest: CaseFile) -> None:
    made = with_party(honest, "mou-zichan", lambda party: structs.replace(party, roles=("creditor", "gateway")))
    assert "has no role" in failing(published(made))["statements"]


def test_a_suspended_creditor_states_nothing_that_opens(honest: CaseFile) -> None:
    made = with_party(honest, "mou-zichan", lambda party: structs.replace(party, state="suspended"))
    assert "mou-zichan was suspended when its mandate was accepted" in failing(published(made))["statements"]


def test_the_collectors_key_registered_as_the_creditors_is_refused(honest: CaseFile) -> None:
    """The collector signs in the creditor's name, and the operator registers its key for the creditor."""
    (collector,) = [one.record for one in honest.parties if one.record.id == "keji"]
    made = with_party(honest, "mou-zichan", lambda party: structs.replace(party, keys=(*party.keys, *collector.keys)))
    forged = signed("mou-zichan", "consent", consent_members(NOW), key="keji")
    made = with_statement(made, "consent", forged)
    assert "two parties are registered with the same key" in failing(published(made))["parties"]


def test_a_delivery_is_no_fact(honest: CaseFile) -> None:
    members = {"message_id": "m", "at": stamp(NOW), "status": "delivered", "text_sha256": "sha256:" + "0" * 64}
    made = relied_on_all_the_same(honest, "route", signed("xinxi", "delivery", members))
    assert "no decision relies on a delivery" in failing(published(made))["statements"]


# Keys and registrations


def revoked(at: Any) -> Callable[[Party], Party]:
    return lambda party: structs.replace(party, keys=tuple(structs.replace(key, revoked_at=at) for key in party.keys))


@pytest.mark.parametrize("backdated", [timedelta(), -timedelta(minutes=20)], ids=["as-logged", "dated-later"])
def test_a_statement_that_was_accepted_after_its_key_was_revoked_is_refused(
    backdated: timedelta, honest: CaseFile
) -> None:
    """A thief has the creditor's key. The operator accepts its statement, and judges it by the older registration."""
    gone = NOW + 5 * MINUTE
    made = with_party(honest, "mou-zichan", revoked(gone - backdated), version=2, at=gone)
    made = with_inputs(made, parties={**made.inputs.parties, "mou-zichan": 2})
    consent = accepted(token_of(honest, "consent").jws, NOW + 10 * MINUTE)
    others = [one for one in made.statements if one.record.kind != "consent"]
    made = answered_anew(structs.replace(made, statements=(*others, consent)))
    assert "was revoked at 2026-11-24 09:05:00" in failing(published(assert_an_allow(made)))["statements"]


def test_a_statement_within_the_tolerance_of_clocks_is_not_refused(honest: CaseFile) -> None:
    gone = NOW + 5 * MINUTE
    made = with_party(honest, "mou-zichan", revoked(gone), version=2, at=gone)
    made = with_inputs(made, parties={**made.inputs.parties, "mou-zichan": 2})
    consent = accepted(token_of(honest, "consent").jws, gone + timedelta(seconds=59))
    others = [one for one in made.statements if one.record.kind != "consent"]
    assert failing(published(answered_anew(structs.replace(made, statements=(*others, consent))))) == {}


def test_a_key_that_was_registered_after_the_statement_is_refused(honest: CaseFile) -> None:
    late = NOW + 5 * MINUTE

    def later(party: Party) -> Party:
        proven = proven_jwk(KEYS["mou-zichan"], late)
        keys = tuple(structs.replace(key, registered_at=late, proof=proven["proof"]) for key in party.keys)
        return structs.replace(party, keys=keys)

    made = with_party(honest, "mou-zichan", later)
    assert "no key of mou-zichan that was registered then" in failing(published(made))["statements"]


def test_a_registration_that_was_older_than_the_one_in_force_is_refused(honest: CaseFile) -> None:
    """The collector was suspended before the decision. The file has both registrations and judges by the older."""
    suspended = lambda party: structs.replace(party, state="suspended")  # noqa: E731
    made = with_party(honest, "keji", suspended, version=2, at=AT - 10 * MINUTE)
    said = failing(published(assert_an_allow(answered_anew(made))))
    assert "the newer registration keji/2 was in force by then" in said["parties"]


def test_a_registration_of_after_the_decision_is_refused(honest: CaseFile) -> None:
    """The gateway was suspended at the decision and resumed later. The file judges by the later registration."""
    made = with_party(honest, "xinxi", lambda party: party, version=2, at=AT + 10 * MINUTE)
    made = with_inputs(made, parties={**made.inputs.parties, "xinxi": 2})
    said = failing(published(assert_an_allow(answered_anew(made))))
    assert "the registration xinxi/2 is younger in the log than the decision" in said["parties"]


def test_a_party_that_was_registered_is_not_passed_off_as_unknown(honest: CaseFile) -> None:
    versions = {who: version for who, version in honest.inputs.parties.items() if who != "keji"}
    made = answered_anew(with_inputs(honest, parties=versions))
    assert "COLLECTOR_UNKNOWN" in made.decision.record.reasons
    assert "keji/1 was in force by then" in failing(published(made))["parties"]


def test_a_bystander_has_no_place_in_the_file(world: LoggedWorld, honest: CaseFile) -> None:
    made = with_registration_of(world, honest, "other-bank")
    assert "other-bank has no part in the decision" in failing(published(made))["parties"]


# Rows of files


def row_consent(name: str) -> InputRow:
    return InputRow(of="sms", consent=ConsentState(Consent(at=NOW - DAY, statement=name, content="", method="web")))


def row_debt(name: str, **answers: DisputeAnswer) -> InputRow:
    newest = Debt(
        at=NOW - DAY + MINUTE,  # newer than the signed debt, which then has nothing to say
        statement=name,
        content="",
        status="open",
        currency="CNY",
        outstanding=Decimal("27911"),
        valid_until=NOW + 30 * DAY,
    )
    return InputRow(of="A-1", debt=DebtState(newest, answers))


def manifest(party: str = "mou-zichan", **changes: Any) -> str:
    members = {"kind": "debt", "format": "csv", "charset": "utf-8", "rows": 20, "sha256": "sha256:" + "0" * 64}
    return signed(party, "upload", members | changes)


def with_row(honest: CaseFile, kind: str, token: str, row: InputRow) -> CaseFile:
    """A row of this file in the place of the signed consent or debt."""
    others = [one for one in honest.statements if one.record.kind != kind]
    made = with_inputs(honest, rows=(row,))
    return answered_anew(structs.replace(made, statements=(*others, accepted(token, NOW))))


def test_a_row_of_a_statement_that_is_no_file_is_refused(honest: CaseFile) -> None:
    """ "Row 17" of the consent of another recipient, which its creditor did sign."""
    token = signed("mou-zichan", "consent", consent_members(NOW, recipient=OTHER_NUMBER))
    made = with_row(honest, "consent", token, row_consent(f"{statements.statement_id(token)}#17"))
    why = failing(published(assert_an_allow(made)))["statements"]
    assert "another number" in why or "announces no file" in why


def test_a_row_of_a_good_statement_that_is_no_file_is_refused(honest: CaseFile) -> None:
    debt = token_of(honest, "debt")
    made = with_inputs(honest, rows=(row_consent(f"{name_of(debt)}#17"),))
    others = tuple(one for one in made.statements if one.record.kind != "consent")
    made = assert_an_allow(answered_anew(structs.replace(made, statements=others)))
    assert "a row of a statement that announces no file" in failing(published(made))["statements"]


@pytest.mark.parametrize(
    ("number", "changes", "why"),
    [
        ("21", {}, "the file has 20 rows"),
        ("0", {}, "the file has 20 rows"),
        ("x", {}, "the file has 20 rows"),
        ("left-out", {}, "the file is no snapshot"),
        ("17", {"kind": "consent"}, "is a row of a file of consents, and here it is a debt"),
        ("17", {"party": "other-bank"}, "a file of rows is of the creditor other-bank"),
    ],
)
def test_a_row_that_the_manifest_rules_out_is_refused(
    number: str, changes: dict[str, Any], why: str, world: LoggedWorld, honest: CaseFile
) -> None:
    token = manifest(**changes)
    made = with_row(honest, "debt", token, row_debt(f"{statements.statement_id(token)}#{number}"))
    made = with_registration_of(world, assert_an_allow(made), jws.read(token).payload["iss"])
    assert why in failing(published(made))["statements"]


def test_a_manifest_alone_states_nothing(honest: CaseFile) -> None:
    made = relied_on_all_the_same(honest, "debt", manifest())
    assert "which states nothing without a row" in failing(published(made))["statements"]


def test_a_row_on_which_nothing_rests_is_refused(honest: CaseFile) -> None:
    """With any row the replay takes `same_subject` from the inputs, so the operator adds one that nobody uses."""
    person, other = ("sha256:" + digit * 64 for digit in "12")
    made = with_statement(honest, "consent", signed("mou-zichan", "consent", consent_members(NOW, subject=person)))
    made = with_statement(made, "debt", signed("mou-zichan", "debt", debt_members(NOW, subject=other)))
    assert made.decision.record.reasons == ("SUBJECT_MISMATCH",)
    statement_list = (
        accepted(signed("mou-zichan", "consent", consent_members(NOW, subject=person)), NOW),
        accepted(signed("mou-zichan", "debt", debt_members(NOW, subject=other)), NOW),
        *(one for one in honest.statements if one.record.kind in ("mandate", "route")),
    )
    unused = structs.replace(row_debt("sha256:" + "0" * 64 + "#1"), of="B-2")
    made = with_inputs(structs.replace(honest, statements=statement_list), rows=(unused,))
    record = structs.replace(made.decision.record, debt_ref="A-1")
    made = answered_anew(structs.replace(made, decision=structs.replace(made.decision, record=record)))
    assert (
        "a row about B-2 on which the decision does not rely" in failing(published(assert_an_allow(made)))["statements"]
    )


def test_a_signed_debt_answers_a_dispute_only_as_it_says(honest: CaseFile) -> None:
    """The recipient disputes the debt. A row claims that the creditor's signed debt has answered the dispute."""
    members = {"recipient": RECIPIENT, "creditor": "mou-zichan", "claim": "not_mine", "received_at": stamp(NOW)}
    dispute = accepted(signed("xinxi", "dispute", members), NOW)
    debt = token_of(honest, "debt")
    token = manifest()
    answer = DisputeAnswer(NOW + MINUTE, name_of(debt))
    row = row_debt(f"{statements.statement_id(token)}#1", **{name_of(dispute): answer})
    made = with_inputs(honest, rows=(row,))
    made = structs.replace(made, statements=(*honest.statements, dispute, accepted(token, NOW)))
    said = failing(published(chained(assert_an_allow(answered_anew(made)), "mou-zichan", [dispute])))
    assert said == {"statements": "a row says that a signed statement answers a dispute, and the statement does not"}


def test_an_allow_on_facts_that_it_does_not_show_is_refused(honest: CaseFile) -> None:
    """Only the case file of a denial leaves out facts that gave no reason."""
    hidden = Undisclosed(mandate=True, route=True, consent=RuleTerms(), debt=RuleTerms())
    made = answered_anew(structs.replace(with_inputs(honest, undisclosed=hidden), statements=()))
    record = structs.replace(made.decision.record, decision="allow", reasons=(), findings=())
    made = structs.replace(made, decision=structs.replace(made.decision, record=record))
    assert "depends on facts without evidence" in failing(published(made))["statements"]


# Debts that a snapshot leaves out, and answers to disputes


def snapshot(**changes: Any) -> str:
    return manifest(snapshot=True, as_of=stamp(NOW), **changes)


def left_out(token: str) -> str:
    return f"{statements.statement_id(token)}#left-out"


def left_out_debt(token: str, **changes: Any) -> InputRow:
    row = row_debt(left_out(token))
    assert row.debt
    return structs.replace(row, debt=structs.replace(row.debt, newest=structs.replace(row.debt.newest, **changes)))


def test_a_debt_that_a_snapshot_leaves_out_is_withdrawn_as_of_it(honest: CaseFile) -> None:
    token = snapshot()
    made = with_row(honest, "debt", token, left_out_debt(token, status="withdrawn", at=NOW))
    assert made.decision.record.reasons == ("DEBT_WITHDRAWN",)
    assert failing(published(made)) == {}


@pytest.mark.parametrize("status", ["open", "settled", "withdrawn"])
def test_a_debt_that_a_snapshot_leaves_out_is_nothing_else(status: str, honest: CaseFile) -> None:
    """The creditor's genuine snapshot does not have the recipient at all, and the operator makes a debt of that."""
    token = snapshot()
    at = NOW - MINUTE if status == "withdrawn" else NOW
    made = with_row(honest, "debt", token, left_out_debt(token, status=status, at=at))
    assert "it is not withdrawn as of the file" in failing(published(made))["statements"]


@pytest.mark.parametrize("kind", ["debt", "consent"])
def test_no_consent_is_left_out_of_a_file(kind: str, honest: CaseFile) -> None:
    token = snapshot(kind=kind)
    made = assert_an_allow(with_row(honest, "consent", token, row_consent(left_out(token))))
    said = failing(published(made))["statements"]
    assert "no debt, and a file leaves out nothing else" in said or "no snapshot of debts" in said


def disputed() -> LoggedStatement:
    members = {"recipient": RECIPIENT, "creditor": "mou-zichan", "claim": "not_mine", "received_at": stamp(NOW)}
    return accepted(signed("xinxi", "dispute", members), NOW)


def with_answer(honest: CaseFile, row: InputRow, *tokens: str) -> CaseFile:
    """An allow in spite of a genuine dispute, which this row says was answered."""
    dispute = disputed()
    made = with_inputs(honest, rows=(row,))
    added = (dispute, *(accepted(token, NOW + 2 * MINUTE) for token in tokens))
    made = answered_anew(structs.replace(made, statements=(*honest.statements, *added)))
    return chained(assert_an_allow(made), "mou-zichan", [dispute])


def answered(name: str, newest: str, *, later: timedelta = MINUTE, answer: timedelta = MINUTE) -> InputRow:
    row = row_debt(newest, **{name_of(disputed()): DisputeAnswer(NOW + answer, name)})
    assert row.debt
    return structs.replace(row, debt=structs.replace(row.debt, newest=structs.replace(row.debt.newest, at=NOW + later)))


def test_a_debt_that_is_left_out_answers_no_dispute(honest: CaseFile) -> None:
    token, file = snapshot(), manifest()
    row = answered(left_out(token), f"{statements.statement_id(file)}#1")
    assert failing(published(with_answer(honest, row, token, file))).keys() == {"statements"}
    signed_debt = answered(left_out(token), name_of(token_of(honest, "debt")))
    assert failing(published(with_answer(honest, signed_debt, token))).keys() == {"statements"}


def test_an_answer_by_a_row_without_a_proof_is_named_as_such(honest: CaseFile) -> None:
    """Its creditor signed the digest of the file, so only the file shows what the row answers."""
    file = manifest()
    name = f"{statements.statement_id(file)}#1"
    data = published(with_answer(honest, answered(name, name), file))
    assert failing(data) == {}
    (said,) = [one.detail for one in bundle.check(data, KEY).checks if one.name == "rows"]
    assert said.startswith("1 facts are rows of files whose creditor signed the file's digest and not the row alone")


def test_an_answer_has_the_time_of_the_row_that_is_the_debt(honest: CaseFile) -> None:
    file = manifest()
    name = f"{statements.statement_id(file)}#1"
    for later, answer in ((MINUTE, 2 * MINUTE), (2 * MINUTE, MINUTE)):
        made = with_answer(honest, answered(name, name, later=later, answer=answer), file)
        assert failing(published(made)).keys() == {"statements"}


def test_the_answer_of_another_debt_is_refused(honest: CaseFile) -> None:
    """The creditor stated another debt of the recipient anew. The operator takes this for an answer about this debt."""
    at = NOW + MINUTE
    members = debt_members(NOW, debt_ref="B-2", as_of=stamp(at), answers_dispute=name_of(disputed()))
    other, file = signed("mou-zichan", "debt", members), manifest()
    row = answered(statements.statement_id(other), f"{statements.statement_id(file)}#1")
    dispute = disputed()
    made = with_inputs(honest, rows=(row,))
    added = (dispute, accepted(other, at), accepted(file, at))
    record = structs.replace(made.decision.record, debt_ref="A-1")
    made = structs.replace(made, decision=structs.replace(made.decision, record=record))
    made = answered_anew(structs.replace(made, statements=(*honest.statements, *added)))
    made = chained(assert_an_allow(made), "mou-zichan", [dispute])
    assert failing(published(made)) == {
        "statements": "a row says that a signed statement answers a dispute, and the statement does not"
    }


def proven_file(members: dict[str, Any], **changes: Any) -> tuple[str, ProvenRow, RowStatement]:
    """A file of one row with a `rows_root`, as its creditor signs it; and its row."""
    data = json.dumps(members).encode()
    form = {"format": "jsonl", "rows": 1, "sha256": digest(data)} | changes
    root = root_of(validate(jws.read(manifest(**form)).payload, Manifest), data, SEED)
    token = manifest(**form, rows_root=root)
    row = ProvenRow(f"{statements.statement_id(token)}#1", members, row_salt(SEED, 1).hex(), ())
    statement = Portfolio(validate(jws.read(token).payload, Manifest)).statement_of(members, NOW + DAY)
    assert not isinstance(statement, Reject)
    return token, row, statement


def with_proofs(case: CaseFile, *rows: ProvenRow) -> CaseFile:
    found = {one.statement: one for one in rows}
    return structs.replace(case, rows=tuple(found[name] for name in case.decision.record.relied_on if name in found))


def test_the_answer_of_a_proven_row_is_not_dated_later(honest: CaseFile) -> None:
    """The creditor stated the debt before the recipient disputed it, or before the newest dispute of that content."""
    members = debt_members(NOW, as_of=stamp(NOW - MINUTE), answers_dispute=name_of(disputed()))
    token, row, statement = proven_file(members)
    assert isinstance(statement, DebtStatement)
    file = manifest()
    fact = answered(row.statement, f"{statements.statement_id(file)}#1")
    made = with_proofs(with_answer(honest, fact, token, file), row)
    assert failing(published(made)) == {"rows": "its row 1 says something else about A-1"}


@pytest.mark.parametrize("same", [True, False])
def test_a_row_without_a_proof_hides_no_difference_of_persons(same: bool, honest: CaseFile) -> None:
    """Debtor and holder are two people by proven rows. An answer by a row without a proof is no reason to believe the
    operator that they are one."""
    holder, other = ("sha256:" + digit * 64 for digit in "12")
    at = stamp(NOW + MINUTE)
    debts, debt_row, debt = proven_file(debt_members(NOW, as_of=at, subject=holder if same else other))
    consents, consent_row, consent = proven_file(
        consent_members(NOW, granted_at=stamp(NOW - DAY), subject=holder), kind="consent"
    )
    assert isinstance(debt, DebtStatement)
    assert isinstance(consent, ConsentStatement)
    file, dispute = manifest(), disputed()
    answer = DisputeAnswer(NOW + MINUTE, f"{statements.statement_id(file)}#1")
    rows = (
        InputRow(of="sms", consent=ConsentState(to_consent(consent, consent_row.statement, "", None))),
        InputRow(of="A-1", debt=DebtState(to_debt(debt, debt_row.statement, "", None), {name_of(dispute): answer})),
    )
    others = [one for one in honest.statements if one.record.kind not in ("debt", "consent")]
    files = [accepted(token, NOW + 2 * MINUTE) for token in (debts, consents, file)]
    made = structs.replace(with_inputs(honest, rows=rows), statements=(*others, dispute, *files))
    made = with_proofs(chained(assert_an_allow(answered_anew(made)), "mou-zichan", [dispute]), debt_row, consent_row)
    different = {"rows": "debtor and holder are different people, by the statements, and the record allows"}
    assert failing(published(made)) == ({} if same else different)


# The rest of the file


def with_rules(case: CaseFile, **changes: Any) -> CaseFile:
    return answered_anew(structs.replace(case, rules={**case.rules, **changes}))


def loosened(case: CaseFile) -> list[dict[str, Any]]:
    """The rows without the rules on frequency."""
    return [row for row in case.rules["rows"] if row["kind"] != "cap"]


@pytest.mark.parametrize("version", ["2026-11-25", "2026-11-25+own", "2027-01-01", "own"])
def test_a_looser_rule_pack_is_named_and_not_good(version: str, honest: CaseFile) -> None:
    made = with_rules(honest, version=version, rows=loosened(honest))
    said = failing(published(assert_an_allow(made)))["rules"]
    assert f"the rules, version {version}, are neither a pack that duecare ships nor a tightening of one" in said


def test_a_pack_that_changes_one_row_to_permit_more_is_refused(honest: CaseFile) -> None:
    rows = [row | {"max": 999} if row["kind"] == "cap" else row for row in honest.rules["rows"]]
    assert "lets more through" in failing(published(with_rules(honest, version="2026-11-25+own", rows=rows)))["rules"]


def test_a_pack_that_tightens_the_shipped_one_is_good_and_named(honest: CaseFile) -> None:
    own = packs.packed(packs.cap(50, id="own-cap"), version="own.1")
    pack = tighten(packs.PACK, own)
    made = assert_an_allow(answered_anew(structs.replace(honest, rules=json.loads(pack.data))))
    verdict = bundle.check(published(made), KEY)
    assert verdict.outcome is CaseFileOutcome.GOOD, verdict.checks
    (rules,) = [one.detail for one in verdict.checks if one.name == "rules"]
    assert rules.endswith("the rules that duecare ships as 2026-11-25, tightened by the operator")


def test_a_row_marked_as_the_operators_does_not_hide_that_a_shipped_row_is_gone(honest: CaseFile) -> None:
    rows = loosened(honest)
    own = packs.cap(50, id="own-cap") | {"operator": True}
    made = with_rules(honest, version="2026-11-25+own.1", rows=[*rows, own])
    assert "a row or a day of the rules shipped as 2026-11-25 is missing" in failing(published(made))["rules"]


def test_the_receipt_of_another_decision_is_refused(honest: CaseFile) -> None:
    record = structs.replace(honest.decision.record, message_id="another", decision_id="another")
    another = structs.replace(honest.decision, record=record)
    assert "says something else than the record" in failing(published(honest, receipt_of=another))["receipt"]


def test_shadow_mode_is_not_relabelled_as_enforced(honest: CaseFile) -> None:
    made = with_party(honest, "xinxi", lambda party: structs.replace(party, shadow=True))
    assert honest.decision.record.enforced
    assert "xinxi was in shadow mode" in failing(published(made))["parties"]


@pytest.mark.parametrize("provisional", [True, False])
def test_a_rehearsal_is_not_relabelled(provisional: bool, honest: CaseFile) -> None:
    send_at = None if provisional else AT + DAY
    record = structs.replace(honest.decision.record, provisional=provisional, send_at=send_at)
    made = answered_anew(structs.replace(honest, decision=structs.replace(honest.decision, record=record)))
    assert "whether the answer is a rehearsal does not follow" in failing(published(made))["parties"]


@pytest.mark.parametrize("part", ["statements", "parties", "receipt_keys"])
def test_each_part_is_in_its_order_and_has_nothing_twice(part: str, honest: CaseFile) -> None:
    parts = getattr(honest, part)
    check = {"receipt_keys": "receipt"}.get(part, part)
    assert check in failing(published(structs.replace(honest, **{part: (*parts, parts[0])})))
    if len(parts) > 1:
        assert check in failing(published(structs.replace(honest, **{part: parts[::-1]})))


@pytest.fixture(scope="module")
def reopened() -> CaseFile:
    """An allow after a stop that the recipient's START lifted."""
    world = LoggedWorld().honest()
    world.verify(message_id="first")
    reply = {"recipient": RECIPIENT, "message_id": "first", "received_at": stamp(world.now)}
    world.accepted("xinxi", "reply", **reply, text="T")
    world.now += timedelta(seconds=1)
    world.accepted("xinxi", "reply", **reply | {"text": "START", "received_at": stamp(world.now)})
    decided = world.verify(message_id="second")
    world.sequenced()
    return msgspec.json.decode(world.case_file(decided), type=CaseFile)


def test_a_start_lifts_no_stop_of_another_creditor(reopened: CaseFile) -> None:
    """The recipient answered a message of another bank. The operator uses the START for this creditor."""
    assert failing(published(reopened)) == {}
    (allow,) = reopened.allows
    record = structs.replace(allow.record, creditor="other-bank", collector="other-bank")
    ((name, answered),) = reopened.inputs.starts.items()
    start = AnsweredAllow(answered.at, answered.decision_id, digest(encode_record(record)))
    made = with_inputs(structs.replace(reopened, allows=(structs.replace(allow, record=record),)), starts={name: start})
    said = failing(published(assert_an_allow(answered_anew(made))))
    assert said.keys() <= {"starts"}
    assert "message of another creditor" in said.get("starts", "")


def test_a_suspended_gateway_reopens_nothing(reopened: CaseFile) -> None:
    """It may state only what protects a recipient, and a START does not."""
    made = with_party(reopened, "xinxi", lambda party: structs.replace(party, state="suspended"))
    assert failing(published(made)) == {"starts": "xinxi was suspended when its START was accepted"}


# The size of the input


def test_a_text_of_megabytes_is_refused_before_it_is_read(honest: CaseFile, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    monkeypatch.setattr(bundle, "recompute", lambda *given: read.append(given))
    for text in ("退" * (bounds.MAX_BYTES // 3), "退" * (bounds.MAX_TEXT + 1)):
        verdict = bundle.check(bundle.encode(with_inputs(honest, text=text)), KEY)
        assert [(one.name, one.ok) for one in verdict.checks] == [("form", False)]
    assert read == []


@pytest.mark.parametrize(
    "rules",
    [
        lambda: {"a": [0] * (bounds.MAX_VALUES + 1)},
        lambda: json.loads("[" * (bounds.MAX_DEPTH + 1) + "]" * (bounds.MAX_DEPTH + 1)),
        lambda: json.loads("[" * 900 + "]" * 900),
    ],
    ids=["many-values", "deep", "very-deep"],
)
def test_values_without_number_or_end_are_refused_before_they_are_sorted(
    rules: Callable[[], Any], honest: CaseFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = json.loads(bundle.encode(honest)) | {"rules": {"a": rules()}}
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    monkeypatch.setattr(bundle, "canonical", lambda _: pytest.fail("it was sorted"))
    verdict = bundle.check(data, KEY)
    assert [(one.name, one.ok) for one in verdict.checks] == [("form", False)]


@pytest.mark.parametrize(
    ("names", "good"),
    [
        (["Asia/Beijing"], True),
        (["the operator writes what it likes"], False),
        (["Asia/Shanghai\n"], False),
        (["A" * 65], False),
        ([f"Asia/Z{number}" for number in range(65)], False),
    ],
    ids=["another-name", "a-sentence", "a-line", "long", "many"],
)
def test_a_place_has_the_names_of_time_zones_and_not_many(names: list[str], good: bool, honest: CaseFile) -> None:
    """Zones are compared by their clocks, so that the names were free."""
    (place,) = honest.inputs.places
    (clock,) = place.zones.values()
    made = with_inputs(honest, places=(structs.replace(place, zones=dict.fromkeys(names, clock)),))
    record = structs.replace(made.decision.record, inputs_sha256=digest(encode_inputs(made.inputs)))
    made = structs.replace(made, decision=structs.replace(made.decision, record=record))
    failed = [one.name for one in bundle.check(published(made), KEY).checks if not one.ok]
    assert failed == ([] if good else ["replay", "place"])


def test_a_file_at_the_limits_of_its_form_is_still_judged(honest: CaseFile) -> None:
    text = "【某资产】" + "退" * (bounds.MAX_TEXT - 5)
    made = answered_anew(with_inputs(honest, text=text))
    assert failing(published(made)) == {}


# One file cannot show these: the outcome says so


def limits(data: bytes) -> str:
    verdict = bundle.check(data, KEY)
    assert verdict.outcome is CaseFileOutcome.GOOD, verdict.checks
    assert verdict.case is not None
    return " ".join(verdict.case.cannot_show)


def test_a_key_of_the_operators_own_in_the_creditors_name_is_left_to_the_creditor(honest: CaseFile) -> None:
    """The operator registers a key of its own for the creditor and signs with it. Only the creditor knows its key."""
    proven = proven_jwk(OPERATORS_KEY, NOW)
    jwk = {name: value for name, value in proven.items() if name in ("kty", "crv", "x", "y")}
    own = PartyKey(kid=thumbprint(jwk), jwk=jwk, proof=proven["proof"], registered_at=NOW)
    made = with_party(honest, "mou-zichan", lambda party: structs.replace(party, keys=(*party.keys, own)))
    made = with_statement(made, "consent", signed("mou-zichan", "consent", consent_members(NOW), key="shenji"))
    assert "ask the party for the thumbprint of its key" in limits(published(assert_an_allow(made)))


def test_a_message_that_was_asked_about_in_shadow_is_left_to_the_gateways_receipt(honest: CaseFile) -> None:
    """The gateway asked in shadow mode by a member of its request, which nothing but its receipt shows."""
    assert "compare the receipt that the gateway holds" in limits(published(honest))


def test_another_row_of_the_creditors_file_is_named_as_signed_by_nobody_alone(honest: CaseFile) -> None:
    """Row 3 is about somebody else; the operator says that it is about this recipient."""
    token = manifest()
    made = with_row(honest, "debt", token, row_debt(f"{statements.statement_id(token)}#3"))
    data = published(assert_an_allow(made))
    assert failing(data) == {}
    (said,) = [one.detail for one in bundle.check(data, KEY).checks if one.name == "statements"]
    assert "1 facts are rows of files, whose digest their creditor signed, and not the row alone" in said


def test_an_invented_witness_is_not_counted(honest: CaseFile) -> None:
    invented = WitnessKey("court.example", b"w" * 32)
    data = published(honest, [invented])
    (said,) = [one.detail for one in bundle.check(data, KEY).checks if one.name == "log"]
    assert "1 witnesses, which are not counted" in said
    assert "only a witness that you name shows that" in limits(data)


def test_the_limits_are_part_of_the_file_and_cannot_be_left_out(honest: CaseFile) -> None:
    for said in ((), bundle.CANNOT_SHOW[1:]):
        verdict = bundle.check(published(structs.replace(honest, cannot_show=said)), KEY)
        assert verdict.outcome is CaseFileOutcome.FAILED


def test_without_the_logs_key_nobody_knows_whose_file_it_is(honest: CaseFile) -> None:
    """Anyone can run a log. Only a key from elsewhere shows that it is the service's."""
    verdict = bundle.check(published(honest), None)
    assert (verdict.outcome, verdict.ok) == (CaseFileOutcome.UNNAMED_LOG, False)
    assert int(verdict.outcome) == 3


def test_an_invented_contact_or_halt_is_named_as_the_operators_record(honest: CaseFile) -> None:
    contacts = tuple(
        CountedContact(at=int((AT - timedelta(hours=hours)).timestamp()), channel="sms", own=True)
        for hours in (3, 2, 1)
    )
    for changes in ({"counted": contacts}, {"halted": True}):
        made = answered_anew(with_inputs(honest, **changes))
        assert made.decision.record.reasons in (("FREQUENCY_CAP",), ("HALTED",))
        assert "The counted contacts and a halt of the service are the operator's record." in limits(published(made))
