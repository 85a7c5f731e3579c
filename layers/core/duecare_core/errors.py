"""Every error of duecare. A deny is a value with reasons, never one of these.

    DuecareError
    ├── BadKey               a key that is not Ed25519 or P-256, or is malformed
    ├── BadEvidence          a statement, receipt or record that does not verify
    ├── BadPack              a rule pack that cannot be used; names the row and its member
    ├── Refused              the caller's fault, each with the problem's name, status and a detail for a person
    │   ├── Unreadable       400  not JSON, not UTF-8, lone surrogates, the same member twice
    │   ├── NotAllowed       403  the wrong role, a suspended party, a revoked key, an expired token
    │   ├── NotFound         404  unknown, or somebody else's
    │   ├── Conflict         409  another body under the same message_id, another content at the same time
    │   ├── TooLarge         413
    │   ├── WrongMediaType   415
    │   ├── Unacceptable     422  readable, but not acceptable
    │   └── FileRefused      422  an uploaded file that is wrong as a whole; nothing of it counts
    └── CannotDecide         503  could not decide: the gateway must not send
        ├── StoreFailed      the table did not answer, throttled, or answered with an error
        ├── Contended        others kept changing what we read; the few attempts are used up
        ├── RulesFailed      the rule pack could not be read, or is not valid; says what is wrong with it
        ├── SecretsFailed    a key or the pepper could not be read
        └── SealFailed       a statement could not be encrypted

`Stale` and `Trimmed` stand beside them: a conditional write found another version than the one that was read; a place
in the table's stream is too old to be read from. Use cases catch them and read again; they never leave one.
"""

from __future__ import annotations

from typing import NamedTuple


class DuecareError(Exception):
    """Base of every error here."""


class BadKey(DuecareError):
    """A key that is not Ed25519 or P-256, or is malformed."""


class BadEvidence(DuecareError):
    """A statement, receipt or record that does not verify."""


class BadPack(DuecareError):
    """A rule pack that cannot be used. Names the row and its member."""


class Violation(NamedTuple):
    """One thing wrong with a body: where (RFC 6901 pointer), a stable code, and a sentence without the value."""

    pointer: str
    code: str
    message: str


class Refused(DuecareError):
    """The caller can mend it. `name` goes into the problem's type, `detail` never repeats what was sent."""

    status = 400
    name = "refused"
    title = "Refused"

    def __init__(self, detail: str, *, name: str | None = None, errors: tuple[Violation, ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        if name is not None:
            self.name = name


class Unreadable(Refused):
    status = 400
    name = "unreadable"
    title = "The body cannot be read"


class NotAllowed(Refused):
    status = 403
    name = "not-allowed"
    title = "Not allowed"


class NotFound(Refused):
    status = 404
    name = "not-found"
    title = "Not found"


class Conflict(Refused):
    status = 409
    name = "conflict"
    title = "Conflicts with what is known"


class TooLarge(Refused):
    status = 413
    name = "too-large"
    title = "Too large"


class WrongMediaType(Refused):
    status = 415
    name = "wrong-media-type"
    title = "Wrong media type"


class Unacceptable(Refused):
    status = 422
    name = "unacceptable"
    title = "Not acceptable"


class FileRefused(Refused):
    """An uploaded file that is wrong as a whole: nothing of it counts. `name` says what is wrong with it."""

    status = 422
    name = "file-refused"
    title = "The file cannot be accepted"

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(detail, name=name)


class CannotDecide(DuecareError):
    """Could not decide. `part` names what failed, for the operator; it holds no personal data."""

    part = "unknown"


class StoreFailed(CannotDecide):
    part = "store"


class Contended(CannotDecide):
    part = "contention"


class RulesFailed(CannotDecide):
    part = "rules"


class SecretsFailed(CannotDecide):
    part = "secrets"


class SealFailed(CannotDecide):
    part = "seal"


class Stale(DuecareError):
    """A conditional write found another version than the one that was read."""


class Trimmed(DuecareError):
    """A place in the table's stream that is too old: what came after it may be gone."""
