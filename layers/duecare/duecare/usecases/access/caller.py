"""The caller of a request, as the authorizer read it from the token, and the checks of its token and registration.

API Gateway caches the authorizer's result for minutes. So the authorizer judges only what does not change with time
(the signature, whose key it is, the audience, the lifetime), and each function judges the rest for each request: the
token's times by its own clock, and the party's registration as the table has it now.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from duecare_core.domain.facts.party import Party
from duecare_core.errors import BadToken, NotAllowed

SKEW = timedelta(seconds=60)


class Caller(NamedTuple):
    """The party that the token names, the key that signed it, and the token's claims.

    `begins_at`: `iat`, or `nbf` if that is later. `begins_at` and `expires_at` are None if a claim is missing or is no
    time. `audience_fits`: `aud` is this service and nothing else. `lifetime_fits`: `exp` lies at most an hour after
    `iat`.
    """

    party: str
    kid: str
    begins_at: datetime | None
    expires_at: datetime | None
    audience_fits: bool
    lifetime_fits: bool


def check_token(caller: Caller, now: datetime) -> datetime:
    """Judge the claims of a well-signed token by the clock of the called function. A missing claim is wrong. Returns
    when the token expires; raises BadToken."""
    if caller.expires_at is None or now > caller.expires_at + SKEW:
        raise BadToken(
            "The token has no exp, or has expired. Set your clock by server_time, and sign a new token.",
            name="token-expired",
            server_time=now,
        )
    if caller.begins_at is None or caller.begins_at > now + SKEW:
        raise BadToken(
            "The token has no iat, or begins after the service's clock. Set your clock by server_time, and sign a new "
            "token.",
            name="token-ahead",
            server_time=now,
        )
    if not caller.audience_fits:
        raise BadToken(
            "The token's aud must be the issuer from discovery, and nothing else.",
            name="token-audience",
            server_time=now,
        )
    if not caller.lifetime_fits:
        raise BadToken(
            "The token's exp must lie after its iat, by at most 3600 seconds.", name="token-lifetime", server_time=now
        )
    return caller.expires_at


def check_caller(caller: Caller, party: Party | None, now: datetime) -> Party:
    """The caller's own registration, given what the table has under its id now. Raises BadToken, NotAllowed."""
    check_token(caller, now)
    if party is None or party.key(caller.kid) is None:
        raise NotAllowed("The key that signed this token is not, or no longer, registered.", name="key-refused")
    return party


def check_active(party: Party) -> None:
    """Raises NotAllowed."""
    if party.state != "active":
        raise NotAllowed("This party is suspended.", name="party-suspended")
