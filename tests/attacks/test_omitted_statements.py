"""A dishonest operator with all keys of the service leaves a recipient's stop out of a decision, or forks the chain.

The case files are well made (tests/support/forger.py). The recipient's party holds the acknowledgement of the stop, and
another party the case file of another decision: the operator signed both before it had the idea.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec import structs

from duecare_core.domain.facts.void import Void
from duecare_core.evidence import statement as statements
from duecare_core.evidence.acknowledgement import AcknowledgementKey, claims
from duecare_core.evidence.casefile import bundle
from duecare_core.evidence.casefile.acknowledged import AcknowledgementResult, Presence, compare, read
from duecare_core.evidence.casefile.bundle import CaseFile, Verdict
from duecare_core.evidence.casefile.chain_parts import LoggedStatement, LoggedVoid
from duecare_core.evidence.casefile.comparison import compare as compare_files
from duecare_core.evidence.statement import StatementRecord
from tests.support.forger import accepted, answered_anew, chained, hidden, published
from tests.support.logs import LOG_KEY, LoggedWorld
from tests.support.world import DAY, ISSUER, KEYS, NOW, RECIPIENT, World, stamp

KEY = LOG_KEY.verifier_key
CREDITOR = "mou-zichan"
MINUTE = timedelta(minutes=1)
AT = NOW + timedelta(minutes=30)  # of the decision


def opt_out(gateway: str = "other-gateway", creditor: str = CREDITOR, at: datetime = NOW + 10 * MINUTE) -> str:
    """A genuine stop: signed by the gateway to which the recipient said it."""
    members = {"recipient": RECIPIENT, "creditor": creditor, "received_at": stamp(at)}
    return statements.sign(
        "opt-out", {"iss": gateway, "aud": ISSUER, "iat": int(at.timestamp()), **members}, KEYS[gateway]
    )


def dispute(debt_ref: str, at: datetime = NOW + 10 * MINUTE, gateway: str = "other-gateway") -> str:
    members = {"recipient": RECIPIENT, "creditor": CREDITOR, "debt_ref": debt_ref, "claim": "paid"}
    members |= {"iss": gateway, "aud": ISSUER, "iat": int(at.timestamp()), "received_at": stamp(at)}
    return statements.sign("dispute", members, KEYS[gateway])


@pytest.fixture(scope="module")
def allow() -> CaseFile:
    """An allow that the operator made honestly, before there was any stop. The parties are all in the file."""
    world = LoggedWorld().honest()
    world.now = NOW + MINUTE
    # A dispute about another debt, so that the chain is not empty.
    world.accepted("other-gateway", "dispute", **_other_debt(world))
    world.now = AT
    decided = world.verify(message_id="honest")
    assert decided.record.decision == "allow"
    world.sequenced()
    return msgspec.json.decode(world.case_file(decided), type=CaseFile)


def _other_debt(world: World) -> dict[str, Any]:
    return {
        "recipient": RECIPIENT,
        "creditor": CREDITOR,
        "debt_ref": "B-9",
        "claim": "paid",
        "received_at": stamp(world.now),
    }


def at(token: str, when: datetime = NOW + 10 * MINUTE) -> LoggedStatement:
    return accepted(token, when)


def made(case: CaseFile) -> Verdict:
    """The verdict about the file that the operator publishes."""
    return bundle.check(published(case), KEY)


def wrong(case: CaseFile) -> dict[str, str]:
    return {one.name: one.detail for one in made(case).checks if not one.ok}


def acknowledgement(case: CaseFile, logged: LoggedStatement, key: bytes = b"a" * 32, **changes: Any) -> str:
    """The acknowledgement that the service gave for the last statement of this chain."""
    token, (chain, *_) = logged.jws, case.decision.record.chains
    read_payload = statements.jws.read(token).payload
    record = StatementRecord(
        kind=logged.record.kind,
        issuer=read_payload["iss"],
        kid=logged.record.kid,
        received_at=logged.record.received_at,
        effect="in_force",
        chain=chain,
    )
    recipient = (case.inputs.number, b"0" * 16)
    payload = claims(statements.statement_id(token), record, recipient) | changes
    return AcknowledgementKey(key).sign(payload)


def test_the_operators_craft_is_good(allow: CaseFile) -> None:
    assert made(answered_anew(allow)).ok
    longer = chained(allow, CREDITOR, [at(dispute("C-1"))])
    assert made(longer).ok


# Omission within the file


@pytest.mark.parametrize("of", [CREDITOR, "*"])
def test_a_stop_that_is_in_the_chain_and_not_among_the_facts_is_refused(of: str, allow: CaseFile) -> None:
    assert "OPTED_OUT" in wrong(chained(allow, of, [at(opt_out(creditor=of))]))["replay"]


def test_a_dispute_of_this_debt_that_is_in_the_chain_and_not_among_the_facts_is_refused(allow: CaseFile) -> None:
    assert "DEBT_DISPUTED" in wrong(chained(allow, CREDITOR, [at(dispute("A-1"))]))["replay"]


def test_a_denial_that_hides_a_stop_behind_another_reason_is_refused(allow: CaseFile) -> None:
    text = "【某资产】您欠款99999元,退订回T"
    denial = answered_anew(structs.replace(allow, inputs=structs.replace(allow.inputs, text=text)))
    assert denial.decision.record.reasons == ("TEXT_AMOUNT",)
    assert made(denial).ok
    assert "OPTED_OUT is not among" in wrong(chained(denial, CREDITOR, [at(opt_out())]))["replay"]


def test_a_stop_that_the_chain_leaves_out_does_not_lead_to_the_head(allow: CaseFile) -> None:
    longer = chained(allow, CREDITOR, [at(opt_out())])
    shorter = structs.replace(longer, chains=allow.chains)
    assert "1 statements here, and 2 in the record" in wrong(shorter)["chains"]


def test_a_stop_that_is_replaced_by_another_statement_does_not_lead_to_the_head(allow: CaseFile) -> None:
    longer = chained(allow, CREDITOR, [at(opt_out())])
    harmless = chained(allow, CREDITOR, [at(dispute("C-1"))])
    assert "does not lead to the head" in wrong(structs.replace(longer, chains=harmless.chains))["chains"]


def test_reordered_links_do_not_lead_to_the_head(allow: CaseFile) -> None:
    longer = chained(allow, CREDITOR, [at(dispute("C-1"))])
    (chain,) = longer.chains
    turned = structs.replace(longer, chains=(structs.replace(chain, links=chain.links[::-1]),))
    assert "does not lead to the head" in wrong(turned)["chains"]


def test_a_chain_or_link_too_many_is_refused(allow: CaseFile) -> None:
    (chain,) = allow.chains
    for chains in ((chain, structs.replace(chain, of="*")), (), (structs.replace(chain, links=chain.links * 2),)):
        assert "chains" in wrong(structs.replace(allow, chains=chains))


def test_another_statement_under_the_id_of_a_link_is_refused(allow: CaseFile) -> None:
    longer = chained(allow, CREDITOR, [at(opt_out())])
    (chain,) = longer.chains
    fake = structs.replace(chain.links[-1], statement=at(dispute("C-1")))
    links = (*chain.links[:-1], fake)
    assert "chains" in wrong(structs.replace(longer, chains=(structs.replace(chain, links=links),)))


def test_an_allow_that_withholds_a_stop_is_refused(allow: CaseFile) -> None:
    stop = at(opt_out())
    file = hidden(chained(allow, CREDITOR, [stop]), statements.statement_id(stop.jws), "withheld")
    assert "withheld" in wrong(file)["chains"]


def test_a_stop_that_is_passed_off_as_erased_is_named_and_its_acknowledgement_shows_it(allow: CaseFile) -> None:
    """One file cannot show whether the law let the operator erase a statement."""
    stop = at(opt_out())
    longer = chained(allow, CREDITOR, [stop])
    verdict = made(hidden(longer, statements.statement_id(stop.jws), "erased"))
    detail = next(one.detail for one in verdict.checks if one.name == "chains")
    assert "1 were erased, so nobody can check what they said" in detail
    found = compare(verdict, read(acknowledgement(longer, stop)))
    assert (found.presence, found.presence.ok) == (Presence.IGNORED, False)
    assert found.answer
    assert found.answer.differs


def test_a_void_of_another_party_of_after_the_decision_or_undone_does_not_hide_a_stop(allow: CaseFile) -> None:
    stop = at(opt_out())
    longer = chained(allow, CREDITOR, [stop])
    good = Void(party="other-gateway", since=NOW, until=NOW + 15 * MINUTE)
    logged = LoggedVoid(at=_z(NOW + 15 * MINUTE), id="v", version=1, record=good, proof="")

    def with_void(**changes: Any) -> CaseFile:
        record = structs.replace(good, **{name: changes.pop(name) for name in ("party", "until") if name in changes})
        return structs.replace(longer, voids=(structs.replace(logged, record=record, **changes),))

    verdict = made(with_void())
    assert verdict.ok  # an operator's void is visible, and binds all its other answers too
    assert any("the operator voided" in one.detail for one in verdict.checks)
    assert "covers no statement" in wrong(with_void(party="xinxi"))["chains"]
    assert "OPTED_OUT" in wrong(with_void(until=NOW + 5 * MINUTE))["replay"]
    assert "OPTED_OUT" in wrong(with_void(at=_z(AT + 2 * MINUTE)))["replay"]
    undone = structs.replace(logged, version=2, at=_z(NOW + 16 * MINUTE), record=structs.replace(good, state="undone"))
    later = structs.replace(longer, voids=(logged, undone), inputs=structs.replace(longer.inputs, at=AT))
    assert made(later).ok  # the table may not be in line yet
    old = structs.replace(undone, at=_z(NOW - timedelta(days=2)))
    assert "OPTED_OUT" in wrong(structs.replace(longer, voids=(old,)))["replay"]


def _z(when: datetime) -> str:
    return when.isoformat().replace("+00:00", "Z")


def test_a_stop_relied_on_outside_the_chain_is_refused(allow: CaseFile) -> None:
    stop = at(opt_out())
    denial = answered_anew(structs.replace(allow, statements=(*allow.statements, stop)))
    assert denial.decision.record.reasons == ("OPTED_OUT",)
    assert "not in the chains" in wrong(denial)["chains"]
    assert made(chained(denial, CREDITOR, [stop])).ok


@pytest.mark.parametrize("effect", ["in_force", "none"])
@pytest.mark.parametrize("reassigned", [False, True])
def test_a_stop_by_reply_that_is_passed_off_as_a_start_without_effect_needs_its_place(
    effect: Any, reassigned: bool, allow: CaseFile
) -> None:
    """Only a START that answered a message to an earlier holder has no place, and the reassignment has one."""
    when = NOW + 10 * MINUTE
    members = {"recipient": RECIPIENT, "creditor": CREDITOR, "text": "退订", "received_at": stamp(when)}
    claims_of = {"iss": "xinxi", "aud": ISSUER, "iat": int(when.timestamp())}
    stop = at(statements.sign("reply", claims_of | members, KEYS["xinxi"]))
    stop = structs.replace(stop, record=structs.replace(stop.record, effect=effect))
    case = answered_anew(structs.replace(allow, statements=(*allow.statements, stop)))
    assert case.decision.record.reasons == ("OPTED_OUT",)
    if reassigned:
        early = NOW + 5 * MINUTE
        moved = {"recipient": RECIPIENT, "effective_at": stamp(NOW - 5 * DAY)}
        by = {"iss": "yunyingshang", "aud": ISSUER, "iat": int(early.timestamp())}
        token = statements.sign("number-reassignment", by | moved, KEYS["yunyingshang"])
        case = hidden(chained(case, "*", [at(token, early)]), statements.statement_id(token), "withheld")
    refused = wrong(case)
    detail = refused["replay"] if reassigned and effect == "none" else refused["chains"]
    assert "not in the chains" in detail


@pytest.mark.parametrize("shown", ["withheld", "erased"])
def test_a_link_that_is_not_shown_excuses_only_a_stop_that_its_statement_may_lift(shown: Any, allow: CaseFile) -> None:
    text = "【某资产】您欠款99999元,退订回T"
    denial = answered_anew(structs.replace(allow, inputs=structs.replace(allow.inputs, text=text)))
    stop, earlier = at(opt_out()), at(dispute("C-1", NOW + 9 * MINUTE), NOW + 9 * MINUTE)
    later = at(dispute("C-1", NOW + 11 * MINUTE), NOW + 11 * MINUTE)
    before = chained(denial, CREDITOR, [earlier, stop])
    before = hidden(before, statements.statement_id(earlier.jws), shown)
    assert "OPTED_OUT is not among" in wrong(before)["replay"]
    elsewhere = chained(chained(denial, CREDITOR, [stop]), "*", [at(opt_out(creditor="*"), NOW + 11 * MINUTE)])
    name = elsewhere.chains[-1].links[-1].statement_id
    assert "OPTED_OUT is not among" in wrong(hidden(elsewhere, name, shown))["replay"]
    after = hidden(chained(denial, CREDITOR, [stop, later]), statements.statement_id(later.jws), shown)
    assert made(after).ok  # nobody can tell; the file says that the link is not shown


def test_an_acknowledged_stop_that_is_not_shown_is_ignored_unless_a_later_link_may_lift_it(allow: CaseFile) -> None:
    text = "【某资产】您欠款99999元,退订回T"
    denial = answered_anew(structs.replace(allow, inputs=structs.replace(allow.inputs, text=text)))
    stop, later = at(opt_out()), at(dispute("C-1", NOW + 11 * MINUTE), NOW + 11 * MINUTE)
    alone = chained(denial, CREDITOR, [stop])
    token = acknowledgement(alone, stop)
    found = compared(hidden(alone, statements.statement_id(stop.jws), "erased"), f"{token} {stop.jws}")
    assert found.answer
    assert (found.presence, found.answer.differs) == (Presence.IGNORED, True)
    both = chained(denial, CREDITOR, [stop, later])
    for link in (stop, later):
        both = hidden(both, statements.statement_id(link.jws), "erased")
    found = compared(both, f"{token} {stop.jws}")
    assert found.answer
    assert (found.presence, found.answer.differs) == (Presence.INCLUDED, None)
    assert "may have lifted" in found.answer.detail


def test_a_denial_for_quiet_hours_that_end_shows_every_fact(allow: CaseFile) -> None:
    night = structs.replace(allow.inputs, at=NOW.replace(hour=15))
    denial = answered_anew(structs.replace(allow, inputs=night))
    assert (denial.decision.record.reasons, bool(denial.decision.record.retry_at)) == (("QUIET_HOURS",), True)
    assert made(denial).ok
    assert "DEBT_DISPUTED" in wrong(chained(denial, CREDITOR, [at(dispute("A-1"))]))["replay"]


def test_a_statement_that_is_no_act_of_the_recipient_has_no_place_in_a_chain(allow: CaseFile) -> None:
    (debt,) = [one for one in allow.statements if one.record.kind == "debt"]
    assert "chains" in wrong(chained(allow, CREDITOR, [debt]))


# Omission from the file


def compared(case: CaseFile, token: str) -> AcknowledgementResult:
    verdict = made(case)
    assert verdict.ok, "nothing in the file itself gives it away"
    return compare(verdict, read(token))


def test_an_acknowledgement_shows_that_the_decision_left_the_stop_out(allow: CaseFile) -> None:
    stop = at(opt_out())
    token = acknowledgement(chained(allow, CREDITOR, [stop]), stop)
    found = compared(allow, token)
    assert (found.presence, found.presence.ok) == (Presence.LEFT_OUT, False)
    assert found.answer
    assert "OPTED_OUT" in found.answer.detail
    with_statement = compared(allow, f"{token}\n{stop.jws}\n")
    assert with_statement.answer
    assert with_statement.answer.differs
    assert "deny (OPTED_OUT)" in with_statement.answer.detail


def test_a_statement_that_changes_nothing_is_left_out_all_the_same(allow: CaseFile) -> None:
    harmless = at(dispute("C-1"))
    token = acknowledgement(chained(allow, CREDITOR, [harmless]), harmless)
    alone = compared(allow, token)
    assert alone.answer
    assert (alone.presence, alone.answer.differs) == (Presence.LEFT_OUT, None)
    both = compared(allow, f"{token} {harmless.jws}")
    assert both.answer
    assert (both.presence, both.answer.differs) == (Presence.LEFT_OUT, False)


@pytest.mark.parametrize(
    ("seconds", "presence"),
    [(61, Presence.LEFT_OUT), (60, Presence.LATER), (1, Presence.LATER), (0, Presence.LATER), (-5, Presence.LATER)],
)
def test_a_decision_must_know_what_was_acknowledged_more_than_60_seconds_before(
    seconds: int, presence: Presence, allow: CaseFile
) -> None:
    stop = at(opt_out(), AT - timedelta(seconds=seconds))
    assert compared(allow, acknowledgement(chained(allow, CREDITOR, [stop]), stop)).presence == presence


def test_a_stop_that_the_decision_knew_is_found_at_its_place(allow: CaseFile) -> None:
    stop = at(opt_out())
    denial = chained(answered_anew(structs.replace(allow, statements=(*allow.statements, stop))), CREDITOR, [stop])
    found = compared(denial, acknowledgement(denial, stop))
    assert (found.presence, found.answer) == (Presence.INCLUDED, None)
    assert "relies on it" in found.detail


@pytest.mark.parametrize("of", ["another place", "another history"])
def test_a_chain_that_was_forked_before_the_decision_contradicts_the_acknowledgement(of: str, allow: CaseFile) -> None:
    stop, harmless = at(opt_out()), at(dispute("C-1"))
    token = acknowledgement(chained(allow, CREDITOR, [stop]), stop)
    if of == "another place":
        forked = chained(allow, CREDITOR, [harmless])
    else:
        emptied = chained(allow, CREDITOR, omitted=1)
        forked = chained(emptied, CREDITOR, [harmless, at(dispute("D-1"))])
    found = compared(forked, token)
    assert (found.presence, found.presence.ok) == (Presence.CONTRADICTED, False)


def test_an_acknowledgement_that_the_service_did_not_make_proves_nothing(allow: CaseFile) -> None:
    stop = at(opt_out())
    longer = chained(allow, CREDITOR, [stop])
    made_up = compared(allow, acknowledgement(longer, stop, key=b"x" * 32))
    assert made_up.presence == Presence.UNKNOWN
    assert "not known whether the service made it" in made_up.detail
    head, body, signature = acknowledgement(longer, stop).split(".")
    forged = compared(allow, f"{head}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}")
    assert forged.presence == Presence.UNKNOWN
    assert "did not make it" in forged.detail


def test_an_acknowledgement_about_something_else_is_not_compared(allow: CaseFile) -> None:
    stop = at(opt_out())
    longer = chained(allow, CREDITOR, [stop])
    other = acknowledgement(longer, stop, recipient="sha256:" + "0" * 64)
    assert "another telephone number" in compared(allow, other).detail
    elsewhere = acknowledgement(longer, stop, chain={"of": "other-bank", "seq": 1, "head": "sha256:" + "0" * 64})
    assert "concerns the creditor other-bank" in compared(allow, elsewhere).detail


def test_of_a_debt_nothing_here_shows_whether_it_was_left_out(allow: CaseFile) -> None:
    (debt,) = [one for one in allow.statements if one.record.kind == "debt"]
    record = structs.replace(debt.record, effect="in_force")
    known = claims(statements.statement_id(debt.jws), record, (allow.inputs.number, b"0" * 16))
    key = AcknowledgementKey(b"a" * 32)
    assert compared(allow, key.sign(known)).presence == Presence.INCLUDED
    unknown = known | {"statement_id": "sha256:" + "0" * 64}
    assert compared(allow, key.sign(unknown)).presence == Presence.UNKNOWN


# Two answers


def test_two_answers_on_forked_chains_contradict(allow: CaseFile) -> None:
    one, other = (chained(allow, CREDITOR, [at(dispute(ref))]) for ref in ("C-1", "D-1"))
    assert made(one).ok
    assert made(other).ok
    checks = compare_files(one, other)
    assert [one.name for one in checks if not one.ok][:1] == ["chain"]
    assert "place 2 of the chain of mou-zichan" in checks[0].detail


def test_a_later_answer_with_a_shorter_chain_contradicts(allow: CaseFile) -> None:
    longer = chained(allow, CREDITOR, [at(dispute("C-1"))])
    record = structs.replace(allow.decision.record, at=AT + timedelta(seconds=61))
    later = structs.replace(allow, decision=structs.replace(allow.decision, record=record))
    for pair in ((longer, later), (later, longer)):
        assert "61 s later and read 1" in compare_files(*pair)[0].detail
    record = structs.replace(record, at=AT + timedelta(seconds=60))
    within = structs.replace(later, decision=structs.replace(later.decision, record=record))
    assert all(one.ok for one in compare_files(longer, within))


def test_honest_answers_do_not_contradict() -> None:
    world = LoggedWorld().honest()
    files = []
    for number in range(3):
        world.now += 2 * MINUTE
        world.accepted("xinxi", "dispute", **_other_debt(world) | {"debt_ref": f"B-{number}"})
        decided = world.verify(message_id=f"m-{number}")
        world.sequenced()
        files.append(msgspec.json.decode(world.case_file(decided), type=CaseFile))
    for one in files:
        for other in files:
            assert all(check.ok for check in compare_files(one, other))
