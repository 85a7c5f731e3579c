"""Authorize: is this bearer token signed by the party that it names? (api.md "Calling"; RFC 7519, RFC 8725)

API Gateway caches the answer for minutes, so nothing that changes with time is judged here: `check_token` does that in
each function.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from duecare.ports import DocumentReader
from duecare.usecases import table
from duecare.usecases.access.caller import Caller
from duecare_core.errors import BadEvidence, NotAllowed
from duecare_core.evidence.jose import jws

# A token as our client makes it has 400 characters.
MAX_TOKEN = 4096
_PARTY = re.compile(r"[a-z0-9][a-z0-9-]{1,62}\Z")
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}\Z")  # of RFC 7638, with SHA-256
_SIGNATURE = 86  # characters: 64 bytes, of Ed25519 and of ES256 alike. A DER signature is longer.
LIFETIME = timedelta(hours=1)
_LATEST = 1e11  # of a NumericDate that is read: the year 5138


class Authorize:
    def __init__(self, reader: DocumentReader, issuer: str) -> None:
        self._reader = reader
        self._issuer = issuer

    def __call__(self, token: str) -> Caller:
        """The caller behind a token. Raises NotAllowed, without saying why: that would help only a forger."""
        # 1. Anyone can send a junk token, so the table is read only for what has the form of one of ours. Nothing is
        #    believed yet.
        parts = _read(token)
        party_id = parts.payload.get("iss") if parts else None
        # The id becomes a key of the table: only what can be an id of a party is looked up.
        if parts is None or not isinstance(party_id, str) or not _PARTY.match(party_id):
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
        return _caller(party_id, parts, self._issuer)


def _read(token: str) -> jws.UnverifiedJws | None:
    """The parts of a token that has the form of a party's own; None for anything else."""
    if len(token) > MAX_TOKEN or len(token) - token.rfind(".") - 1 != _SIGNATURE:
        return None
    try:
        parts = jws.read(token)
    except BadEvidence:
        return None
    return parts if parts.typ == "jwt" and _THUMBPRINT.match(parts.kid) else None


def _caller(party_id: str, parts: jws.UnverifiedJws, issuer: str) -> Caller:
    claims = parts.payload
    issued, expires = _instant(claims.get("iat")), _instant(claims.get("exp"))
    begins = _instant(claims.get("nbf", claims.get("iat")))
    return Caller(
        party_id,
        parts.kid,
        begins_at=max(issued, begins) if issued and begins else None,
        expires_at=expires,
        audience_fits=claims.get("aud") in (issuer, [issuer]),
        lifetime_fits=issued is not None and expires is not None and issued < expires <= issued + LIFETIME,
    )


def _instant(claim: object) -> datetime | None:
    """A NumericDate (RFC 7519, section 2); None for anything else."""
    if isinstance(claim, int | float) and not isinstance(claim, bool) and 0 <= claim < _LATEST:
        return datetime.fromtimestamp(claim, UTC)
    return None
