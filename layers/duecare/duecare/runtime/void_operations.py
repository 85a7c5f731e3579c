"""The operations of the void function (`do` names one)."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from duecare.runtime.services.void import VoidService
from duecare.usecases.operator.void_records import VoidReport
from duecare_core.domain.facts.statement import StatementKind
from duecare_core.domain.fields import PartyId, Time
from duecare_core.errors import Unacceptable

# Of one invocation, in seconds; the page that is begun before its end takes seconds more.
STEP = 8.0


class _VoidRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do"):
    party: PartyId


class _OfKind(_VoidRequest, frozen=True, kw_only=True):
    since: Time
    kind: StatementKind | None = None


class StartVoid(_OfKind, frozen=True, kw_only=True, tag="void"):
    """Record a void and suspend the party; or go on with the same void."""


class UndoVoid(_OfKind, frozen=True, kw_only=True, tag="void-undo"):
    """Record that a void is undone."""


class StepVoid(_VoidRequest, frozen=True, kw_only=True, tag="void-step"):
    """Go on with the work of a void or of its undoing, for some seconds."""

    id: str


VoidOperation = StartVoid | UndoVoid | StepVoid


def perform(request: Any, service: VoidService) -> VoidReport:
    """Raises RequestError and CannotDecide."""
    void = service.void_statements
    match request:
        case StartVoid():
            return void.start(request.party, request.since, request.kind)
        case UndoVoid():
            return void.undo(request.party, request.since, request.kind)
        case StepVoid():
            end = service.monotonic() + STEP
            return void.step(request.party, request.id, lambda: service.monotonic() < end)
    raise Unacceptable("No such operation.")
