"""A case file is recomputed from itself alone, and another engine's answer is told apart from tampering."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import structs

from duecare.usecases import table
from duecare.usecases.verify import drafting, receipt_keys
from duecare_core import __version__
from duecare_core import engine as engines
from duecare_core.domain.decision.decide import decide
from duecare_core.domain.decision.decision import Decision
from duecare_core.domain.location import localtime, locate
from duecare_core.domain.location.locate import Geography, Place
from duecare_core.evidence.canonical import digest
from duecare_core.evidence.casefile import bundle, other_engine, places, replay
from duecare_core.evidence.casefile.bundle import Verdict
from duecare_core.evidence.casefile.outcome import CaseFileOutcome
from duecare_core.evidence.record import EngineRecord
from duecare_core.released import RELEASED
from tests.support.logs import LOG_KEY, LoggedWorld
from tests.support.world import stamp

KEY = LOG_KEY.verifier_key
OLD = "duecare-core 0.0.9; phonenumbers 8.13.0; tzdata 2024.1"
AMERICAN = "+12125550123"
TEXT = "【某资产】You owe 27911元. This is from a debt collector. 退订回T. Reply STOP to opt out."


@pytest.fixture
def world() -> LoggedWorld:
    world = LoggedWorld()
    world.now = datetime(2026, 10, 31, 15, tzinfo=UTC)  # a day before America's clocks go back
    return world.honest()


def american(world: LoggedWorld, **changes: Any) -> bytes:
    """The case file of a message to New York in its quiet hours, so that `retry_at` lies after the clocks went back."""
    there = {"recipient": AMERICAN}
    world.consent(**there)
    world.debt(**there, as_of=stamp(world.now))
    world.now = datetime(2026, 11, 1, 3, tzinfo=UTC)
    decided = world.verify(**there, text=TEXT, **changes)
    assert decided.record.reasons == ("QUIET_HOURS",)
    assert decided.record.retry_at == datetime(2026, 11, 1, 13, tzinfo=UTC)
    world.sequenced()
    return world.case_file(decided)


def as_of(monkeypatch: pytest.MonkeyPatch, world: LoggedWorld, name: str) -> None:
    """Decisions are of this engine from now on, which is on file. The old engine counts as released."""
    monkeypatch.setattr(other_engine, "RELEASED", RELEASED | {other_engine.core_version(OLD)})
    for module in (drafting, receipt_keys):
        monkeypatch.setattr(module, "engine", lambda: name)
    receipt_keys.put_on_file(world.table, world.receipt_key, world.now)


def failed(verdict: Verdict) -> dict[str, str]:
    return {one.name: one.detail for one in verdict.checks if not one.ok}


def renamed(*args: Any, **more: Any) -> Decision:
    """`decide`, as a release has it that renamed a rule."""
    decision = decide(*args, **more)
    findings = tuple(structs.replace(one, rule=f"new-{one.rule}") for one in decision.findings)
    return structs.replace(decision, findings=findings)


def test_the_inputs_hold_the_place_and_the_change_of_its_clock(world: LoggedWorld) -> None:
    inputs = json.loads(american(world))["inputs"]
    assert inputs["places"] == [{"zones": {"America/New_York": "-04:00 2026-11-01T06:00:00Z -05:00"}}]


def test_a_decision_about_the_parties_alone_has_no_place(world: LoggedWorld) -> None:
    world.now += timedelta(minutes=1)
    world.route(status="revoked", as_of=stamp(world.now))
    decided = world.verify()
    assert decided.record.reasons == ("ROUTE_REVOKED",)
    world.sequenced()
    data = world.case_file(decided)
    assert "places" not in json.loads(data)["inputs"]
    assert bundle.check(data, KEY).ok


def test_a_replay_asks_no_table(world: LoggedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    data = american(world)

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("a table was asked")

    for module, name in ((locate, "locate"), (locate, "_of_number"), (localtime, "zone"), (places, "TABLES")):
        monkeypatch.setattr(module, name, never)
    monkeypatch.setattr(places, "check_place", lambda *_: None)
    monkeypatch.setattr(bundle, "check_place", lambda *_: None)
    assert bundle.check(data, KEY).ok


def test_a_renamed_rule_of_a_later_engine_is_no_tampering_and_the_release_is_named(
    world: LoggedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_of(monkeypatch, world, OLD)
    data = american(world)
    assert bundle.check(data, KEY).ok  # another engine that comes to the same answer
    monkeypatch.setattr(replay, "decide", renamed)
    verdict = bundle.check(data, KEY)
    assert not verdict.ok
    assert verdict.outcome is CaseFileOutcome.OTHER_ENGINE
    assert set(failed(verdict)) == {"replay", "place"}
    assert "differs in findings" in failed(verdict)["replay"]
    assert "duecare-core==0.0.9 phonenumbers==8.13.0 tzdata==2024.1" in failed(verdict)["replay"]


def test_the_same_engine_with_another_answer_is_tampering(world: LoggedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    data = american(world)
    monkeypatch.setattr(replay, "decide", renamed)
    verdict = bundle.check(data, KEY)
    assert not verdict.ok
    assert verdict.outcome is not CaseFileOutcome.OTHER_ENGINE


@pytest.mark.parametrize(
    "label", ["", "mine", "duecare-core 9", f"{OLD}; more 1", f"{OLD}\n", "duecare-core ; tzdata "]
)
def test_a_label_that_names_no_release_excuses_nothing(
    world: LoggedWorld, monkeypatch: pytest.MonkeyPatch, label: str
) -> None:
    as_of(monkeypatch, world, label)
    data = american(world)
    monkeypatch.setattr(replay, "decide", renamed)
    verdict = bundle.check(data, KEY)
    assert not verdict.ok
    assert verdict.outcome is not CaseFileOutcome.OTHER_ENGINE


@pytest.mark.parametrize("version", ["0.0.8", "0.0.9.1", "9.9.9+mine", "9.9.9rc1", "1!9", "x", "0.0.9.0.0.0.0"])
def test_a_version_that_was_never_released_excuses_nothing(
    world: LoggedWorld, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    as_of(monkeypatch, world, f"duecare-core {version}; phonenumbers 9.0.43; tzdata 2026.6")
    data = american(world)
    monkeypatch.setattr(replay, "decide", renamed)
    verdict = bundle.check(data, KEY)
    assert verdict.outcome is CaseFileOutcome.FAILED
    assert "never released" in failed(verdict)["replay"]
    assert "pip install" not in failed(verdict)["replay"]


def test_a_newer_version_that_this_release_does_not_know_is_not_to_be_installed_unseen(
    world: LoggedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_of(monkeypatch, world, "duecare-core 1.9.9; phonenumbers 9.0.43; tzdata 2026.6")
    data = american(world)
    monkeypatch.setattr(replay, "decide", renamed)
    verdict = bundle.check(data, KEY)
    assert verdict.outcome is CaseFileOutcome.OTHER_ENGINE
    assert "does not know: check that it is a published release" in failed(verdict)["replay"]
    assert "pip install" not in failed(verdict)["replay"]


def test_other_tables_of_the_same_version_excuse_another_place_and_no_other_answer(
    world: LoggedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_of(monkeypatch, world, f"duecare-core {__version__}; phonenumbers 8.13.0; tzdata 2024.1")
    data = american(world)
    with monkeypatch.context() as moved:
        moved.setattr(places, "TABLES", elsewhere(Place(("US-NY",), ("America/Chicago",))))
        assert bundle.check(data, KEY).outcome is CaseFileOutcome.OTHER_ENGINE
    monkeypatch.setattr(replay, "decide", renamed)
    verdict = bundle.check(data, KEY)
    assert verdict.outcome is CaseFileOutcome.FAILED
    assert "follows from no table" in failed(verdict)["replay"]


def test_another_engine_excuses_no_other_failure(world: LoggedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    as_of(monkeypatch, world, OLD)
    file = json.loads(american(world))
    file["statements"][0]["record"]["issuer"] = "other-bank"
    monkeypatch.setattr(replay, "decide", renamed)
    assert bundle.check(bundle.canonical(file), KEY).outcome is not CaseFileOutcome.OTHER_ENGINE


def elsewhere(place: Place) -> Geography:
    return Geography(lambda *_, **__: place, localtime.zone)


def test_an_operator_that_moves_a_number_to_kinder_hours_is_found(
    world: LoggedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recorded place is the operator's word. The checker's own tables contradict it."""
    honest = world.now
    world.consent(recipient=AMERICAN)
    world.debt(recipient=AMERICAN, as_of=stamp(honest))
    world.now = datetime(2026, 11, 1, 3, tzinfo=UTC)  # night in New York, morning in Shanghai
    monkeypatch.setattr("duecare.usecases.verify.verify.decide", lambda *args: decide(*args, geography=lie))
    monkeypatch.setattr("tests.support.world.misplaced", lambda *_: ())
    lie = elsewhere(Place(("US-NY",), ("Asia/Shanghai",)))
    decided = world.verify(recipient=AMERICAN, text=TEXT)
    assert decided.record.decision == "allow"
    world.sequenced()
    verdict = bundle.check(world.case_file(decided), KEY)
    assert set(failed(verdict)) == {"place"}
    assert verdict.outcome is not CaseFileOutcome.OTHER_ENGINE
    assert "zones" in failed(verdict)["place"]


def test_newer_tables_that_move_a_number_are_no_tampering(world: LoggedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    as_of(monkeypatch, world, OLD)
    data = american(world)
    monkeypatch.setattr(places, "TABLES", elsewhere(Place(("US-NY",), ("America/Chicago",))))
    verdict = bundle.check(data, KEY)
    assert set(failed(verdict)) == {"place"}
    assert verdict.outcome is CaseFileOutcome.OTHER_ENGINE
    assert OLD in failed(verdict)["place"]


def test_a_zone_of_another_name_with_the_same_clock_is_the_same_place(
    world: LoggedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = american(world)
    monkeypatch.setattr(places, "TABLES", elsewhere(Place(("US-NY",), ("America/Detroit",))))
    assert bundle.check(data, KEY).ok


def test_inputs_without_a_place_do_not_replay_by_this_machines_tables(
    world: LoggedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duecare_core.evidence.casefile.inputs._places", lambda _: ())
    monkeypatch.setattr("tests.support.world.World.replay", lambda *_: None)
    verdict = bundle.check(american(world), KEY)
    assert {"replay", "place"} <= set(failed(verdict))
    assert verdict.outcome is not CaseFileOutcome.OTHER_ENGINE


def test_the_packages_of_an_engine_are_named_as_pip_takes_them() -> None:
    assert engines.requirements(OLD) == "duecare-core==0.0.9 phonenumbers==8.13.0 tzdata==2024.1"
    assert engines.is_engine(engines.engine())
    assert other_engine.engine() == engines.engine()


def test_an_engine_that_is_not_in_the_log_is_refused_whatever_its_answer(
    world: LoggedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The label alone does not excuse another answer: the release must be in the log."""
    as_of(monkeypatch, world, OLD)
    data = american(world)
    monkeypatch.setattr(replay, "decide", renamed)
    changes: list[dict[str, Any]] = [
        {"record": {"engine": "duecare-core 0.0.8; phonenumbers 1; tzdata 1", "first_used_at": "2026-01-01T00:00:00Z"}},
        {"record": {"engine": OLD, "first_used_at": "2026-01-01T00:00:00Z"}},
        {"at": "2026-01-01T00:00:00Z"},
    ]
    for change in changes:
        file = json.loads(data)
        file["engine"] |= change
        verdict = bundle.check(bundle.canonical(file), KEY)
        assert "engine" in failed(verdict)
        assert verdict.outcome is not CaseFileOutcome.OTHER_ENGINE


def test_another_release_than_the_records_is_refused(world: LoggedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are in the log."""
    american(world)
    as_of(monkeypatch, world, OLD)
    decided = world.verify(recipient=AMERICAN, text=TEXT, message_id="another")
    world.sequenced()
    monkeypatch.setattr("duecare.usecases.audit.case_file._Parts.engine", relabelled)
    assert set(failed(bundle.check(world.case_file(decided), KEY))) == {"engine", "replay", "place"}


def relabelled(parts: Any, _: str) -> Any:
    """The entry of the current engine in place of the record's."""
    key = table.engine(engines.engine())
    document = parts._deps.documents.get([key])[key]
    proof, pointer = parts.proof("engine", engines.engine(), digest(document.body))
    return bundle.LoggedEngine(at=pointer.at, record=table.read(document, EngineRecord), proof=proof)


def test_a_new_engine_is_recorded_once_and_logged(world: LoggedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (OLD, OLD, engines.engine()):
        as_of(monkeypatch, world, name)
        world.now += timedelta(minutes=5)
    world.sequenced()
    logged = [one for one in world.entries() if one.kind == "engine"]
    assert sorted(one.id for one in logged) == [OLD, engines.engine()]
    assert {f"engines/{OLD}", f"engines/{engines.engine()}"} <= set(world.archive.names("engines/"))
