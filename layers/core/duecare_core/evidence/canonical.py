"""Canonical bytes (RFC 8785) and digests: equal content has equal bytes on every machine."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec
import rfc8785

from duecare_core.errors import BadEvidence


def canonical(value: Any) -> bytes:
    """The RFC 8785 form of a JSON value. Raises BadEvidence for values that JSON cannot represent exactly."""
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise BadEvidence("not representable as canonical JSON") from error


_SORTED = msgspec.json.Encoder(order="sorted")


def canonical_plain(value: Any) -> bytes:
    """The RFC 8785 form of a value whose member names are ASCII and whose numbers are integers within ±(2^53 - 1).

    For such values msgspec writes the same bytes with sorted members, in a tenth of the time; a property test compares
    the two. Records and receipts are such values, and every decision encodes them several times. Raises BadEvidence.
    """
    try:
        return _SORTED.encode(value)
    except UnicodeEncodeError as error:
        raise BadEvidence("not representable as canonical JSON") from error


def digest(data: bytes) -> str:
    """`sha256:<hex>`"""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def strict_json(data: bytes) -> Any:
    """JSON (RFC 8259) that every parser reads equally: UTF-8, no duplicate member, no NaN. Raises BadEvidence."""
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_reject_constant)
        if b"\\u" in data:
            # A lone surrogate, which only an escape ("\ud800") can spell, is a str that no UTF-8 can hold.
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise BadEvidence("not JSON that every reader reads the same") from error
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("the same member twice")
    return members


def _reject_constant(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")
