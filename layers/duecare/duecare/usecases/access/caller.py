"""Who is calling, once the authorizer has checked the token's signature, and what the table says of it now."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from duecare_core.domain.facts.party import Party
from duecare_core.errors import NotAllowed

SKEW = timedelta(seconds=60)


class Caller(NamedTuple):
    """What the authorizer read from the token: the party, the key that signed, and when the token ends."""

    party: str
    kid: str
    expires_at: datetime


def admit(caller: Caller, party: Party | None, now: datetime) -> Party:
    """The caller's own registration. A revoked key or an ended token is refused at once, whatever an authorizer's cache
    still says. Raises NotAllowed."""
    if party is None or party.key(caller.kid) is None:
        raise NotAllowed("The key that signed this token is not, or no longer, registered.", name="key-refused")
    if now > caller.expires_at + SKEW:
        raise NotAllowed("The token has expired; sign a new one.", name="token-expired")
    return party
