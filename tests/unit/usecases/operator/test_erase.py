"""An erasure reaches the table. What protects the recipient stays, and nothing opens what was closed."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest

from duecare.ports import Document
from duecare.usecases import table
from duecare.usecases.operator.erase import ErasureResult
from duecare_core.domain.facts.states import ConsentState
from duecare_core.domain.fields import E164
from duecare_core.errors import Conflict, NotFound, StoreFailed, VersionConflict
from duecare_core.evidence.casefile.bundle import check
from tests.support.imports import Imports, as_csv
from tests.support.logs import LOG_KEY, LoggedWorld
from tests.support.world import DAY, NOW, RECIPIENT, consent_members, debt_members, message, stamp

MIN_AGE = timedelta(days=155)
OTHER = E164("+8613912345678")


@pytest.fixture
def world() -> LoggedWorld:
    """Facts about two recipients, and an allow of each, logged so long ago that all may be erased."""
    world = LoggedWorld()
    world.honest()
    world.accepted("mou-zichan", "consent", **consent_members(world.now, recipient=OTHER))
    world.accepted("mou-zichan", "debt", **debt_members(world.now, recipient=OTHER, debt_ref="B-1"))
    assert world.verify(message_id="m-1").record.decision == "allow"
    assert world.verify(message_id="m-2", recipient=OTHER, debt_ref="B-1").record.decision == "allow"
    world.sequenced()
    world.now += MIN_AGE + DAY
    return world


def erase(world: LoggedWorld) -> ErasureResult:
    return world.erase(MIN_AGE)(RECIPIENT)


def facts(world: LoggedWorld, number: E164 = RECIPIENT) -> dict[str, Document]:
    """By the kind of their sort key."""
    stored = world.table.partition(table.recipient(world.pseudonyms.recipient_key(number)), "")
    return {one.key.sk.partition("#")[0]: one for one in stored if not table.is_removed(one)}


def contents(world: LoggedWorld, prefix: str) -> list[Document]:
    """The documents that still have an encrypted part."""
    return [one for one in world.table.everything() if one.key.pk.startswith(prefix) and one.sealed]


def test_nothing_encrypted_about_the_recipient_remains_in_the_table(world: LoggedWorld) -> None:
    result = erase(world)
    assert result.erased == 3
    assert facts(world) == {}
    (decision,) = contents(world, "X#")
    assert decision.key == table.decision(world.pseudonyms.decision_id("xinxi", "m-2"))
    about = world.pseudonyms.recipient_key(RECIPIENT).encode()
    assert not [one for one in contents(world, "S#") if about in one.body]


def test_the_count_is_of_all_documents_that_were_erased(world: LoggedWorld) -> None:
    # The consent, the debt and the counted contact; the statements of the first two; the decision.
    assert erase(world).documents == 6
    assert erase(world).documents == 0


def test_another_recipient_keeps_everything(world: LoggedWorld) -> None:
    before = [
        one for one in world.table.everything() if one.key.pk == table.recipient(world.pseudonyms.recipient_key(OTHER))
    ]
    erase(world)
    assert set(before) <= set(world.table.everything())
    assert set(facts(world, OTHER)) == {"C", "D", "F"}
    look_up = world.look_up()
    assert (
        look_up(world.caller("xinxi"), world.pseudonyms.decision_id("xinxi", "m-2")).decided.record.message_id == "m-2"
    )


def test_an_erased_decision_is_not_found(world: LoggedWorld) -> None:
    erase(world)
    with pytest.raises(NotFound):
        world.look_up()(world.caller("xinxi"), world.pseudonyms.decision_id("xinxi", "m-1"))


def test_a_message_whose_decision_was_erased_is_decided_anew_as_the_next_attempt(world: LoggedWorld) -> None:
    erase(world)
    again = world.verify(message_id="m-1")
    assert (again.record.decision, again.record.attempt, again.replayed) == ("deny", 2, False)
    assert {"CONSENT_MISSING", "DEBT_MISSING"} <= set(again.record.reasons)
    world.sequenced()
    assert world.sequenced().unreadable == 0


def test_what_was_erased_gets_no_second_entry_in_the_log(world: LoggedWorld) -> None:
    erase(world)
    before = world.checkpoint().size
    stats = world.sequenced()
    assert (stats.unreadable, world.checkpoint().size - before) == (0, 1)  # the erasure record
    world.swept()
    assert world.checkpoint().size - before == 1


def test_the_table_deletes_what_was_emptied_a_day_later(world: LoggedWorld) -> None:
    erase(world)
    emptied = [one for one in world.table.everything() if table.is_removed(one)]
    assert len(emptied) == 6
    assert {world.table.expires[one.key] for one in emptied} == {world.now + DAY}


@pytest.mark.parametrize("creditor", ["mou-zichan", "*"])
def test_a_stop_stays_and_a_fresh_consent_does_not_lift_it(world: LoggedWorld, creditor: str) -> None:
    world.accepted("xinxi", "opt-out", recipient=RECIPIENT, creditor=creditor, received_at=stamp(world.now))
    assert erase(world).protections > 0
    assert set(facts(world)) == {"O", "H"}
    world.consent(granted_at=stamp(world.now))
    world.debt(as_of=stamp(world.now))
    assert "OPTED_OUT" in world.reasons()


def test_a_revocation_stays_without_the_consent_that_it_revoked(world: LoggedWorld) -> None:
    revoked = {"recipient": RECIPIENT, "creditor": "mou-zichan", "channels": ["sms"], "revoked_at": stamp(world.now)}
    world.accepted("mou-zichan", "consent-revocation", **revoked)
    erase(world)
    state = table.read(facts(world)["C"], ConsentState)
    assert (state.consent, state.revoked is not None) == (None, True)
    world.now += DAY
    world.consent(granted_at=stamp(world.now))
    world.debt(as_of=stamp(world.now))
    assert world.reasons() == ["CONSENT_UNCONFIRMED"]


def test_a_dispute_stays_and_blocks_the_debt_when_it_is_stated_again(world: LoggedWorld) -> None:
    dispute = {"recipient": RECIPIENT, "creditor": "mou-zichan", "debt_ref": "A-1", "claim": "paid"}
    world.accepted("xinxi", "dispute", **dispute, received_at=stamp(world.now))
    erase(world)
    world.now += DAY
    world.consent(granted_at=stamp(world.now))
    world.debt(as_of=stamp(world.now))
    assert world.reasons() == ["DEBT_DISPUTED"]


def test_a_contact_that_a_cap_still_counts_stays(world: LoggedWorld) -> None:
    world.debt(as_of=stamp(world.now))
    for number in range(3):
        assert world.verify(message_id=f"n-{number}").record.decision == "allow"
    erase(world)
    world.consent(granted_at=stamp(world.now))
    world.now += timedelta(minutes=1)
    world.debt(as_of=stamp(world.now))
    assert world.reasons() == ["FREQUENCY_CAP"]


def test_a_decision_under_retention_stays_with_the_older_statements_that_it_relies_on(world: LoggedWorld) -> None:
    world.debt(as_of=stamp(world.now))
    young = world.verify(message_id="young")
    world.sequenced()
    result = erase(world)
    assert (result.erased, result.kept) == (1, 4)  # the old decision is erased
    assert result.kept_until == young.record.at + MIN_AGE
    found = world.look_up()(world.caller("xinxi"), young.record.decision_id)
    assert found.decided.record == young.record
    assert len(contents(world, "X#")) == 2
    assert check(world.case_file(young), LOG_KEY.verifier_key).ok


def test_a_case_file_whose_statement_was_erased_says_so(world: LoggedWorld) -> None:
    """The stop still protects, and its statement is erased."""
    world.accepted("xinxi", "opt-out", recipient=RECIPIENT, creditor="mou-zichan", received_at=stamp(world.now))
    world.sequenced()
    world.now += MIN_AGE + DAY
    erase(world)
    world.mandate(as_of=stamp(world.now), valid_from=stamp(world.now), valid_until=stamp(world.now + DAY))
    later = world.verify_use_case(world.caller("xinxi"), message(message_id="later"))
    assert "OPTED_OUT" in later.record.reasons
    world.sequenced()
    with pytest.raises(Conflict, match="was erased"):
        world.case_file(later)


def test_a_later_attempt_under_retention_stays_when_an_earlier_one_is_erased(world: LoggedWorld) -> None:
    world.accepted("xinxi", "opt-out", recipient=RECIPIENT, creditor="mou-zichan", received_at=stamp(world.now))
    second = world.verify(message_id="m-1").record
    assert (second.decision, second.attempt) == ("deny", 2)
    world.sequenced()
    assert erase(world).kept == 4
    assert world.look_up()(world.caller("xinxi"), second.decision_id).decided.record == second


def test_voided_facts_are_erased_so_that_undoing_the_void_brings_nothing_back(world: LoggedWorld) -> None:
    pk = table.removed_facts("mou-zichan", world.pseudonyms.recipient_key(RECIPIENT))
    kept = Document(table.Key(pk, "D#mou-zichan#A-1"), 1, b'{"debts":{"sha256:1":{}}}')
    done = Document(table.Key(pk, f"{table.VOID_DONE}v"), 1, b"{}")
    world.table.commit([kept, done])
    erase(world)
    stored = world.table.get([kept.key, done.key])
    assert (stored[kept.key].body, stored[done.key]) == (b"{}", done)


def test_it_says_until_when_a_restore_would_bring_it_back(world: LoggedWorld) -> None:
    assert erase(world).backups_until == world.now + timedelta(days=35)
    world.backups.window = timedelta(0)
    assert erase(world).backups_until is None


def test_a_configuration_that_would_defeat_an_erasure_is_refused_and_nothing_is_touched(world: LoggedWorld) -> None:
    world.backups.found = ["the table has backups that never expire: monthly"]
    before, copies = set(world.table.everything()), dict(world.archive.objects)
    with pytest.raises(Conflict) as refused:
        erase(world)
    assert refused.value.name == "erasure-would-not-hold"
    assert "monthly" in str(refused.value.detail)
    assert (set(world.table.everything()), world.archive.objects) == (before, copies)


@pytest.mark.parametrize("fails_at", range(6))
def test_after_a_crash_at_any_write_the_next_run_erases_the_rest(
    world: LoggedWorld, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    commit, remove = world.table.commit, world.archive.erase
    calls = iter(range(100))

    def fated(write: object) -> object:
        def call(*args: object) -> None:
            if next(calls) == fails_at:
                raise StoreFailed("the process is gone")
            write(*args)  # type: ignore[operator]

        return call

    with monkeypatch.context() as patch:
        patch.setattr(world.table, "commit", fated(commit))
        patch.setattr(world.archive, "erase", fated(remove))
        with suppress(StoreFailed):
            erase(world)
    erase(world)
    assert facts(world) == {}
    assert len(contents(world, "X#")) == 1
    assert not [one for one in world.archive.objects if world.pseudonyms.recipient_key(RECIPIENT) in one]


def test_a_fact_that_changes_meanwhile_is_erased_as_it_is_then(
    world: LoggedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = world.table.commit
    busy = iter([True])

    def late(documents: object) -> None:
        if any(one.key.pk.startswith("R#") for one in documents) and next(busy, False):  # type: ignore[attr-defined]
            raise VersionConflict("another writer was first")
        commit(documents)  # type: ignore[arg-type]

    monkeypatch.setattr(world.table, "commit", late)
    erase(world)
    assert facts(world) == {}


def test_an_erasure_reaches_the_rows_of_uploaded_files(world: LoggedWorld) -> None:
    imports = Imports(world)
    rows = [debt_members(world.now, recipient=number, debt_ref="F-1") for number in (RECIPIENT, OTHER)]
    looked = imports.rooted(as_csv(rows), 2)
    result = erase(world)
    assert (result.rows, result.kept) == (0, 1)
    assert result.kept_until == world.now + MIN_AGE
    world.now += MIN_AGE + DAY
    assert erase(world).rows == 1
    with pytest.raises(Conflict, match="no longer there"):
        imports.evidence(looked.upload.manifest_id, 1)
    assert imports.evidence(looked.upload.manifest_id, 2)


@pytest.mark.parametrize("kind", ["consent", "debt"])
def test_a_fact_that_was_erased_is_accepted_anew_when_it_is_stated_again(world: LoggedWorld, kind: str) -> None:
    world.now = world.now - MIN_AGE  # the statements are under retention, and the facts are erased
    erase(world)
    for one in [one for one in world.table.everything() if table.is_removed(one)]:
        world.table.remove(one.key)  # as the table does a day later
    members = (consent_members if kind == "consent" else debt_members)(NOW)
    again = world.state("mou-zichan", kind, **members)
    assert again.status == "accepted"
    missing = {"consent": "CONSENT_MISSING", "debt": "DEBT_MISSING"}[kind]
    assert missing not in world.verify_use_case(world.caller("xinxi"), message(message_id="again")).record.reasons
