"""Authorize: is this bearer token signed by the party that it names? (api.md "Calling"; RFC 7519, RFC 8725)"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from duecare.ports import Clock, DocumentReader
from duecare.usecases import table
from duecare.usecases.access.caller import SKEW, Caller
from duecare_core.errors import BadEvidence, NotAllowed
from duecare_core.evidence.jose import jws

LIFETIME = 3600
_PARTY = re.compile(r"[a-z0-9][a-z0-9-]{1,62}\Z")
_MEMBERS = {"iss", "aud", "iat", "exp"}


class Authorize:
    def __init__(self, reader: DocumentReader, issuer: str, clock: Clock) -> None:
        self._reader = reader
        self._issuer = issuer
        self._clock = clock

    def __call__(self, token: str) -> Caller:
        """The caller behind a token. Raises NotAllowed, without saying why: that would help only a forger."""
        # 1. Read the parts; nothing is believed yet.
        try:
            parts = jws.read(token)
        except BadEvidence as error:
            raise NotAllowed("token refused") from error
        claims = parts.payload
        if parts.typ != "jwt" or not self._times_hold(claims) or claims.get("aud") != self._issuer:
            raise NotAllowed("token refused")
        party_id = claims.get("iss")
        # The id becomes a key of the table: only what can be an id of a party is looked up.
        if not isinstance(party_id, str) or not _PARTY.match(party_id):
            raise NotAllowed("token refused")
        # 2. The key must be one of that very party, and active.
        key = table.party(party_id)
        party = table.find_party(self._reader.get([key]), party_id)
        registered = party.key(parts.kid) if party else None
        if registered is None:
            raise NotAllowed("token refused")
        # 3. The signature, with the one algorithm that the key is for.
        try:
            jws.verify(token, registered.jwk)
        except BadEvidence as error:
            raise NotAllowed("token refused") from error
        return Caller(party_id, parts.kid, datetime.fromtimestamp(claims["exp"], UTC))

    def _times_hold(self, claims: dict[str, Any]) -> bool:
        """iat, exp (and nbf) are numbers, exp is at most an hour after iat, and now is between, give or take 60 s."""
        if not set(claims) >= _MEMBERS:
            return False
        issued, expires, begins = claims["iat"], claims["exp"], claims.get("nbf", claims["iat"])
        if not all(_is_date(at) for at in (issued, expires, begins)):
            return False
        now, skew = self._clock().timestamp(), SKEW.total_seconds()
        lives = issued < expires <= issued + LIFETIME
        return bool(lives and max(issued, begins) - skew <= now <= expires + skew)


def _is_date(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e11
