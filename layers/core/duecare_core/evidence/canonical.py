"""Canonical bytes (RFC 8785) and digests: equal content has equal bytes, wherever it is computed."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec
import rfc8785

from duecare_core.errors import BadEvidence


def canonical(value: Any) -> bytes:
    """The RFC 8785 form of a JSON value. Raises BadEvidence for what JSON cannot hold exactly."""
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise BadEvidence("not representable as canonical JSON") from error


_SORTED = msgspec.json.Encoder(order="sorted")


def canonical_plain(value: Any) -> bytes:
    """The RFC 8785 form of a value whose member names are ASCII and whose numbers are integers within ±(2^53 - 1).

    RFC 8785 takes its care over other numbers and other names. Without them its form is what msgspec writes with the
    members in order, in a tenth of the time; a test holds the two together for all texts. Records and receipts are of
    this kind, and a decision writes each of them several times. Raises BadEvidence as `canonical` does.
    """
    try:
        return _SORTED.encode(value)
    except UnicodeEncodeError as error:
        raise BadEvidence("not representable as canonical JSON") from error


def digest(data: bytes) -> str:
    """`sha256:<hex>`"""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def strict_json(data: bytes) -> Any:
    """JSON (RFC 8259) that every reader reads the same: UTF-8, no member twice, no NaN. Raises BadEvidence."""
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse)
        # A lone surrogate ("\ud800") is a str that no UTF-8 can hold.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise BadEvidence("not JSON that every reader reads the same") from error
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("the same member twice")
    return members


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")
