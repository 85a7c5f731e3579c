"""The names of copies in the archive that are about no recipient."""

from __future__ import annotations


def rules_name(rules_sha256: str) -> str:
    """The copy of a rule pack: its RFC 8785 bytes under their digest."""
    return f"rules/{hexadecimal(rules_sha256)}"


def party_name(party: str, version: int) -> str:
    """The copy of one version of a party's registration."""
    return f"parties/{party}/{version}"


def hexadecimal(sha256: str) -> str:
    return sha256.removeprefix("sha256:")
