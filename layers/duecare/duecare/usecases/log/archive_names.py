"""The names of copies in the archive. The copies of the statements about a recipient lie under that recipient's key,
those of one gateway's decisions under the recipient's tag (pseudonyms.py), so that an erasure finds them. All others
lie below that of their issuer or kind."""

from __future__ import annotations

import re

from duecare.ports import Key
from duecare.usecases import table
from duecare_core.domain.fields import RecipientKey, RecipientTag
from duecare_core.evidence.stored import Identity

_AGAIN = re.compile(r"\.[0-9a-f]{64}\Z")
_FOLDERS = {
    "party": "parties",
    "receipt-key": "receipt-keys",
    "acknowledgement-key": "acknowledgement-keys",
    "erasure": "erasures",
    "void": "voids",
    "engine": "engines",
}


PARTIES = "parties/"


def rules_name(rules_sha256: str) -> str:
    """The copy of a rule pack: its RFC 8785 bytes under their digest."""
    return f"rules/{_hexadecimal(rules_sha256)}"


def party_name(party: str, version: int) -> str:
    """The copy of one version of a party's registration."""
    return f"{PARTIES}{party}/{version}"


def party_of(name: str) -> str:
    """The party of whose registration a copy has this name."""
    return name.removeprefix(PARTIES).partition("/")[0]


def recipient_prefix(recipient: RecipientKey | RecipientTag) -> str:
    return f"r/{recipient}/"


def decision_name(recipient_tag: RecipientTag, identity: Identity) -> str:
    """The copy of one version of a decision."""
    return f"{recipient_prefix(recipient_tag)}decision/{identity.id}/{_hexadecimal(identity.record_sha256)}"


def statements_prefix(recipient_key: RecipientKey | None, issuer: str) -> str:
    """The copies of the statements about a recipient; with None, of those of this party that concern no recipient. (A
    recipient's key has no dot.)"""
    return f"{recipient_prefix(recipient_key or RecipientKey(f'.{issuer}'))}statement/"


def statement_name(recipient_key: RecipientKey | None, issuer: str, identity: Identity) -> str:
    """The copy of a statement."""
    return f"{statements_prefix(recipient_key, issuer)}{_hexadecimal(identity.id)}"


def statement_of(name: str) -> str:
    """The id of the statement of which a copy has this name."""
    return f"sha256:{_AGAIN.sub('', name.rpartition('/')[2])}"


def again(name: str, identity: Identity) -> str:
    """The name for a record that may not be the first of its kind and id: a copy's name is never used for another one.
    Only after a restore, when a record that the table has lost is made anew."""
    return f"{name}.{_hexadecimal(identity.record_sha256)}"


def without_prefix(name: str) -> str:
    """The name of a copy below the prefix of its recipient."""
    return name.split("/", 2)[2]


def document_of(name: str) -> tuple[Key, str]:
    """The key of the statement or decision of which a copy has this name, and the digest in the name."""
    kind, _, rest = without_prefix(name).partition("/")
    sha256 = statement_of(name)
    return (table.statement(sha256) if kind == "statement" else table.decision(rest.partition("/")[0])), sha256


def other_name(identity: Identity) -> str:
    """The copy of a record that concerns no recipient."""
    return f"{_FOLDERS[identity.kind]}/{identity.id}"


def _hexadecimal(sha256: str) -> str:
    return sha256.removeprefix("sha256:")
