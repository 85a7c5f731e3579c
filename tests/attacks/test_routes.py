"""A gateway asks about people whom it does not serve, to learn what they owe and to whom (fault: who asked whom to
send). Without a route of the sender, and without a mandate of its collector, it learns nothing; and the case file of a
denial shows no statement on which the denial does not rest."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from duecare.usecases import table
from duecare.usecases.verify.stored_decision import StoredDecision, unpack
from duecare_core.evidence import record as records
from duecare_core.evidence.casefile import inputs as inputs_of
from duecare_core.evidence.casefile.inputs import Inputs
from duecare_core.evidence.jose import jws
from tests.support.world import (
    DAY,
    RECIPIENT,
    World,
    consent_members,
    debt_members,
    route_members,
    stamp,
)

SOMEBODY, NOBODY = "+8613900000001", "+8613900000002"
IDENTITY = "sha256:" + "5" * 64


def debtor(world: World, number: str = SOMEBODY) -> None:
    """Everything that may be known about a person: consents, debts, a stop, a dispute, contacts."""
    world.accepted("mou-zichan", "consent", **consent_members(world.now, recipient=number, subject=IDENTITY))
    for ref in ("A-1", "A-2"):
        debt = debt_members(world.now, recipient=number, debt_ref=ref, region="CN-SH", product="consumer_loan")
        world.accepted("mou-zichan", "debt", **debt, subject=IDENTITY)
    for message_id in ("e-1", "e-2", "e-3", "e-4"):
        world.verify(message_id=message_id, recipient=number)
    dispute = {"recipient": number, "creditor": "mou-zichan", "debt_ref": "A-2", "claim": "paid"}
    world.accepted("xinxi", "dispute", **dispute, received_at=stamp(world.now))
    stop = {"recipient": number, "creditor": "mou-zichan", "received_at": stamp(world.now)}
    world.accepted("xinxi", "opt-out", **stop)


def sealed(world: World, decided: StoredDecision) -> Inputs:
    """The inputs that the case file of this decision contains."""
    key = table.decision(decided.record.decision_id)
    document = world.documents.get([key])[key]
    return inputs_of.decode(unpack(document, world.inputs_key).inputs)


def told(world: World, decided: StoredDecision) -> dict[str, Any]:
    """Everything that an answer, its look-up and its case file say, without the members that are the request's own."""
    record = records.as_json(decided.record)
    inputs = msgspec.to_builtins(sealed(world, decided))
    own = {name: record.pop(name) for name in ("decision_id", "message_id", "recipient", "salt", "inputs_sha256")}
    assert all(own.values())
    return {"record": record, "inputs": {name: one for name, one in inputs.items() if name != "recipient"}}


def asked(world: World, gateway: str, number: str, **changes: Any) -> StoredDecision:
    return world.verify(gateway, **{"message_id": f"spy {number}", "recipient": number, "text": "hi", **changes})


@pytest.fixture
def world() -> World:
    """Creditor and collector have engaged xinxi, and nobody has engaged other-gateway."""
    world = World().register()
    world.mandate()
    world.route("keji")
    world.route("mou-zichan")
    debtor(world)
    return world


# How a gateway that nobody engaged may ask.
PROBES = [
    pytest.param({"shadow": True}, ["ROUTE_MISSING"], id="in shadow mode"),
    pytest.param({}, ["ROUTE_MISSING"], id="for the collector"),
    pytest.param({"collector": None}, ["ROUTE_MISSING"], id="without the collector"),
    pytest.param({"debt_ref": "A-1"}, ["ROUTE_MISSING"], id="for one debt"),
    pytest.param({"collector": "other-collector"}, ["MANDATE_MISSING", "ROUTE_MISSING"], id="without a mandate"),
    pytest.param({"creditor": "nobody-bank"}, ["CREDITOR_UNKNOWN"], id="for an unknown creditor"),
    pytest.param({"collector": "nobody"}, ["COLLECTOR_UNKNOWN"], id="for an unknown collector"),
    pytest.param({"send_at": "+1"}, ["ROUTE_MISSING"], id="in a rehearsal"),
]


@pytest.mark.parametrize(("changes", "reasons"), PROBES)
def test_a_gateway_without_a_route_learns_nothing_about_anybody(
    world: World, changes: dict[str, Any], reasons: list[str]
) -> None:
    """A person who owes, has agreed, disputes and has said stop looks like one of whom nothing is known."""
    if "send_at" in changes:
        changes = {"send_at": world.now + DAY}
    indebted = asked(world, "other-gateway", SOMEBODY, **changes)
    unknown = asked(world, "other-gateway", NOBODY, **changes)
    assert list(indebted.record.reasons) == reasons
    assert told(world, indebted) == told(world, unknown)
    record = indebted.record
    assert (record.relied_on, record.findings, record.retry_at, record.regions, record.chains) == ((), (), None, (), ())
    inputs = sealed(world, indebted)
    assert (inputs.counted, inputs.rows, inputs.starts, inputs.folded) == ((), (), {}, ())
    assert (inputs.undisclosed.consent, inputs.undisclosed.debt) == (None, None)


def test_a_collector_without_a_mandate_learns_nothing_through_its_own_gateway(world: World) -> None:
    world.accepted("other-collector", "route", **route_members(world.now, gateway="other-gateway"))
    indebted = asked(world, "other-gateway", SOMEBODY, collector="other-collector")
    assert indebted.record.reasons == ("MANDATE_MISSING",)
    assert indebted.record.relied_on == ()  # the route gave no reason
    assert told(world, indebted) == told(world, asked(world, "other-gateway", NOBODY, collector="other-collector"))


ENDED = {
    "revoked": ({"status": "revoked"}, "ROUTE_REVOKED"),
    "another channel": ({"channels": ["voice", "email"]}, "ROUTE_MISSING"),
    "not valid yet": ({"valid_from": "+1"}, "ROUTE_MISSING"),
    "ended": ({"valid_until": "now"}, "ROUTE_EXPIRED"),
}


@pytest.mark.parametrize("how", ENDED)
def test_a_route_that_is_not_in_force_opens_nothing_and_promises_nothing(world: World, how: str) -> None:
    changes, reason = ENDED[how]
    times = {"+1": stamp(world.now + DAY), "now": stamp(world.now)}
    changes = {name: times.get(str(value), value) for name, value in changes.items()}
    stated = world.route("keji", **{"as_of": stamp(world.now), **changes})
    denied = asked(world, "xinxi", SOMEBODY)
    assert denied.record.reasons == (reason,)
    assert (denied.record.relied_on, denied.record.retry_at) == ((stated,), None)
    assert told(world, denied) == told(world, asked(world, "xinxi", NOBODY))
    assert (denied.record.valid_until - denied.record.at).total_seconds() == 120  # says nothing about the route's end


def test_a_mandate_that_begins_tomorrow_promises_nothing(world: World) -> None:
    stated = world.mandate(as_of=stamp(world.now), valid_from=stamp(world.now + DAY))
    denied = asked(world, "xinxi", SOMEBODY)
    assert (denied.record.reasons, denied.record.relied_on) == (("MANDATE_MISSING",), (stated,))
    assert denied.record.retry_at is None
    assert told(world, denied) == told(world, asked(world, "xinxi", NOBODY))


def test_leaving_the_collector_out_needs_the_creditors_own_route() -> None:
    """A collector whose mandate is revoked has its gateway ask as if the creditor itself sent."""
    world = World().register()
    world.mandate(status="revoked")
    world.route("keji")
    world.consent()
    world.debt()
    assert world.reasons() == ["MANDATE_REVOKED"]
    assert world.reasons(collector=None) == ["ROUTE_MISSING"]
    assert world.reasons(collector="mou-zichan") == ["ROUTE_MISSING"]


def test_a_creditors_route_does_not_serve_its_collector_nor_the_collectors_the_creditor() -> None:
    for sender, own, other in (("mou-zichan", None, "keji"), ("keji", "keji", None)):
        world = World().register()
        world.mandate()
        world.route(sender)
        world.consent()
        world.debt()
        assert world.reasons(collector=own) == []
        assert world.reasons(collector=other) == ["ROUTE_MISSING"]


def test_a_gateway_cannot_state_a_route_to_itself() -> None:
    world = World().register()
    assert (
        world.state("other-gateway", "route", **route_members(world.now, gateway="other-gateway")).status == "rejected"
    )


def test_an_older_route_does_not_revive_a_revoked_one(world: World) -> None:
    world.route("keji", status="revoked", as_of=stamp(world.now))
    older = route_members(world.now, as_of=stamp(world.now - 2 * DAY), channels=["sms", "im"])
    assert world.state("keji", "route", **older).status == "accepted"
    assert world.reasons(recipient=SOMEBODY) == ["ROUTE_REVOKED"]


def test_an_allow_ends_with_the_route_and_rests_on_it() -> None:
    world = World().honest()
    stated = world.route("keji", as_of=stamp(world.now), valid_until=stamp(world.now + DAY / 2000))
    allowed = world.verify()
    assert allowed.record.decision == "allow"
    assert stated in allowed.record.relied_on
    assert (allowed.record.valid_until - allowed.record.at).total_seconds() == 43


# The statements that a denial rests on


def kinds(world: World, decided: StoredDecision) -> list[str]:
    return sorted({jws.read(world.tokens[name]).typ.removesuffix("+jws") for name in decided.record.relied_on})


DENIED: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    "no consent": ({"recipient": NOBODY, "debt": True}, ["CONSENT_MISSING"], []),
    "no debt": ({"recipient": NOBODY, "consent": True}, ["DEBT_MISSING"], []),
    "a threat": ({"both": True, "text": "【某资产】您欠款27911元,我们将上门拘留。退订回T"}, ["TEXT_FORBIDDEN"], []),
    "no sender": ({"both": True, "text": "您欠款27911元。退订回T"}, ["TEXT_SENDER"], []),
    "no opt-out": ({"both": True, "text": "【某资产】您欠款27911元。"}, ["TEXT_OPT_OUT"], []),
    "another amount": ({"both": True, "text": "【某资产】您欠款37911元。退订回T"}, ["TEXT_AMOUNT"], ["debt"]),
    "another person": ({"both": True, "subjects": True}, ["SUBJECT_MISMATCH"], ["consent", "debt"]),
}


@pytest.mark.parametrize("name", DENIED)
def test_a_denial_names_no_statement_that_it_does_not_rest_on(name: str) -> None:
    """The consent and the debt that gave no reason are neither named nor sealed with the decision: no amount, reference
    or identity. The replay, which `World.verify` makes of every decision, comes to the same answer."""
    setting, reasons, named = DENIED[name]
    world = World().register()
    world.engage()
    text = {"text": setting["text"]} if "text" in setting else {"text": "【某资产】您欠款27911元。退订回T"}
    terms = {"debt_ref": "SECRET-REF", "collectors": ["keji"], "subject": IDENTITY}
    if setting.get("both") or setting.get("consent"):
        subject = "sha256:" + "6" * 64 if setting.get("subjects") else IDENTITY
        world.consent(recipient=RECIPIENT, subject=subject)
    if setting.get("both") or setting.get("debt"):
        world.debt(**terms)
    decided = world.verify(**text)
    assert list(decided.record.reasons) == reasons
    assert kinds(world, decided) == sorted(["mandate", "route", *named])
    if "debt" not in named:
        assert b"SECRET-REF" not in inputs_of.encode(sealed(world, decided))
        assert "outstanding" not in str(msgspec.to_builtins(sealed(world, decided).undisclosed))


def test_a_denial_shows_no_other_messages_unless_a_cap_is_full() -> None:
    """Other creditors' messages to this person are counted, and are no business of a gateway without a consent."""
    world = World().honest()
    assert [len(sealed(world, world.verify(message_id=name)).counted) for name in ("e-1", "e-2")] == [0, 1]
    revoked = {"recipient": RECIPIENT, "creditor": "mou-zichan", "revoked_at": stamp(world.now)}
    world.accepted("mou-zichan", "consent-revocation", **revoked)
    decided = world.verify(message_id="e-9", shadow=True)
    assert decided.record.reasons == ("CONSENT_REVOKED",)
    assert sealed(world, decided).counted == ()


def test_a_denial_that_time_cures_rests_on_everything_as_the_allow_would() -> None:
    world = World().honest()
    world.now = world.now.replace(hour=15)  # 23:00 in Shanghai
    decided = world.verify()
    assert (decided.record.reasons, decided.record.retry_at is not None) == (("QUIET_HOURS",), True)
    assert kinds(world, decided) == ["consent", "debt", "mandate", "route"]


def test_a_denial_after_a_reassignment_shows_nothing_of_the_earlier_holders_debts() -> None:
    world = World().honest()
    owed = world.debt(debt_ref="A-2", as_of=stamp(world.now))
    world.accepted("yunyingshang", "number-reassignment", recipient=RECIPIENT, effective_at=stamp(world.now))
    record = world.verify().record  # `verify` holds it against its replay
    assert record.reasons == ("NUMBER_REASSIGNED",)
    assert owed not in record.relied_on
    kinds = {jws.read(world.tokens[name]).typ for name in record.relied_on}
    assert "debt+jws" not in kinds
