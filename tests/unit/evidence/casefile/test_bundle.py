"""The case file: good as it was made, and never after anything in it was changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from duecare.usecases import table
from duecare_core.errors import Conflict, NotFound
from duecare_core.evidence.canonical import canonical
from duecare_core.evidence.casefile import bundle
from duecare_core.evidence.casefile.outcome import CaseFileOutcome
from duecare_core.evidence.jose.keys import private_jwk
from duecare_core.evidence.jose.proof import proven_jwk
from duecare_core.evidence.log.note import LogKey
from tests.support.logs import LOG_KEY, ORIGIN, LoggedWorld
from tests.support.world import DAY, RECIPIENT, debt_members, stamp

KEY = LOG_KEY.verifier_key
Json = dict[str, Any]


@pytest.fixture(scope="module")
def world() -> LoggedWorld:
    return LoggedWorld().honest()


@pytest.fixture(scope="module")
def allowed(world: LoggedWorld) -> bytes:
    decided = world.verify(message_id="allowed")
    assert decided.record.decision == "allow"
    world.sequenced()
    return world.case_file(decided)


@pytest.fixture(scope="module")
def denied(world: LoggedWorld, allowed: bytes) -> bytes:
    """A deny with a statement of each party and findings, made after an allow because the recipient says stop."""
    world.accepted("xinxi", "opt-out", recipient=RECIPIENT, creditor="mou-zichan", received_at=stamp(world.now))
    decided = world.verify(message_id="denied", text="【某资产】您欠款99999元,再不还就联系你的父母")
    assert decided.record.decision == "deny"
    world.sequenced()
    return world.case_file(decided)


def failing(data: bytes, key: str | None = KEY) -> dict[str, str]:
    verdict = bundle.check(data, key)
    wrong = {one.name: one.detail for one in verdict.checks if not one.ok}
    assert verdict.ok is (wrong == {})
    return wrong


def changed(data: bytes, change: Callable[[Json], object]) -> bytes:
    """In its canonical form again, so that the form does not give it away."""
    value = json.loads(data)
    change(value)
    return canonical(value)


def test_an_allow_and_a_deny_verify_offline_to_the_last_check(allowed: bytes, denied: bytes) -> None:
    for data in (allowed, denied):
        verdict = bundle.check(data, KEY)
        assert [one.name for one in verdict.checks] == ["form", *bundle.CHECKS]
        assert verdict.ok, verdict.checks


@pytest.mark.parametrize("flip", [0x01, 0x20, 0x80])
def test_no_byte_can_be_changed(allowed: bytes, denied: bytes, flip: int) -> None:
    for data in (allowed, denied):
        for place in range(flip % 61, len(data), 61):
            spoilt = bytearray(data)
            spoilt[place] ^= flip
            assert failing(bytes(spoilt)), (place, data[place - 20 : place + 20])


@pytest.mark.parametrize("place", [0, -1])
def test_nothing_can_be_added_or_cut_off(allowed: bytes, place: int) -> None:
    assert failing(allowed + b"\n")
    assert failing(b" " + allowed)
    assert failing(allowed[1:] if place == 0 else allowed[:-1])
    assert failing(b"")


CHANGES: dict[str, tuple[Callable[[Json], object], str]] = {
    "an allow made of a deny": (lambda f: f["decision"]["record"].update(decision="allow"), "record"),
    "a reason left out": (lambda f: f["decision"]["record"]["reasons"].pop(), "record"),
    "another attempt": (lambda f: f["decision"]["record"].update(attempt=2), "record"),
    "another issuer": (lambda f: f.update(issuer="https://other.example"), "receipt"),
    "another text": (lambda f: f["inputs"].update(text="another"), "inputs"),
    "another number": (lambda f: f["inputs"].update(recipient="+8613900139000"), "inputs"),
    "a second later": (lambda f: f["inputs"].update(at="2026-11-24T09:00:01Z"), "inputs"),
    "a halt that was not": (lambda f: f["inputs"].update(halted=True), "inputs"),
    "a statement left out": (lambda f: f["statements"].pop(), "statements"),
    "a statement twice": (lambda f: f["statements"].append(f["statements"][0]), "statements"),
    "a statement received earlier": (
        lambda f: f["statements"][0]["record"].update(received_at="2026-11-01T00:00:00Z"),
        "statements",
    ),
    "another's statement": (lambda f: f["statements"][0]["record"].update(issuer="other-bank"), "statements"),
    "a party's other name": (lambda f: f["parties"][0]["record"].update(name="Another"), "parties"),
    "a party's later version": (lambda f: f["parties"][0].update(version=2), "parties"),
    "a party left out": (lambda f: f["parties"].clear(), "parties"),
    "a rule left out": (lambda f: f["rules"]["rows"].pop(), "rules"),
    "no receipt key": (lambda f: f["receipt_keys"].clear(), "receipt"),
    "an older receipt key": (
        lambda f: f["receipt_keys"][0]["record"].update(first_used_at="2020-01-01T00:00:00Z"),
        "receipt",
    ),
    "another log": (lambda f: f["log"].update(origin="other.example"), "log"),
    "a witness that did not sign": (
        lambda f: f["log"].update(witnesses=[LogKey("w.example", b"w" * 32).verifier_key]),
        "log",
    ),
}


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_a_check_names_the_changed_part(denied: bytes, name: str) -> None:
    change, check = CHANGES[name]
    assert check in failing(changed(denied, change))


def test_a_member_that_is_not_of_the_format_is_refused(denied: bytes) -> None:
    assert "form" in failing(changed(denied, lambda f: f.update(note="hello")))
    assert "record" in failing(changed(denied, lambda f: f["decision"]["record"].update(note="hello")))


def test_a_file_of_another_log_is_not_taken_for_one_of_this(allowed: bytes) -> None:
    other = LogKey(ORIGIN, b"o" * 32).verifier_key
    assert "log" in failing(allowed, other)
    without = bundle.check(allowed, None)
    assert all(one.ok for one in without.checks)
    assert (without.outcome, without.ok) == (CaseFileOutcome.UNNAMED_LOG, False)


@pytest.mark.parametrize("unknown", [True, False], ids=["an unknown key", "the log's key again"])
def test_only_signatures_by_unknown_keys_under_the_checkpoint_are_ignored(allowed: bytes, unknown: bool) -> None:
    """As c2sp.org/signed-note demands: a witness that is not named here may have cosigned, with any kind of key."""
    signer = LogKey("w.example", b"w" * 32) if unknown else LOG_KEY

    def sign(file: Json) -> None:
        line = signer.sign(file["checkpoint"].partition("\n\n")[0] + "\n").partition("\n\n")[2]
        file["checkpoint"] += line
        keys = (*file["receipt_keys"], *file["acknowledgement_keys"])
        for proven in (file["decision"], *file["statements"], *file["parties"], *keys):
            proven["proof"] += line

    assert ("log" in failing(changed(allowed, sign))) == (not unknown)


@pytest.mark.parametrize("junk", [b"{}", b"[]", b"null", b"\xff", b'{"bundle":"duecare-case-file/2"}', b"{" * 5000])
def test_a_file_that_is_no_case_file_fails_the_form_check(junk: bytes) -> None:
    verdict = bundle.check(junk, KEY)
    assert (verdict.ok, verdict.case, [one.name for one in verdict.checks]) == (False, None, ["form"])


def test_it_has_the_registrations_of_then_and_of_now() -> None:
    world = LoggedWorld().honest()
    decided = world.verify()
    world.sequenced()
    world.operate.suspend("keji")
    world.sequenced()
    data = world.case_file(decided)
    assert failing(data) == {}
    states = [(one["record"]["id"], one["record"]["state"]) for one in json.loads(data)["parties"]]
    assert states.count(("keji", "active")) == states.count(("keji", "suspended")) == 1


def test_it_has_the_registrations_of_when_each_statement_was_accepted() -> None:
    """The creditor stated its consent before it changed its key twice: only the first registration shows that key as
    one in force."""
    world = LoggedWorld().honest()
    for name in ("second", "third"):
        world.now += timedelta(minutes=10)
        key = private_jwk(Ed25519PrivateKey.from_private_bytes(sha256(name.encode()).digest()))
        world.operate.add_key("mou-zichan", proven_jwk(key, world.now))
    world.now += timedelta(minutes=10)
    decided = world.verify()
    world.sequenced()
    data = world.case_file(decided)
    assert failing(data) == {}
    versions = [one["version"] for one in json.loads(data)["parties"] if one["record"]["id"] == "mou-zichan"]
    assert versions == [1, 3]

    def without_the_first(file: Json) -> None:
        file["parties"] = [one for one in file["parties"] if (one["record"]["id"], one["version"]) != ("mou-zichan", 1)]

    assert "no registration of mou-zichan that was in force" in failing(changed(data, without_the_first))["statements"]


def test_a_stop_under_an_old_spelling_of_the_number_is_about_the_number() -> None:
    world = LoggedWorld().honest()
    world.now += timedelta(hours=8)  # day in Mexico
    world.consent(recipient="+525512345678")
    stop = {"recipient": "+5215512345678", "creditor": "mou-zichan", "received_at": stamp(world.now)}
    world.accepted("xinxi", "opt-out", **stop)
    decided = world.verify(recipient="+525512345678")
    assert "OPTED_OUT" in decided.record.reasons
    world.sequenced()
    assert failing(world.case_file(decided)) == {}


def test_a_statement_by_a_key_that_has_since_been_revoked_is_good() -> None:
    world = LoggedWorld().honest()
    decided = world.verify()
    world.now += timedelta(minutes=5)
    world.operate.revoke_key("mou-zichan", world.caller("mou-zichan").kid)
    world.sequenced()
    assert failing(world.case_file(decided)) == {}


def test_a_decision_that_has_no_entry_yet_has_no_case_file() -> None:
    world = LoggedWorld().honest()
    decided = world.verify()
    with pytest.raises(Conflict) as none:
        world.case_file(decided)
    assert none.value.name == "not-logged-yet"
    world.sequenced()
    later = world.verify(message_id="m-2", recipient="+8613900139000")
    with pytest.raises(Conflict):
        world.case_file(later)


def test_only_the_parties_of_the_decision_get_its_case_file(world: LoggedWorld) -> None:
    decided = world.verify(message_id="mine")
    world.sequenced()
    for party in ("xinxi", "mou-zichan", "shenji"):
        assert failing(world.case_file(decided, party)) == {}
    for party in ("other-gateway", "other-bank", "keji"):
        with pytest.raises(NotFound):
            world.case_file(decided, party)


def test_a_decision_that_has_left_the_table_is_found_in_the_archive() -> None:
    world = LoggedWorld().honest()
    decided = world.verify()
    world.sequenced()
    before = world.case_file(decided)
    world.left()
    assert world.table.get([table.decision(decided.record.decision_id)]) == {}
    assert world.case_file(decided) == before


def test_every_attempt_stays_in_the_log_and_the_case_file_has_the_newest() -> None:
    world = LoggedWorld().honest()
    world.verify()
    world.sequenced()
    world.accepted("mou-zichan", "debt", **debt_members(world.now, as_of=stamp(world.now), status="settled"))
    decided = world.verify()
    assert decided.record.attempt == 2
    world.sequenced()
    assert failing(world.case_file(decided)) == {}
    assert [one.id for one in world.entries() if one.kind == "decision"] == [decided.record.decision_id] * 2
    for attempt, answer in ((1, "allow"), (2, "deny")):
        data = world.case_file(decided, attempt=attempt)
        assert failing(data) == {}
        assert json.loads(data)["decision"]["record"]["decision"] == answer
    with pytest.raises(NotFound):
        world.case_file(decided, attempt=3)


def test_a_rehearsal_and_a_night_denial_replay() -> None:
    world = LoggedWorld().honest()
    for number, hours in enumerate((6, 13, 30)):
        decided = world.verify(message_id=f"r-{number}", send_at=world.now + timedelta(hours=hours))
        world.sequenced()
        assert failing(world.case_file(decided)) == {}


def test_a_decision_by_counted_contacts_replays() -> None:
    world = LoggedWorld().honest()
    answers = []
    for number in range(5):
        world.now += timedelta(seconds=1)
        answers.append(world.verify(message_id=f"c-{number}"))
    world.sequenced()
    assert {"FREQUENCY_CAP"} == {code for one in answers for code in one.record.reasons}
    assert all(failing(world.case_file(one)) == {} for one in answers)


@pytest.fixture(scope="module")
def reopened() -> bytes:
    """An allow after a stop that the recipient's START lifts, in reply to a message whose later attempt was denied."""
    world = LoggedWorld().honest()
    world.verify(message_id="first")
    stop = {"recipient": RECIPIENT, "message_id": "first", "received_at": stamp(world.now)}
    world.accepted("xinxi", "reply", **stop, text="T")
    assert world.verify(message_id="first").record.decision == "deny"
    world.now += timedelta(seconds=1)
    world.accepted("xinxi", "reply", **stop | {"text": "START", "received_at": stamp(world.now)})
    decided = world.verify(message_id="second")
    assert decided.record.decision == "allow"
    world.sequenced()
    return world.case_file(decided)


def test_the_case_file_of_a_lifted_stop_has_the_allow_that_the_start_answers(reopened: bytes) -> None:
    assert failing(reopened) == {}
    (allow,) = json.loads(reopened)["allows"]
    assert (allow["record"]["message_id"], allow["record"]["decision"]) == ("first", "allow")


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file["allows"].clear(),
        lambda file: file["allows"].append(file["allows"][0]),
        lambda file: file["allows"].append(file["decision"]),
        lambda file: file["allows"].__setitem__(0, file["decision"]),
        lambda file: file["allows"][0]["record"].update(decision="deny"),
        lambda file: file["allows"][0].update(receipt=file["decision"]["receipt"]),
        lambda file: file["allows"][0].update(proof=file["decision"]["proof"]),
    ],
    ids=["missing", "twice", "another-beside", "another", "denied", "receipt", "proof"],
)
def test_an_allow_that_the_start_does_not_answer_fails(reopened: bytes, change: Callable[[Json], object]) -> None:
    assert "starts" in failing(changed(reopened, change))


def test_rules_that_have_been_replaced_are_read_from_the_archive() -> None:
    world = LoggedWorld().honest()
    decided = world.verify()
    world.sequenced()
    name = f"rules/{decided.record.rules_sha256.removeprefix('sha256:')}"
    assert world.archive.read(name) == world.rules.pack.data


def test_the_creditor_may_state_the_debt_again_and_the_earlier_answer_remains(world: LoggedWorld) -> None:
    other = LoggedWorld().honest()
    decided = other.verify()
    other.sequenced()
    other.now += DAY
    other.accepted("mou-zichan", "debt", **debt_members(other.now, as_of=stamp(other.now), outstanding="1"))
    other.sequenced()
    assert failing(other.case_file(decided)) == {}
