"""The recipient's chain: an append-only list of what a recipient did, and of what happened to the number.

There is one chain for each creditor, and one, `*`, for what concerns every creditor. A head commits to the whole chain:

    head_0 = 32 zero bytes
    head_n = SHA-256(head_{n-1} ‖ id_n)

where `id_n` is the SHA-256 digest that names the n-th statement. An acknowledgement holds the head after its statement,
and a decision the heads that it read: whoever holds both can show that the decision left the statement out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from msgspec import Struct

DIGEST_PREFIX = "sha256:"
EMPTY = bytes(32)


class ChainHead(Struct, frozen=True):
    """The end of a chain. `of`: the creditor's id, or `*`. `seq`: the number of statements in it, from 1. `head`:
    `sha256:<hex>`. An empty chain has no head."""

    of: str
    seq: int
    head: str


def extended(head: ChainHead | None, of: str, statement_id: str) -> ChainHead:
    """The head of the chain of `of` after this statement; `head` is None for an empty chain.

    Raises ValueError for an id that is not `sha256:` and 64 hexadecimal digits, and for the head of another chain.
    """
    if head is None:
        return ChainHead(of, 1, _link(EMPTY, statement_id))
    if head.of != of:
        raise ValueError("the head of another chain")
    return ChainHead(of, head.seq + 1, _link(_raw(head.head), statement_id))


def head_of(of: str, statement_ids: Iterable[str]) -> ChainHead | None:
    """The head of the chain of these statements, in this order; None if there are none. Raises ValueError."""
    head: ChainHead | None = None
    for statement_id in statement_ids:
        head = extended(head, of, statement_id)
    return head


def _link(previous: bytes, statement_id: str) -> str:
    return DIGEST_PREFIX + hashlib.sha256(previous + _raw(statement_id)).hexdigest()


def _raw(digest: str) -> bytes:
    """The 32 bytes of a digest. Raises ValueError."""
    digits = digest.removeprefix(DIGEST_PREFIX)
    if not digest.startswith(DIGEST_PREFIX) or len(digits) != 64:
        raise ValueError("not sha256: and 64 hexadecimal digits")
    return bytes.fromhex(digits)
