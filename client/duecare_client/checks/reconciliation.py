"""Checking a reconciliation: that the service signed exactly this result, about what was asked, and now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from duecare_client.checks.receipts import CLOCK_SKEW, signed_claims
from duecare_client.errors import BadAnswer, BadEvidence, BadReceipt
from duecare_core.domain.reconciliation import FINDINGS
from duecare_core.evidence.reconciliation import SIGNATURE_MEMBER, SUMMARY_MEMBERS, TYP, result_digest

_KINDS: dict[str, type] = {
    "final": bool,
    "ok": bool,
    "truncated": bool,
    "counts": dict,
    "gateway": str,
    SIGNATURE_MEMBER: str,
}


class RequestedPeriod(NamedTuple):
    """What was asked for, and when (in seconds since 1970): an older answer is not the answer."""

    gateway: str
    start: datetime
    end: datetime
    since: float


def check(
    answer: Mapping[str, Any], keys: Sequence[Mapping[str, Any]], *, issuer: str, now: float, asked: RequestedPeriod
) -> None:
    """1. The answer has the form of the contract; 2. a key of the service signed claims of this `typ`; 3. `iss` is the
    service; 4. they were made now; 5. the digest in them is that of this answer, and they say what it says; 6. it is
    about what was asked. Raises BadAnswer for the first, BadReceipt for the others.
    """
    _check_form(answer)
    claims = signed_claims(str(answer[SIGNATURE_MEMBER]), keys, TYP, "reconciliation")
    if claims.get("iss") != issuer:
        raise BadReceipt("the reconciliation was signed by another service")
    made = claims.get("iat")
    if type(made) is not int or not asked.since - CLOCK_SKEW <= made <= now + CLOCK_SKEW:
        raise BadReceipt("the reconciliation was not made now; check this machine's clock")
    try:
        signed = claims.get("result_sha256") == result_digest(answer)
    except BadEvidence:
        signed = False
    if not signed or any(claims.get(name) != answer.get(name) for name in SUMMARY_MEMBERS):
        raise BadReceipt("the signature is about another result")
    if (answer["gateway"], _time(answer, "from"), _time(answer, "to")) != asked[:3]:
        raise BadReceipt("the reconciliation is about another gateway or another period")


def _check_form(answer: Mapping[str, Any]) -> None:
    """Raises BadAnswer."""
    good = all(type(answer.get(name)) is kind for name, kind in _KINDS.items())
    good = good and all(type(answer["counts"].get(name)) is int for name in FINDINGS)
    for name in FINDINGS:
        listed = answer.get(name)
        good = good and isinstance(listed, list) and all(isinstance(one, dict) for one in listed)
    if not good:
        raise BadAnswer("the answer is not a reconciliation")


def _time(answer: Mapping[str, Any], name: str) -> datetime | None:
    try:
        return datetime.fromisoformat(str(answer.get(name)))
    except ValueError:
        return None
