"""What the operator can ask for (`do` tells which), and the use case that does it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from msgspec import Meta, Struct

from duecare.ports import Clock
from duecare.usecases.operator.erase import Erase, ErasureResult
from duecare.usecases.operator.parties import PartyAdmin
from duecare_core.domain.facts.party import Halt, Party
from duecare_core.domain.fields import E164, DisplayName, PartyId, Role
from duecare_core.errors import Unacceptable


class Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do"):
    """One thing to do; `do` tells which."""


class PartyAdd(Request, frozen=True, kw_only=True, tag="party-add"):
    id: PartyId
    roles: Annotated[list[Role], Meta(min_length=1)]
    name: DisplayName
    sender_names: Annotated[list[DisplayName], Meta(max_length=20)] = []
    key: dict[str, Any]
    shadow: bool = False


class OfParty(Request, frozen=True, kw_only=True):
    id: PartyId


class PartyShow(OfParty, frozen=True, kw_only=True, tag="party-show"): ...


class PartySuspend(OfParty, frozen=True, kw_only=True, tag="party-suspend"): ...


class PartyResume(OfParty, frozen=True, kw_only=True, tag="party-resume"): ...


class KeyAdd(OfParty, frozen=True, kw_only=True, tag="key-add"):
    key: dict[str, Any]


class KeyRevoke(OfParty, frozen=True, kw_only=True, tag="key-revoke"):
    kid: str


class SwitchHalt(Request, frozen=True, kw_only=True, tag="halt"):
    """One creditor, one gateway, or everything."""

    on: bool
    creditor: PartyId | None = None
    gateway: PartyId | None = None


class EraseRecipient(Request, frozen=True, kw_only=True, tag="erase"):
    """What the archive holds of one recipient, where the law lets it go."""

    recipient: E164


Anything = PartyAdd | PartyShow | PartySuspend | PartyResume | KeyAdd | KeyRevoke | SwitchHalt | EraseRecipient


def perform(  # noqa: PLR0911  one return a verb
    request: Any, operate: PartyAdmin, erase: Callable[[], Erase], clock: Clock
) -> Party | Halt | ErasureResult:
    """Raises RequestError and CannotDecide."""
    match request:
        case PartyAdd():
            return operate.add(
                Party(
                    id=request.id,
                    roles=tuple(sorted(set(request.roles))),
                    name=request.name,
                    sender_names=tuple(request.sender_names),
                    shadow=request.shadow,
                    registered_at=clock(),
                ),
                request.key,
            )
        case PartyShow():
            return operate.show(request.id)
        case PartySuspend():
            return operate.suspend(request.id)
        case PartyResume():
            return operate.resume(request.id)
        case KeyAdd():
            return operate.add_key(request.id, request.key)
        case KeyRevoke():
            return operate.revoke_key(request.id, request.kid)
        case SwitchHalt(creditor=str() as creditor, gateway=None):
            return operate.halt_party(creditor, "creditor", on=request.on)
        case SwitchHalt(creditor=None, gateway=str() as gateway):
            return operate.halt_party(gateway, "gateway", on=request.on)
        case SwitchHalt(creditor=None, gateway=None):
            return operate.halt_everything(on=request.on)
        case EraseRecipient():
            return erase()(request.recipient)
    raise Unacceptable("Name a creditor or a gateway, not both.")
