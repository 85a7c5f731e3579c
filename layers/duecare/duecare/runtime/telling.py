"""What a gateway is told: its decisions, and what it should know beforehand."""

from __future__ import annotations

from typing import Any

from duecare.runtime import rulebook, telemetry, wiring
from duecare.runtime.http import MAX_BODY, Event, language_of, problem, public_url
from duecare.usecases.verify.pending import Result
from duecare.usecases.verify.stored_decision import answer
from duecare_core.errors import CannotDecide, RequestError


def told(event: Event, result: Result) -> dict[str, Any]:
    """One result of verify as JSON: the decision, or `{"problem": …}`; and counted."""
    if isinstance(result, CannotDecide):
        telemetry.failed(result)
        telemetry.count("CannotDecide", part=result.part)
        return {"problem": problem(result)}
    if isinstance(result, RequestError):
        telemetry.count("Refused", problem=result.name)
        return {"problem": problem(result)}
    settings, record = wiring.settings(), result.record
    outcome = "Allowed" if record.decision == "allow" else "Denied"
    telemetry.count(outcome, decision_id=record.decision_id, reasons=record.reasons)
    url = public_url(event, settings.public_url)
    return answer(result, issuer=settings.issuer, public_url=url, language=language_of(event))


def discovered(event: Event, log_key: str | None) -> dict[str, Any]:
    """The answer of `GET /.well-known/duecare`; limits are in the unit that their name ends with, or in pieces."""
    settings, rules = wiring.settings(), rulebook.rules()
    url = public_url(event, settings.public_url)
    return {
        "issuer": settings.issuer,
        "jwks_uri": f"{url}/.well-known/jwks.json",
        "log": {"origin": settings.log_origin, "verifier_key": log_key, "url": f"{url}/log"},
        "rules_version": rules.version,
        "rules_sha256": rules.digest,
        "limits": {
            "body_bytes": MAX_BODY,
            "statements": 100,
            "messages": 100,
            "text_characters": 2000,
            "token_seconds": 3600,
            "send_ahead_seconds": 604800,
            "answer_seconds": int(rules.answer_validity.total_seconds()),
        },
    }
