"""The states that a statement touches, and the inputs that `merge` refuses."""

from __future__ import annotations

from typing import Any

import pytest

from duecare_core.domain.facts.merge import FactSlot, MergeInput, merge, touched_slots
from duecare_core.domain.facts.statement import KINDS, StatementKind
from duecare_core.domain.facts.states import ConsentState, DebtState, Dispute, Mandate, NumberState, Route, StopState
from duecare_core.domain.rules.reply import Reply
from duecare_core.errors import Conflict
from duecare_core.evidence.statement import parse
from tests.support.world import (
    ISSUER,
    NOW,
    RECIPIENT,
    consent_members,
    debt_members,
    mandate_members,
    route_members,
    stamp,
)

PERSON = {"recipient": RECIPIENT, "creditor": "mou-zichan"}
MEMBERS: dict[StatementKind, dict[str, Any]] = {
    "consent": consent_members(NOW, channels=["voice", "sms", "sms"]),
    "consent-revocation": {**PERSON, "channels": ["sms"], "revoked_at": stamp(NOW)},
    "debt": debt_members(NOW),
    "mandate": mandate_members(NOW),
    "route": route_members(NOW),
    "reply": {**PERSON, "text": "T", "received_at": stamp(NOW)},
    "opt-out": {"recipient": RECIPIENT, "creditor": "*", "received_at": stamp(NOW)},
    "dispute": {**PERSON, "claim": "paid", "received_at": stamp(NOW)},
    "number-reassignment": {"recipient": RECIPIENT, "effective_at": stamp(NOW)},
    "delivery": {"message_id": "m-1", "at": stamp(NOW), "status": "delivered", "text_sha256": "sha256:" + "0" * 64},
}
SLOTS: dict[StatementKind, tuple[FactSlot, ...]] = {
    "consent": (FactSlot(ConsentState, "mou-zichan", "sms"), FactSlot(ConsentState, "mou-zichan", "voice")),
    "consent-revocation": (FactSlot(ConsentState, "mou-zichan", "sms"),),
    "debt": (FactSlot(DebtState, "mou-zichan", "A-1"),),
    "mandate": (FactSlot(Mandate, "mou-zichan", "keji"),),
    "route": (FactSlot(Route, "mou-zichan", "xinxi"),),
    "reply": (FactSlot(StopState, "other-bank"),),
    "opt-out": (FactSlot(StopState, "*"),),
    "dispute": (FactSlot(Dispute, "mou-zichan", "paid#"),),
    "number-reassignment": (FactSlot(NumberState),),
    "delivery": (),
}


def said(kind: StatementKind, **changes: Any) -> MergeInput:
    statement = parse(kind, {"iss": "mou-zichan", "aud": ISSUER, "iat": 0, **MEMBERS[kind], **changes})
    reply = Reply.OPT_OUT if kind == "reply" else None
    return MergeInput(statement, "id", "content", NOW, creditor="other-bank", reply=reply)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_touches_its_slots(kind: StatementKind) -> None:
    assert touched_slots(said(kind)) == SLOTS[kind]


@pytest.mark.parametrize("kind", [kind for kind, slots in SLOTS.items() if slots])
def test_each_kind_merges_into_the_states_of_its_slots(kind: StatementKind) -> None:
    assert all(type(merge(None, said(kind))) is slot.state for slot in SLOTS[kind])


def test_a_revocation_without_channels_touches_the_slot_of_every_channel() -> None:
    revocation = parse(
        "consent-revocation", {"iss": "xinxi", "aud": ISSUER, "iat": 0, **PERSON, "revoked_at": stamp(NOW)}
    )
    assert touched_slots(MergeInput(revocation, "id", "", NOW)) == (FactSlot(ConsentState, "mou-zichan", "*"),)


def test_a_reply_without_meaning_touches_nothing() -> None:
    assert touched_slots(said("reply")._replace(reply=Reply.NONE)) == ()


@pytest.mark.parametrize("kind", ["consent", "debt", "mandate", "route"])
def test_other_content_of_the_same_instant_is_a_conflict(kind: StatementKind) -> None:
    state = merge(None, said(kind))
    with pytest.raises(Conflict):
        merge(state, said(kind)._replace(content="other"))


def test_a_statement_does_not_merge_into_a_state_of_another_kind() -> None:
    with pytest.raises(TypeError):
        merge(StopState(), said("debt"))
