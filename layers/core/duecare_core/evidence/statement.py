"""Signed statements: compact JWS by the party that is responsible. A statement's id is the digest of its JWS."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from msgspec import Struct, field

from duecare_core.domain.facts.chain import ChainHead
from duecare_core.domain.facts.statement import KINDS, Statement, StatementKind
from duecare_core.domain.fields import RecipientKey
from duecare_core.domain.validation import validate
from duecare_core.errors import BadEvidence
from duecare_core.evidence.canonical import canonical_plain, digest
from duecare_core.evidence.jose import jws

SUFFIX = "+jws"
# Whether a statement is in force, is superseded by a newer one, or has no effect on decisions.
EffectName = Literal["in_force", "superseded", "none"]
_LINE = "\n"  # between the two tokens of a sealed statement; no token contains it
# The members of each type that are content: all but the time of signing and the audience.
_CONTENT_MEMBERS = {
    kind: tuple(name for name in kind.__struct_fields__ if name not in ("iat", "aud")) for kind in KINDS.values()
}


class StatementRecord(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A statement's record, stored in the clear with the encrypted JWS and logged.

    `recipient`: the recipient's key (an HMAC). `sealed_sha256`: the digest of the ciphertext, which reveals any change
    of it. The ciphertext is random, so the record cannot be guessed from its own digest. `effect`, `superseded_by` and
    `chain` (the head of the recipient's chain after this statement) are as acknowledged; a manifest, which is
    acknowledged when its import is done, has none of them here. `same_as`: the first statement of the same content,
    whose acknowledgement this one got.
    """

    kind: str
    issuer: str
    kid: str
    received_at: datetime
    recipient_key: RecipientKey | None = field(name="recipient", default=None)
    sealed_sha256: str = ""
    effect: EffectName | None = None
    superseded_by: str | None = None
    same_as: str | None = None
    chain: ChainHead | None = None


class SealedStatement(NamedTuple):
    """The content of a statement's ciphertext: its JWS and, for all but manifests, its acknowledgement.

    The acknowledgement is sealed too, because it has the recipient's digest together with the salt."""

    jws: str
    acknowledgement: str | None

    def encode(self) -> bytes:
        """The bytes to seal."""
        return _LINE.join(filter(None, self)).encode()


def read_sealed(data: bytes) -> SealedStatement:
    """The content of an opened ciphertext. Raises BadEvidence."""
    try:
        token, _, acknowledgement = data.decode().partition(_LINE)
    except UnicodeDecodeError as error:
        raise BadEvidence("a sealed statement that is not text") from error
    return SealedStatement(token, acknowledgement or None)


def statement_record(
    kind: str, issuer: str, kid: str, received_at: datetime, sealed: bytes, recipient_key: RecipientKey | None
) -> StatementRecord:
    return StatementRecord(
        kind=kind,
        issuer=issuer,
        kid=kid,
        received_at=received_at,
        recipient_key=recipient_key,
        sealed_sha256=digest(sealed),
    )


def statement_id(token: str) -> str:
    """`sha256:` of the compact JWS."""
    return digest(token.encode())


def kind_of(typ: str) -> StatementKind | None:
    """The kind of statement of this `typ`, or None."""
    kind = typ.removesuffix(SUFFIX)
    return kind if typ.endswith(SUFFIX) and kind in KINDS else None


def parse(kind: StatementKind, payload: dict[str, Any]) -> Statement:
    """The statement of a payload. Raises Unacceptable, which names the invalid member and never its value."""
    return validate(payload, KINDS[kind])


def content(statement: Statement) -> bytes:
    """The content of a statement, without the time of signing: equal bytes for the same content under a new `iat`, and
    for other spellings of times, amounts and lists."""
    members = {}
    for name in _CONTENT_MEMBERS[type(statement)]:
        value = getattr(statement, name)
        if value is not None:
            members[name] = _plain(name, value)
    return canonical_plain(members)  # strings and lists of strings


def sign(kind: str, members: Mapping[str, Any], private_jwk: Mapping[str, str]) -> str:
    """The compact JWS of a statement; `members` must hold iss, aud and iat."""
    return jws.sign(kind + SUFFIX, members, private_jwk)


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return str(Decimal(value).normalize()) if name == "outstanding" else value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return sorted(value) if isinstance(value, list) else value
