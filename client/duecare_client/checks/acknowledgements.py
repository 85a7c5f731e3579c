"""Checks an acknowledgement: the proof that the service accepted a statement (compact JWS, `statement-ack+jws`)."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

from duecare_client.checks.receipts import CLOCK_SKEW, signed_claims
from duecare_client.errors import BadKey, BadReceipt
from duecare_core.domain.location.phone import canonical_number, todays_number
from duecare_core.evidence.acknowledgement import PURPOSE, SALT_BYTES, TYP
from duecare_core.evidence.jose.keys import unb64
from duecare_core.evidence.record import recipient_digest

EFFECTS = frozenset({"in_force", "superseded", "none"})


def verify_acknowledgement(
    acknowledgement: str,
    keys: Sequence[Mapping[str, Any]],
    *,
    statement_id: str,
    party: str,
    now: float,
    kind: str | None = None,
    recipient: str | None = None,
) -> dict[str, Any]:
    """The claims of a valid acknowledgement. Raises BadReceipt and says which check failed.

    1. The header names the type of an acknowledgement and a key that the service publishes for acknowledgements, not
    for receipts. 2. That key made the signature. 3. It is about this statement of this party (and, if given, of this
    kind). 4. It is not dated in the future. 5. It says what the effect is. 6. If `recipient` is given, its salted
    digest is of that number.

    `keys`: the members of the service's JWK set. For a statement that repeats an earlier one, `statement_id` is the
    `same_as` of the result.
    """
    claims = signed_claims(acknowledgement, keys, TYP, "statement acknowledgement", PURPOSE)
    expected = {"statement_id": statement_id, "party": party} | ({"kind": kind} if kind is not None else {})
    for name, value in expected.items():
        if claims.get(name) != value:
            raise BadReceipt(
                f"the acknowledgement does not match: its {name} is {reprlib.repr(claims.get(name))}, expected "
                f"{reprlib.repr(value)}. Keep it and ask the service's operator"
            )
    issued_at = claims.get("iat")
    if type(issued_at) is not int:
        raise BadReceipt("the acknowledgement does not say when the statement was accepted (iat, whole seconds)")
    if issued_at > now + CLOCK_SKEW:
        raise BadReceipt("the acknowledgement is dated in the future: correct this machine's clock")
    if claims.get("effect") not in EFFECTS:
        raise BadReceipt("the acknowledgement does not say what effect the statement has")
    if recipient is not None and not _names(claims, recipient):
        raise BadReceipt("the acknowledgement is about another recipient")
    return claims


def _names(claims: Mapping[str, Any], recipient: str) -> bool:
    """Whether the digest is of this number, in the spelling that is in use today."""
    try:
        salt = unb64(str(claims.get("recipient_salt")))
        number = todays_number(recipient) or canonical_number(recipient)
    except (BadKey, ValueError):
        return False
    return len(salt) == SALT_BYTES and claims.get("recipient") == recipient_digest(salt, number)
