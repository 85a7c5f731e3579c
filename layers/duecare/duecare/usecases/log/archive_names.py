"""The names of copies in the archive."""

from __future__ import annotations


def rules_name(rules_sha256: str) -> str:
    """A rule pack: its RFC 8785 bytes under their digest."""
    return f"rules/{hexadecimal(rules_sha256)}"


def party_name(party: str, version: int) -> str:
    """One version of a registration."""
    return f"parties/{party}/{version}"


def hexadecimal(sha256: str) -> str:
    return sha256.removeprefix("sha256:")
