"""How verify renders its results, and counts them; and the discovery document."""

from __future__ import annotations

from collections.abc import Iterable

from duecare.runtime import telemetry
from duecare.runtime.http import MAX_BODY, Event, language_of, public_url
from duecare.runtime.responses import Answer, Discovery, Limits, LogAddress, ProblemResult, answer, problem
from duecare.runtime.services.verify import VerifyService
from duecare.usecases.verify.stored_decision import StoredDecision
from duecare_core.engine import engine
from duecare_core.errors import CannotDecide, RequestError

WANTS = {
    "ROUTE_MISSING": "route",
    "ROUTE_EXPIRED": "route",
    "ROUTE_REVOKED": "route",
    "CONSENT_MISSING": "consent",
    "DEBT_MISSING": "debt",
}


def render_answer(service: VerifyService, event: Event, decided: StoredDecision) -> Answer:
    """The answer of a decision, which is also counted."""
    settings, record = service.settings, decided.record
    outcome = "Allowed" if record.decision == "allow" else "Denied"
    telemetry.count(outcome, decision_id=record.decision_id, reasons=record.reasons)
    if wants := denied_for_want_of(record.reasons):
        telemetry.count_for_party("DeniedForWant", "gateway", record.gateway, denied_for_want_of=wants)
    url = public_url(event, settings.public_url)
    return answer(decided, issuer=settings.issuer, public_url=url, language=language_of(event))


def denied_for_want_of(reasons: Iterable[str]) -> list[str]:
    """The facts for want of which a message was denied. A gateway that asks about people whom it does not serve has
    many such denials: there is an alarm over their count (DeniedForWantAlarm)."""
    return sorted({WANTS[reason] for reason in reasons if reason in WANTS})


def render_result(
    service: VerifyService, event: Event, result: StoredDecision | RequestError | CannotDecide
) -> Answer | ProblemResult:
    """The result of one message of a batch, which is also counted."""
    if isinstance(result, CannotDecide):
        telemetry.failed(result)
        telemetry.count("CannotDecide", part=result.part)
        return ProblemResult(problem(result))
    if isinstance(result, RequestError):
        telemetry.count("Refused", problem=result.name)
        return ProblemResult(problem(result))
    return render_answer(service, event, result)


def render_discovery(service: VerifyService, event: Event, log_key: str | None) -> Discovery:
    """`log_key`: the verifier key of the log, None before anything is logged."""
    settings, rules = service.settings, service.rules
    url = public_url(event, settings.public_url)
    return Discovery(
        issuer=settings.issuer,
        jwks_uri=f"{url}/.well-known/jwks.json",
        log=LogAddress(settings.log_origin, log_key, f"{url}/log"),
        rules_version=rules.version,
        rules_sha256=rules.digest,
        engine=engine(),
        limits=Limits(
            body_bytes=MAX_BODY,
            statements=100,
            messages=100,
            text_characters=2000,
            token_seconds=3600,
            send_ahead_seconds=604800,
            answer_seconds=int(rules.answer_validity.total_seconds()),
        ),
    )
