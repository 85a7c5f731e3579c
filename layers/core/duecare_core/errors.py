"""Every error of duecare. A deny is a value with reasons, never an error.

    DuecareError
    ├── BadKey               a key that is not Ed25519 or P-256, or is malformed
    ├── BadEvidence          a statement, receipt or record that does not verify
    ├── BadPack              an invalid rule pack; the message names the row and its member
    ├── RequestError         the caller's fault: a problem name, an HTTP status and a detail for a person
    │   ├── Unreadable       400  not JSON, not UTF-8, lone surrogates, a duplicate member
    │   ├── BadToken         401  a well-signed token that is wrong in its times or its audience
    │   ├── NotAllowed       403  wrong role, suspended party, revoked key
    │   ├── NotFound         404  unknown, or owned by another party
    │   ├── Conflict         409  another body under the same message_id, other content at the same instant
    │   ├── TooLarge         413
    │   ├── WrongMediaType   415
    │   ├── Unacceptable     422  readable, but not acceptable
    │   ├── FileRefused      422  an uploaded file is invalid as a whole, or its import was stopped
    │   └── TooMany          429  the party asks more often than its limit; `retry_after` says when to ask again
    └── CannotDecide         503  could not decide: the gateway must not send
        ├── StoreFailed      the table did not answer, throttled, or returned an error
        ├── Contention       write conflicts outlasted the retries
        ├── RulesFailed      the rule pack cannot be read or is invalid; the message says why
        ├── SecretsFailed    a key or the pepper could not be read
        ├── SealFailed       a statement could not be encrypted
        └── LogDiverged      the table is not the one that the published log was made from; nothing may be signed

Two more are internal signals and never leave a use case: `VersionConflict`, when a conditional write finds another
version than the one read, and `StreamTrimmed`, when a stream position is too old to read from. The use case reads
again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

# The names that a problem's type ends with (`urn:duecare:problem:<name>`).
ProblemName = Literal[
    # The default name of each error type.
    "refused",
    "unreadable",
    "not-allowed",
    "not-found",
    "conflict",
    "too-large",
    "wrong-media-type",
    "unacceptable",
    "file-refused",
    # Parties, keys and roles.
    "wrong-role",
    "not-the-issuer",
    "not-its-own",
    "party-suspended",
    "token-expired",
    "token-ahead",
    "token-audience",
    "token-lifetime",
    "too-many-requests",
    "key-refused",
    "key-revoked",
    "unknown-party",
    "unknown-creditor",
    "unknown-gateway",
    "unknown-key",
    "party-exists",
    "bad-key",
    "bad-key-proof",
    "key-taken",
    "private-key",
    "roles-exclude-each-other",
    # Messages, statements, decisions and the log.
    "unknown-message",
    "unknown-decision",
    "unknown-statement",
    "unknown-dispute",
    "unknown-void",
    "party-not-suspended",
    "erasure-would-not-hold",
    "another-recipient",
    "message-id-reused",
    "dated-ahead",
    "period-too-full",
    "too-many-debts",
    "no-object",
    "no-case-file",
    "not-logged-yet",
    # Uploaded files.
    "unknown-upload",
    "file-not-taken",
    "not-text",
    "wrong-charset",
    "no-header",
    "no-rows",
    "missing-columns",
    "doubled-columns",
    "unknown-columns",
    "unclosed-quote",
    "bad-gzip",
    "truncated-gzip",
    "too-large-unpacked",
    "wrong-digest",
    "wrong-rows-root",
    "another-seed",
    "wrong-row-count",
    "too-many-doubled-rows",
]


class DuecareError(Exception):
    """Base of every error here."""


class BadKey(DuecareError):
    """A key that is not Ed25519 or P-256, or is malformed."""


class BadEvidence(DuecareError):
    """A statement, receipt or record that does not verify."""


class BadPack(DuecareError):
    """A rule pack that cannot be used. The message names the row and its member."""


class Violation(NamedTuple):
    """One fault of a request body: its place (an RFC 6901 pointer), a stable code, and a message without the value."""

    pointer: str
    code: str
    message: str


class RequestError(DuecareError):
    """The caller can correct it. `name` goes into the problem's type; `detail` never repeats what was sent.
    `server_time`: the service's clock, if the fault may be the caller's clock."""

    status = 400
    name: str = "refused"  # a client may meet a name that a newer service has added
    title = "Refused"

    def __init__(
        self,
        detail: str,
        *,
        name: ProblemName | None = None,
        errors: tuple[Violation, ...] = (),
        server_time: datetime | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        self.server_time = server_time
        if name is not None:
            self.name = name

    def __str__(self) -> str:
        """The detail, with the members at fault."""
        members = "; ".join(f"{violation.pointer or '/'}: {violation.message}" for violation in self.errors)
        return f"{self.detail} ({members})" if members else self.detail


class Unreadable(RequestError):
    status = 400
    name: ProblemName = "unreadable"
    title = "The body cannot be read"


class BadToken(RequestError):
    """A token with a good signature, whose `exp`, `iat`, `aud` or lifetime is wrong; `name` says which."""

    status = 401
    name: ProblemName = "token-expired"
    title = "The token is not good now, or not for this service"


class NotAllowed(RequestError):
    status = 403
    name: ProblemName = "not-allowed"
    title = "Not allowed"


class NotFound(RequestError):
    status = 404
    name: ProblemName = "not-found"
    title = "Not found"


class Conflict(RequestError):
    status = 409
    name: ProblemName = "conflict"
    title = "Conflicts with what is known"


class TooLarge(RequestError):
    status = 413
    name: ProblemName = "too-large"
    title = "Too large"


class WrongMediaType(RequestError):
    status = 415
    name: ProblemName = "wrong-media-type"
    title = "Wrong media type"


class Unacceptable(RequestError):
    status = 422
    name: ProblemName = "unacceptable"
    title = "Not acceptable"


class FileRefused(RequestError):
    """An uploaded file that is invalid as a whole, so that none of its rows count, or whose import was stopped. `name`
    says why."""

    status = 422
    name: ProblemName = "file-refused"
    title = "The file cannot be accepted"

    def __init__(self, name: ProblemName, detail: str) -> None:
        super().__init__(detail, name=name)


class TooMany(RequestError):
    """`retry_after`: seconds after which the party may ask again."""

    status = 429
    name: ProblemName = "too-many-requests"
    title = "Too many requests"

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class CannotDecide(DuecareError):
    """No decision was made. `part` names what failed, for the operator; it holds no personal data."""

    part = "unknown"


class StoreFailed(CannotDecide):
    part = "store"


class Contention(CannotDecide):
    part = "contention"


class RulesFailed(CannotDecide):
    part = "rules"


class SecretsFailed(CannotDecide):
    part = "secrets"


class SealFailed(CannotDecide):
    part = "seal"


class LogDiverged(CannotDecide):
    """The head in the table does not extend the published checkpoint. `head_size`, `published_size`: the entries that
    each has, None if it does not exist."""

    part = "log"

    def __init__(self, reason: str, head_size: int | None, published_size: int | None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.head_size = head_size
        self.published_size = published_size


class VersionConflict(DuecareError):
    """A conditional write found another version than the one that was read."""


class StreamTrimmed(DuecareError):
    """A stream position that is too old to read from: records after it may have been deleted."""
