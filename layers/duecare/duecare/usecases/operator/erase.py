"""Erase: one recipient's copies leave the archive, where the law lets them, and the log stays whole.

An entry of the log tells nothing of its record, so nothing in it has to go. What is erased is told first, by digests,
in a record that gets an entry of its own: a copy that is missing without one was lost or taken, and `duecare log check`
says so.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec import Struct

from duecare.ports import Archive, Clock, Documents, Entropy
from duecare.usecases import table
from duecare_core.domain.location.phone import canonical_number, is_e164
from duecare_core.errors import Unacceptable, Violation
from duecare_core.evidence.pseudonyms import Pseudonyms

NAMES_A_RECORD = 2000  # an item may have 400 KB


class Erasure(Struct, frozen=True):
    """What was erased, and when: each copy by its kind, id and digest (`decision/<id>/<hex>`), and of nobody."""

    at: datetime
    erased: tuple[str, ...]


class ErasureResult(Struct, frozen=True):
    """How many copies were erased; how many must be kept, and until when the last of them."""

    erased: int
    kept: int
    kept_until: datetime | None
    records: tuple[str, ...]


class EraseDeps(NamedTuple):
    documents: Documents
    archive: Archive
    pseudonyms: Pseudonyms
    clock: Clock
    entropy: Entropy


class Erase:
    """`least`: how old a copy must be before it may go (domain/retention.py)."""

    def __init__(self, means: EraseDeps, least: timedelta) -> None:
        self._means = means
        self._least = least

    def __call__(self, recipient: str) -> ErasureResult:
        """`recipient`: an E.164 number. The same again finds less, or nothing. Raises Unacceptable, CannotDecide."""
        if not is_e164(recipient):
            raise Unacceptable(
                "The recipient is not a telephone number in E.164 form.",
                errors=(Violation("/recipient", "not-e164", "not a possible telephone number in E.164 form"),),
            )
        now = self._means.clock()
        prefix = f"r/{self._means.pseudonyms.recipient(canonical_number(recipient))}/"
        found = list(self._means.archive.kept_at(prefix))
        due = [name for name, at in found if at + self._least <= now]
        left = [at for _, at in found if at + self._least > now]
        records = [self._erase(prefix, some, now) for some in _in_parts(due)]
        return ErasureResult(len(due), len(left), max(left) + self._least if left else None, tuple(records))

    def _erase(self, prefix: str, names: Sequence[str], now: datetime) -> str:
        """Tell it, then do it: stopped in between, the next time erases what was told."""
        erasure = Erasure(now, tuple(name.removeprefix(prefix) for name in names))
        erasure_id = base64.b32encode(self._means.entropy(16)).decode().rstrip("=").lower()
        self._means.documents.commit([table.write(table.erasure(erasure_id), None, erasure)])
        self._means.archive.erase(names)
        return erasure_id


def _in_parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[at : at + NAMES_A_RECORD] for at in range(0, len(names), NAMES_A_RECORD))
