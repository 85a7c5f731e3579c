"""The names of copies in the archive. Copies about a recipient lie under that recipient's prefix, so that an erasure
finds them, and all others below that of their issuer or kind."""

from __future__ import annotations

from duecare_core.domain.fields import RecipientKey
from duecare_core.evidence.stored import Identity

_FOLDERS = {
    "party": "parties",
    "receipt-key": "receipt-keys",
    "acknowledgement-key": "acknowledgement-keys",
    "erasure": "erasures",
    "void": "voids",
    "engine": "engines",
}


def rules_name(rules_sha256: str) -> str:
    """The copy of a rule pack: its RFC 8785 bytes under their digest."""
    return f"rules/{_hexadecimal(rules_sha256)}"


def party_name(party: str, version: int) -> str:
    """The copy of one version of a party's registration."""
    return f"parties/{party}/{version}"


def recipient_prefix(recipient_key: RecipientKey) -> str:
    return f"r/{recipient_key}/"


def decision_name(recipient_key: RecipientKey, identity: Identity) -> str:
    """The copy of one version of a decision."""
    return f"{recipient_prefix(recipient_key)}decision/{identity.id}/{_hexadecimal(identity.record_sha256)}"


def statements_prefix(recipient_key: RecipientKey | None, issuer: str) -> str:
    """The copies of the statements about a recipient; with None, of those of this party that concern no recipient. (A
    recipient's key has no dot.)"""
    return f"{recipient_prefix(recipient_key or RecipientKey(f'.{issuer}'))}statement/"


def statement_name(recipient_key: RecipientKey | None, issuer: str, identity: Identity) -> str:
    """The copy of a statement."""
    return f"{statements_prefix(recipient_key, issuer)}{_hexadecimal(identity.id)}"


def statement_of(name: str) -> str:
    """The id of the statement of which a copy has this name."""
    return f"sha256:{name.rpartition('/')[2]}"


def other_name(identity: Identity) -> str:
    """The copy of a record that concerns no recipient."""
    return f"{_FOLDERS[identity.kind]}/{identity.id}"


def _hexadecimal(sha256: str) -> str:
    return sha256.removeprefix("sha256:")
