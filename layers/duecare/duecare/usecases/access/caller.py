"""The caller of a request, as the authorizer read it from the token, and the check of its registration."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from duecare_core.domain.facts.party import Party
from duecare_core.errors import NotAllowed

SKEW = timedelta(seconds=60)


class Caller(NamedTuple):
    """The party that the token names, the key that signed it, and when it expires."""

    party: str
    kid: str
    expires_at: datetime


def check_caller(caller: Caller, party: Party | None, now: datetime) -> Party:
    """The caller's own registration, given what the table has under its id now.

    API Gateway may cache the authorizer's result, so a key revoked since and an expired token are rejected here.
    Raises NotAllowed.
    """
    if party is None or party.key(caller.kid) is None:
        raise NotAllowed("The key that signed this token is not, or no longer, registered.", name="key-refused")
    if now > caller.expires_at + SKEW:
        raise NotAllowed("The token has expired; sign a new one.", name="token-expired")
    return party


def check_active(party: Party) -> None:
    """Raises NotAllowed."""
    if party.state != "active":
        raise NotAllowed("This party is suspended.", name="party-suspended")
