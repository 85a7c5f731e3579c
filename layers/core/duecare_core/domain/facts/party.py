"""Parties, their keys, and the operator's switches."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Literal

from msgspec import Struct

from duecare_core.domain.fields import LoggedRole, Role

_SENDERS = frozenset({"creditor", "collector"})


class PartyKey(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A public key of a party. A revoked key stays listed, because earlier signatures remain evidence.

    `proof`: the JWS by which the party showed at registration that it holds the key (evidence/jose/proof.py).
    """

    kid: str
    jwk: dict[str, str]
    proof: str = ""
    registered_at: datetime
    revoked_at: datetime | None = None


class Party(Struct, frozen=True, kw_only=True):
    """A participant, registered by the operator. `halted` is the operator's emergency switch for this party.

    `templates_only`: its messages need an approved template.
    """

    id: str
    roles: tuple[LoggedRole, ...]
    name: str
    sender_names: tuple[str, ...] = ()
    state: Literal["active", "suspended"] = "active"
    shadow: bool = False
    templates_only: bool = False
    halted: bool = False
    registered_at: datetime
    keys: tuple[PartyKey, ...] = ()

    def key(self, kid: str) -> PartyKey | None:
        """The active key with this thumbprint (RFC 7638); None if it is unknown or revoked."""
        return next((key for key in self.keys if key.kid == kid and key.revoked_at is None), None)

    def acts_as(self, role: Role) -> bool:
        """Whether the party counts in this role. Roles that exclude each other are refused on registration; a party
        that is stored with such roles all the same is unknown in those that would permit messages."""
        return role in self.roles and role not in excluded_roles(self.roles)


class KeyOwner(Struct, frozen=True, kw_only=True):
    """The party that first registered a key. The key is bound to it for good, also after it is revoked."""

    party: str


def excluded_roles(roles: Collection[str]) -> frozenset[str]:
    """The roles among which a party with all of these does not count. A gateway does not deliver messages of its own,
    so it is neither creditor nor collector; a reviewer does not approve its own wording, so it is none of the three."""
    senders = _SENDERS.intersection(roles)
    if "reviewer" in roles and (senders or "gateway" in roles):
        return _SENDERS | {"reviewer"}
    return _SENDERS if "gateway" in roles and senders else frozenset()


class Halt(Struct, frozen=True, kw_only=True):
    """The operator's switch that stops all sending."""

    halted: bool
