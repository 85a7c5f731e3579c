"""Parties, their keys, and the operator's switches."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from duecare_core.domain.fields import Role


class PartyKey(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A public key of a party. A revoked key stays listed: what it signed before remains evidence."""

    kid: str
    jwk: dict[str, str]
    registered_at: datetime
    revoked_at: datetime | None = None


class Party(Struct, frozen=True, kw_only=True):
    """Who may take part, registered by the operator. `halted` is the operator's emergency switch for this party."""

    id: str
    roles: tuple[Role, ...]
    name: str
    sender_names: tuple[str, ...] = ()
    state: Literal["active", "suspended"] = "active"
    shadow: bool = False
    halted: bool = False
    registered_at: datetime
    keys: tuple[PartyKey, ...] = ()

    def key(self, kid: str) -> PartyKey | None:
        """The key with this thumbprint, unless it is unknown or revoked."""
        return next((key for key in self.keys if key.kid == kid and key.revoked_at is None), None)


class Halt(Struct, frozen=True, kw_only=True):
    """The switch that stops everything."""

    halted: bool
