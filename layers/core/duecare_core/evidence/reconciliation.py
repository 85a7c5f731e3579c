"""The signature over a reconciliation: a compact JWS (`typ: reconciliation+jws`) by a receipt key over its digest.

The claims repeat the summary of the result, so that the JWS alone is useful. `result_sha256` is the digest of the RFC
8785 bytes of the whole result without its member `signed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from duecare_core.evidence.canonical import canonical, digest

TYP = "reconciliation+jws"
SIGNATURE_MEMBER = "signed"
# The members of the result that the claims repeat.
SUMMARY_MEMBERS = ("gateway", "from", "to", "complete_until", "final", "ok", "counts")


def result_digest(result: Mapping[str, Any]) -> str:
    """`sha256:<hex>` of the signed result. Raises BadEvidence for values that JSON cannot represent exactly."""
    return digest(canonical({name: value for name, value in result.items() if name != SIGNATURE_MEMBER}))


def claims(result: Mapping[str, Any], issuer: str, at: datetime) -> dict[str, Any]:
    """The payload. `at`: the time of signing."""
    summary = {name: result[name] for name in SUMMARY_MEMBERS if name in result}
    return {"iss": issuer, "iat": int(at.timestamp()), **summary, "result_sha256": result_digest(result)}
