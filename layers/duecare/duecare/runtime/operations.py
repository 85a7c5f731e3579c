"""The operations of the operator (`do` names one), and the use cases that perform them."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct, structs

from duecare.runtime.services.admin import AdminService
from duecare.usecases.operator import void_records as void
from duecare.usecases.operator.erase import ErasureResult
from duecare.usecases.operator.void_records import VoidReport
from duecare_core.domain.facts.party import Halt, Party
from duecare_core.domain.fields import DisplayName, PartyId, PhoneNumber, Role
from duecare_core.errors import Unacceptable


class _Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do"):
    """One operation; `do` names it."""


class PartyAdd(_Request, frozen=True, kw_only=True, tag="party-add"):
    id: PartyId
    roles: Annotated[list[Role], Meta(min_length=1)]
    name: DisplayName
    sender_names: Annotated[list[DisplayName], Meta(max_length=20)] = []
    key: dict[str, Any]
    shadow: bool = False
    templates_only: bool = False


class _OfParty(_Request, frozen=True, kw_only=True):
    id: PartyId


class PartyShow(_OfParty, frozen=True, kw_only=True, tag="party-show"): ...


class PartySuspend(_OfParty, frozen=True, kw_only=True, tag="party-suspend"): ...


class PartyResume(_OfParty, frozen=True, kw_only=True, tag="party-resume"): ...


class KeyAdd(_OfParty, frozen=True, kw_only=True, tag="key-add"):
    key: dict[str, Any]


class KeyRevoke(_OfParty, frozen=True, kw_only=True, tag="key-revoke"):
    kid: str


class SwitchHalt(_Request, frozen=True, kw_only=True, tag="halt"):
    """Stop one creditor, one gateway, or everything; or lift that stop."""

    on: bool
    creditor: PartyId | None = None
    gateway: PartyId | None = None


class EraseRecipient(_Request, frozen=True, kw_only=True, tag="erase"):
    """Erase the archived copies about one recipient, except those under legal retention."""

    recipient: PhoneNumber


class PartyRestore(_Request, frozen=True, kw_only=True, tag="party-restore"):
    """Put a registration back that a restored table has lost, from its copy in the archive."""

    copy: str


Operation = (
    PartyAdd | PartyShow | PartySuspend | PartyResume | KeyAdd | KeyRevoke | SwitchHalt | EraseRecipient | PartyRestore
)


def perform(request: Any, service: AdminService) -> Party | Halt | ErasureResult | dict[str, Any]:  # noqa: PLR0911  one for each operation
    """Raises RequestError and CannotDecide."""
    parties = service.party_admin
    match request:
        case PartyAdd():
            return parties.add(
                Party(
                    id=request.id,
                    roles=tuple(sorted(set(request.roles))),
                    name=request.name,
                    sender_names=tuple(request.sender_names),
                    shadow=request.shadow,
                    templates_only=request.templates_only,
                    registered_at=service.clock(),
                ),
                request.key,
            )
        case PartyShow():
            return _with_voids(parties.show(request.id), void.reports(service.documents, request.id))
        case PartySuspend():
            return parties.suspend(request.id)
        case PartyResume():
            return parties.resume(request.id)
        case KeyAdd():
            return parties.add_key(request.id, request.key)
        case KeyRevoke():
            return parties.revoke_key(request.id, request.kid)
        case SwitchHalt(creditor=str() as creditor, gateway=None):
            return parties.halt_party(creditor, "creditor", on=request.on)
        case SwitchHalt(creditor=None, gateway=str() as gateway):
            return parties.halt_party(gateway, "gateway", on=request.on)
        case SwitchHalt(creditor=None, gateway=None):
            return parties.halt_everything(on=request.on)
        case EraseRecipient():
            return service.erase(request.recipient)
        case PartyRestore():
            return service.restore_party(request.copy)
    raise Unacceptable("Name a creditor or a gateway, not both.")


def _with_voids(party: Party, voids: list[VoidReport]) -> Party | dict[str, Any]:
    """The party, with its voids if it has any."""
    return {**structs.asdict(party), "voids": voids} if voids else party
