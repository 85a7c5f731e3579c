"""Parties, their keys, and the operator's switches."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from duecare_core.domain.fields import LoggedRole


class PartyKey(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A public key of a party. A revoked key stays listed, because earlier signatures remain evidence."""

    kid: str
    jwk: dict[str, str]
    registered_at: datetime
    revoked_at: datetime | None = None


class Party(Struct, frozen=True, kw_only=True):
    """A participant, registered by the operator. `halted` is the operator's emergency switch for this party."""

    id: str
    roles: tuple[LoggedRole, ...]
    name: str
    sender_names: tuple[str, ...] = ()
    state: Literal["active", "suspended"] = "active"
    shadow: bool = False
    halted: bool = False
    registered_at: datetime
    keys: tuple[PartyKey, ...] = ()

    def key(self, kid: str) -> PartyKey | None:
        """The active key with this thumbprint (RFC 7638); None if it is unknown or revoked."""
        return next((key for key in self.keys if key.kid == kid and key.revoked_at is None), None)


class Halt(Struct, frozen=True, kw_only=True):
    """The operator's switch that stops all sending."""

    halted: bool
