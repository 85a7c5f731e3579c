"""Case files under the label of an engine that the operator invented, and logged itself.

Another engine may explain another answer. It explains nothing that the evidence shows without any engine: a stop in the
chain, or an allow that rests on nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec import structs

from duecare_core.evidence import statement as statements
from duecare_core.evidence.casefile import bundle
from duecare_core.evidence.casefile.acknowledged import Presence, compare, read
from duecare_core.evidence.casefile.bundle import CaseFile, Verdict
from duecare_core.evidence.casefile.chain_parts import LoggedStatement
from duecare_core.evidence.casefile.outcome import CaseFileOutcome
from tests.attacks.test_omitted_statements import acknowledgement, dispute, opt_out
from tests.support.forger import accepted, answered_anew, chained, hidden, published
from tests.support.logs import LOG_KEY, LoggedWorld
from tests.support.world import ISSUER, KEYS, NOW, RECIPIENT, mandate_members, route_members, stamp

KEY = LOG_KEY.verifier_key
CREDITOR = "mou-zichan"
MINUTE = timedelta(minutes=1)
INVENTED = "duecare-core 1.9.9; phonenumbers 9.0.43; tzdata 2026.6"


@pytest.fixture(scope="module")
def allow() -> CaseFile:
    world = LoggedWorld().honest()
    world.now = NOW + MINUTE
    world.accepted("other-gateway", "dispute", **_about_the_recipient("B-9", world.now))
    world.now = NOW + 30 * MINUTE
    decided = world.verify(message_id="honest")
    assert decided.record.decision == "allow"
    world.sequenced()
    return msgspec.json.decode(world.case_file(decided), type=CaseFile)


def _about_the_recipient(debt_ref: str, at: datetime) -> dict[str, Any]:
    members = {"recipient": RECIPIENT, "creditor": CREDITOR, "debt_ref": debt_ref, "claim": "paid"}
    return members | {"received_at": stamp(at)}


def recorded(case: CaseFile, **changes: Any) -> CaseFile:
    record = structs.replace(case.decision.record, **changes)
    return structs.replace(case, decision=structs.replace(case.decision, record=record))


def labelled(case: CaseFile, name: str = INVENTED) -> CaseFile:
    engine = structs.replace(case.engine, record=structs.replace(case.engine.record, engine=name))
    return structs.replace(recorded(case, engine=name), engine=engine)


def differing(case: CaseFile) -> CaseFile:
    """The case file under the invented label, with an answer that no replay gives."""
    valid_until = case.decision.record.valid_until - timedelta(seconds=1)
    return labelled(recorded(case, valid_until=valid_until))


def made(case: CaseFile) -> Verdict:
    return bundle.check(published(case), KEY)


def wrong(verdict: Verdict) -> str:
    """What is wrong in the replay, which fails."""
    assert verdict.outcome is CaseFileOutcome.FAILED
    (one,) = [one for one in verdict.checks if one.name == "replay"]
    assert not one.other_engine
    return one.detail


def at(token: str) -> LoggedStatement:
    return accepted(token, NOW + 10 * MINUTE)


def without(case: CaseFile, kind: str) -> CaseFile:
    """The case file whose decision does not rely on a statement of this kind."""
    rest = tuple(one for one in case.statements if one.record.kind != kind)
    names = tuple(statements.statement_id(one.jws) for one in rest)
    return recorded(structs.replace(case, statements=rest), relied_on=names)


def test_an_invented_engine_that_nothing_contradicts_is_of_another_engine(allow: CaseFile) -> None:
    verdict = made(differing(allow))
    assert verdict.outcome is CaseFileOutcome.OTHER_ENGINE
    (replay,) = [one.detail for one in verdict.checks if one.name == "replay"]
    assert "check that it is a published release" in replay
    assert "pip install" not in replay


@pytest.mark.parametrize("of", [CREDITOR, "*"])
def test_an_invented_engine_hides_no_stop_in_the_chain(of: str, allow: CaseFile) -> None:
    stop = at(opt_out(creditor=of) if of == CREDITOR else opt_out("xinxi", of))
    assert "a stop in the chains is in force" in wrong(made(differing(chained(allow, of, [stop]))))


def test_a_stop_passed_off_as_a_start_is_a_stop(allow: CaseFile) -> None:
    members = {"recipient": RECIPIENT, "creditor": CREDITOR, "text": "START", "received_at": stamp(NOW + 12 * MINUTE)}
    start = statements.sign(
        "reply", {"iss": "xinxi", "aud": ISSUER, "iat": int(NOW.timestamp()), **members}, KEYS["xinxi"]
    )
    longer = chained(allow, CREDITOR, [at(opt_out()), accepted(start, NOW + 12 * MINUTE)])
    detail = wrong(made(differing(longer)))  # a START that answers no message that was allowed lifts nothing
    assert "a stop in the chains is in force" in detail


def test_a_denial_for_the_hour_under_an_invented_engine_hides_no_stop(allow: CaseFile) -> None:
    stopped = chained(allow, CREDITOR, [at(opt_out())])
    denial = recorded(stopped, decision="deny", reasons=("QUIET_HOURS",))
    assert "a stop in the chains is in force" in wrong(made(differing(denial)))
    other = recorded(stopped, decision="deny", reasons=("TEXT_THREAT",))
    assert "OPTED_OUT is not among the reasons" in wrong(made(differing(other)))


def test_an_invented_engine_hides_no_dispute_of_the_debt(allow: CaseFile) -> None:
    (debt,) = [one for one in allow.statements if one.record.kind == "debt"]
    ref = statements.jws.read(debt.jws).payload["debt_ref"]
    assert "a dispute in the chains covers the debt" in wrong(
        made(differing(chained(allow, CREDITOR, [at(dispute(ref))])))
    )
    assert made(differing(chained(allow, CREDITOR, [at(dispute("C-1"))]))).outcome is CaseFileOutcome.OTHER_ENGINE


def test_an_invented_engine_hides_no_revocation_and_no_new_holder(allow: CaseFile) -> None:
    common = {"aud": ISSUER, "iat": int(NOW.timestamp()), "recipient": RECIPIENT}
    revocation = common | {"iss": "other-gateway", "creditor": CREDITOR, "revoked_at": stamp(NOW + 10 * MINUTE)}
    revoked = at(statements.sign("consent-revocation", revocation, KEYS["other-gateway"]))
    assert "a revocation in the chains is in force" in wrong(made(differing(chained(allow, CREDITOR, [revoked]))))
    reassignment = common | {"iss": "other-gateway", "effective_at": stamp(NOW + 5 * MINUTE)}
    moved = at(statements.sign("number-reassignment", reassignment, KEYS["other-gateway"]))
    assert "the number changed hands" in wrong(made(differing(chained(allow, "*", [moved]))))


@pytest.mark.parametrize(
    ("kind", "named"),
    [("consent", "a consent on"), ("debt", "an open debt"), ("mandate", "a mandate of"), ("route", "a route of")],
)
def test_an_allow_without_what_every_allow_rests_on_fails_whatever_the_engine(
    kind: str, named: str, allow: CaseFile
) -> None:
    assert f"an allow rests on {named}" in wrong(made(labelled(without(allow, kind))))


def test_an_allow_that_rests_on_nothing_fails_whatever_the_engine(allow: CaseFile) -> None:
    bare = recorded(structs.replace(allow, statements=()), relied_on=())
    assert "an allow rests on" in wrong(made(labelled(bare)))


@pytest.mark.parametrize("changes", [{"status": "revoked"}, {"channels": ["voice"]}, {"valid_until": stamp(NOW)}])
def test_an_allow_by_a_mandate_or_a_route_that_is_not_in_force_fails_whatever_the_engine(
    changes: dict[str, Any], allow: CaseFile
) -> None:
    for kind, issuer, members in (("mandate", CREDITOR, mandate_members), ("route", "keji", route_members)):
        payload = {"iss": issuer, "aud": ISSUER, "iat": int(NOW.timestamp()), **members(NOW)}
        payload |= {"valid_from": stamp(NOW - MINUTE)} | changes
        other = accepted(statements.sign(kind, payload, KEYS[issuer]), NOW)
        rest = without(allow, kind)
        names = (*rest.decision.record.relied_on, statements.statement_id(other.jws))
        case = recorded(structs.replace(rest, statements=(*rest.statements, other)), relied_on=names)
        assert "an allow rests on" in wrong(made(labelled(case)))


def test_an_answer_that_contradicts_its_reasons_fails_whatever_the_engine(allow: CaseFile) -> None:
    assert "the answer is allow with 1 reasons" in wrong(made(labelled(recorded(allow, reasons=("QUIET_HOURS",)))))
    assert "the answer is deny with 0 reasons" in wrong(made(labelled(recorded(allow, decision="deny"))))


@pytest.mark.parametrize("name", ["duecare-core 0.0.1", "duecare-core 9.9.9+x"])
def test_a_version_that_no_release_can_have_is_no_excuse(name: str, allow: CaseFile) -> None:
    label = INVENTED.replace("duecare-core 1.9.9", name)
    valid_until = allow.decision.record.valid_until - timedelta(seconds=1)
    assert "was never released" in wrong(made(labelled(recorded(allow, valid_until=valid_until), label)))


# The acknowledgement of a statement, compared with the answer of another engine


def test_a_statement_in_the_chain_of_another_engines_answer_was_not_compared_with_it(allow: CaseFile) -> None:
    harmless = at(dispute("C-1"))
    longer = chained(allow, CREDITOR, [harmless])
    token = acknowledgement(longer, harmless)
    own = compare(made(longer), read(token))
    assert (own.presence, own.detail.endswith("the answer is the same with it and without it")) == (
        Presence.INCLUDED,
        True,
    )
    other = compare(made(differing(longer)), read(token))
    assert other.presence is Presence.INCLUDED
    assert "the same" not in other.detail
    assert "this engine did not compare the answer" in other.detail


def test_a_statement_left_out_of_another_engines_answer_is_not_said_to_change_it(allow: CaseFile) -> None:
    """The answers differ anyway. A stop forbids an allow whatever the engine."""
    harmless, stop = at(dispute("C-1")), at(opt_out())
    for one, differs in ((harmless, None), (stop, True)):
        token = acknowledgement(chained(allow, CREDITOR, [one]), one)
        found = compare(made(differing(allow)), read(f"{token}\n{one.jws}"))
        assert found.presence is Presence.LEFT_OUT
        assert found.answer
        assert found.answer.differs is differs


def test_a_stop_passed_off_as_erased_under_an_invented_engine_is_shown_by_its_acknowledgement(allow: CaseFile) -> None:
    stop = at(opt_out())
    longer = chained(allow, CREDITOR, [stop])
    verdict = made(hidden(differing(longer), statements.statement_id(stop.jws), "erased"))
    assert compare(verdict, read(acknowledgement(longer, stop))).presence is Presence.IGNORED


def test_an_honest_answer_under_another_label_is_good(allow: CaseFile) -> None:
    assert made(labelled(answered_anew(allow))).ok
