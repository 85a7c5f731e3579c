"""Checks a reconciliation: the service signed exactly this result, about the requested period, just now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from duecare_client.checks.receipts import CLOCK_SKEW, signed_claims
from duecare_client.errors import BadAnswer, BadEvidence, BadReceipt
from duecare_core.domain.reconciliation import FINDINGS
from duecare_core.evidence.reconciliation import SIGNATURE_MEMBER, SUMMARY_MEMBERS, TYP, result_digest

_TYPES: dict[str, type] = {
    "final": bool,
    "ok": bool,
    "truncated": bool,
    "counts": dict,
    "gateway": str,
    SIGNATURE_MEMBER: str,
}


class RequestedPeriod(NamedTuple):
    """The question, and when it was asked (seconds since 1970). A result that is older does not answer it."""

    gateway: str
    start: datetime
    end: datetime
    since: float


def check(
    answer: Mapping[str, Any], keys: Sequence[Mapping[str, Any]], *, issuer: str, now: float, requested: RequestedPeriod
) -> None:
    """1. The answer has the form of the contract. 2. A key of the service signed claims of this `typ`. 3. `iss` is the
    service. 4. The claims were made just now. 5. Their digest is that of this answer, and they say the same. 6. The
    answer is about the requested gateway and period. Raises BadAnswer for the first, BadReceipt for the others.
    """
    _check_form(answer)
    claims = signed_claims(str(answer[SIGNATURE_MEMBER]), keys, TYP, "reconciliation")
    if claims.get("iss") != issuer:
        raise BadReceipt("the reconciliation was signed by another service")
    issued_at = claims.get("iat")
    if type(issued_at) is not int or not requested.since - CLOCK_SKEW <= issued_at <= now + CLOCK_SKEW:
        raise BadReceipt("the reconciliation was not made just now: correct this machine's clock, then ask again")
    try:
        signed = claims.get("result_sha256") == result_digest(answer)
    except (BadEvidence, ValueError, RecursionError):
        signed = False
    if not signed or any(claims.get(name) != answer.get(name) for name in SUMMARY_MEMBERS):
        raise BadReceipt("the signature is about another result")
    period = (answer["gateway"], _time(answer, "from"), _time(answer, "to"))
    if period != (requested.gateway, requested.start, requested.end):
        raise BadReceipt("the reconciliation is about another gateway or another period")


def _check_form(answer: Mapping[str, Any]) -> None:
    """Raises BadAnswer."""
    valid = all(type(answer.get(name)) is kind for name, kind in _TYPES.items())
    valid = valid and all(type(answer["counts"].get(name)) is int for name in FINDINGS)
    for name in FINDINGS:
        items = answer.get(name)
        valid = valid and isinstance(items, list) and all(isinstance(item, dict) for item in items)
    if not valid:
        raise BadAnswer("the answer is not a reconciliation in the form of the contract")


def _time(answer: Mapping[str, Any], name: str) -> datetime | None:
    try:
        return datetime.fromisoformat(str(answer.get(name)))
    except ValueError:
        return None
