"""The bodies of the API's responses: one type for each. The functions render these types, and the OpenAPI document
describes them, so that the document says what is really sent.

A member that has a default is absent from the body when it has that default.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from duecare.usecases.verify.stored_decision import StoredDecision
from duecare_core.domain.decision.decision import Finding
from duecare_core.domain.decision.reasons import REASONS, sentence
from duecare_core.domain.fields import LoggedRole, PartyId, Time
from duecare_core.domain.reconciliation import Discrepancy
from duecare_core.errors import CannotDecide, DuecareError, RequestError
from duecare_core.evidence.acknowledgement import AcknowledgementKeyRecord, published
from duecare_core.evidence.receipt import receipt
from duecare_core.evidence.record import Record

if TYPE_CHECKING:
    from duecare.usecases.access.identify import CallerStatus

PROBLEM_TYPE = "urn:duecare:problem:"
CANNOT_DECIDE = "cannot-decide"

ReasonCode = Annotated[str, Meta(extra_json_schema={"enum": list(REASONS)})]
Uri = Annotated[str, Meta(extra_json_schema={"format": "uri"})]
RenderedTime = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
UploadPhase = Literal["awaiting_file", "importing", "done", "refused"]


class InvalidMember(Struct, frozen=True):
    """One member that cannot be accepted. No value is repeated."""

    pointer: str
    code: str
    message: str


class Problem(Struct, frozen=True, omit_defaults=True):
    """RFC 9457. `type` is `urn:duecare:problem:<name>`. No problem repeats a phone number or a message text.
    `server_time`: the service's clock, if the fault may be the caller's clock."""

    type: str
    title: str
    status: int
    detail: str
    errors: tuple[InvalidMember, ...] = ()
    part: str | None = None
    server_time: datetime | None = None


class ReasonText(Struct, frozen=True):
    """A reason for a denial, with a sentence in the language that the request prefers."""

    code: ReasonCode
    message: str


class Answer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The decision on one message: allow or deny. An allow may be acted on until `valid_until`; after that, ask
    again. Send only if `decision` is `allow`, `enforced` is true, `provisional` is false and the receipt verifies."""

    decision: Literal["allow", "deny"]
    decision_id: str
    attempt: int
    message_id: str
    reasons: tuple[ReasonText, ...]
    valid_until: datetime
    receipt: str
    enforced: bool
    provisional: bool
    replayed: bool
    disclosure_url: Uri
    findings: tuple[Finding, ...] = ()
    retry_at: datetime | None = None


class ProblemResult(Struct, frozen=True):
    """The problem with one message of a batch; the other messages have their own results."""

    problem: Problem


# msgspec can encode this union but not describe it: neither of the two has a tag.
_RESULTS = [{"$ref": f"#/components/schemas/{kind.__name__}"} for kind in (Answer, ProblemResult)]
BatchResult = Annotated[Any, Meta(extra_json_schema={"anyOf": _RESULTS})]


class BatchAnswer(Struct, frozen=True):
    """One result for each message, in their order: a decision, or the problem with that message."""

    results: list[BatchResult]


class StatementOutcome(Struct, frozen=True, omit_defaults=True):
    """The result of one statement."""

    statement_id: str
    status: Literal["accepted", "unchanged", "rejected"]
    problem: Problem | None = None
    read_as: Literal["opt_out", "opt_in", "none"] | None = None
    same_as: str | None = None
    effect: Literal["in_force", "superseded", "none"] | None = None
    acknowledgement: str | None = None


class StatementOutcomes(Struct, frozen=True):
    """One result for each statement, in their order."""

    results: list[StatementOutcome]


class LogPosition(Struct, frozen=True, omit_defaults=True):
    """Whether the transparency log has an entry for the decision, and at which index."""

    logged: bool
    index: int | None = None


class StatementLogPosition(Struct, frozen=True, omit_defaults=True):
    """Whether the published log holds the statement; if so, at which index, and the proof."""

    logged: bool
    index: int | None = None
    proof: str | None = None


class AcknowledgedStatement(Struct, frozen=True):
    """A statement that was accepted: its acknowledgement, and its place in the transparency log."""

    statement_id: str
    acknowledgement: str
    log: StatementLogPosition


class DecisionDetails(Struct, frozen=True):
    """A decision with its record. The RFC 8785 form of `record` has the digest `record_sha256` of the receipt."""

    answer: Answer
    record: Record
    log: LogPosition


class UploadInstructions(Struct, frozen=True):
    """PUT the file to `url` with exactly these headers, before `expires_at`. After that, announce the same manifest
    again. The file needs to be sent only while `state` is `awaiting_file`."""

    upload_id: str
    state: UploadPhase
    url: Uri
    headers: dict[str, str]
    expires_at: RenderedTime


class UploadReport(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The progress of an import. `accepted`, `unchanged` and `rejected` grow until their sum is `rows`."""

    upload_id: str
    state: UploadPhase
    rows: int
    accepted: int
    unchanged: int
    rejected: int
    problem: Problem | None = None
    withdrawn: int | None = None
    withdrawals_to_confirm: int | None = None
    rejects_url: Uri | None = None
    acknowledgement: str | None = None


class ReconciliationReport(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Deliveries from `from` to before `to`, each compared with the newest decision about its message at that time, and
    allows compared with the statements about their messages. Each list has its first 500 items."""

    gateway: PartyId
    start: Time = field(name="from")
    end: Time = field(name="to")
    final: bool
    ok: bool
    truncated: bool
    log_size: int
    decisions_since: Time
    counts: dict[str, int]
    delivered_without_decision: list[Discrepancy]
    delivered_before_decision: list[Discrepancy]
    delivered_on_rehearsal: list[Discrepancy]
    delivered_though_denied: list[Discrepancy]
    delivered_unenforced: list[Discrepancy]
    delivered_other_text: list[Discrepancy]
    delivered_after_expiry: list[Discrepancy]
    delivered_twice: list[Discrepancy]
    allowed_without_delivery: list[Discrepancy]
    complete_until: Time | None = None
    signed: str


class PartyIdentity(Struct, frozen=True, kw_only=True):
    """The caller as it is registered. A suspended party may state only what protects a recipient."""

    party: PartyId
    roles: list[LoggedRole]
    kid: str
    state: Literal["active", "suspended"]
    token_expires_at: datetime
    server_time: datetime


class LogAddress(Struct, frozen=True):
    """Where the transparency log is published, and the key that signs its checkpoints."""

    origin: str
    verifier_key: str | None
    url: Uri


class Limits(Struct, frozen=True):
    """The limits of requests, in the unit that the name ends with, else in items."""

    body_bytes: int
    statements: int
    messages: int
    text_characters: int
    token_seconds: int
    send_ahead_seconds: int
    answer_seconds: int


class Discovery(Struct, frozen=True):
    """The name of this service, the addresses of its keys and its log, and its limits."""

    issuer: str
    jwks_uri: Uri
    log: LogAddress
    rules_version: str
    rules_sha256: str
    engine: str
    limits: Limits


class ServiceJwk(Struct, frozen=True, omit_defaults=True):
    """A public Ed25519 key (RFC 8037) that signs receipts or acknowledgements, or signed earlier ones."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    alg: Literal["EdDSA"]
    use: Literal["sig"]
    purpose: Literal["acknowledgement"] | None = None


class ServiceKeySet(Struct, frozen=True):
    """A JWK set (RFC 7517, section 5): receipt keys, then acknowledgement keys. Of each, the key that signs now comes
    first."""

    keys: list[ServiceJwk]


class ServiceStatus(Struct, frozen=True):
    """The service can decide."""

    status: Literal["ok"]
    halted: bool
    rules_version: str


def answer(decided: StoredDecision, *, issuer: str, public_url: str, language: str) -> Answer:
    """The answer to `POST /v1/verify`. `language` is `zh-CN` or `en`."""
    record, envelope = decided.record, decided.envelope
    return Answer(
        decision=record.decision,  # type: ignore[arg-type]  # one of the two
        decision_id=record.decision_id,
        attempt=record.attempt,
        message_id=record.message_id,
        reasons=tuple([ReasonText(code, sentence(code, language)) for code in record.reasons]),
        valid_until=record.valid_until,
        receipt=receipt(record, issuer, envelope.kid, envelope.signature),
        enforced=record.enforced,
        provisional=record.provisional,
        replayed=decided.replayed,
        disclosure_url=f"{public_url}/m/{record.decision_id}",
        findings=record.findings,
        retry_at=record.retry_at,
    )


def identity(status: CallerStatus) -> PartyIdentity:
    """The answer to `GET /v1/whoami`."""
    return PartyIdentity(
        party=status.party.id,
        roles=list(status.party.roles),
        kid=status.kid,
        state=status.party.state,
        token_expires_at=status.expires_at,
        server_time=status.now,
    )


def problem(error: DuecareError) -> Problem:
    """An RFC 9457 problem. Any error that the caller cannot correct is a 503: no decision was made."""
    if not isinstance(error, RequestError):
        return Problem(
            PROBLEM_TYPE + CANNOT_DECIDE,
            "Could not decide",
            503,
            "No decision was made: do not send the message. Ask again under the same message_id; "
            "statements may be sent again as they are.",
            part=error.part if isinstance(error, CannotDecide) else "unexpected",
        )
    errors = tuple(InvalidMember(*violation) for violation in error.errors)
    return Problem(
        PROBLEM_TYPE + error.name, error.title, error.status, error.detail, errors, server_time=error.server_time
    )


def key_set(
    receipt_keys: dict[str, list[dict[str, str]]], acknowledgement_keys: list[AcknowledgementKeyRecord]
) -> ServiceKeySet:
    return msgspec.convert({"keys": [*receipt_keys["keys"], *map(published, acknowledgement_keys)]}, ServiceKeySet)
