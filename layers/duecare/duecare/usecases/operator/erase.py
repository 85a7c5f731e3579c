"""Erase one recipient's copies from the archive, as far as retention permits. The log stays complete.

A log entry reveals nothing about its record, so no entry has to be removed. Before copies are deleted, their digests
are written to an erasure record, which gets a log entry of its own: `duecare log check` reports a missing copy that no
erasure record names.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec import Struct

from duecare.ports import Archive, Clock, Documents, Entropy
from duecare.usecases import table
from duecare.usecases.log.archive_names import recipient_prefix
from duecare_core.domain.location.phone import canonical_number, is_e164
from duecare_core.errors import Unacceptable, Violation
from duecare_core.evidence.pseudonyms import Pseudonyms

MAX_NAMES_PER_RECORD = 2000  # an item may have 400 KB


class Erasure(Struct, frozen=True):
    """An erasure record: the time, and the kind, id and digest of each copy (`decision/<id>/<hex>`); no recipient."""

    at: datetime
    erased: tuple[str, ...]


class ErasureResult(Struct, frozen=True):
    """How many copies were erased; how many are still under retention, and when the last retention ends."""

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
    """`retention`: the minimum age of a copy that may be erased (duecare_core/domain/rules/retention.py)."""

    def __init__(self, deps: EraseDeps, retention: timedelta) -> None:
        self._deps = deps
        self._retention = retention

    def __call__(self, recipient: str) -> ErasureResult:
        """`recipient`: an E.164 number. Raises Unacceptable, CannotDecide."""
        if not is_e164(recipient):
            raise Unacceptable(
                "The recipient is not a telephone number in E.164 form.",
                errors=(Violation("/recipient", "not-e164", "not a possible telephone number in E.164 form"),),
            )
        now = self._deps.clock()
        prefix = recipient_prefix(self._deps.pseudonyms.recipient_key(canonical_number(recipient)))
        found = list(self._deps.archive.names_with_times(prefix))
        due = [name for name, at in found if at + self._retention <= now]
        kept = [at for _, at in found if at + self._retention > now]
        records = [self._erase(prefix, group, now) for group in _in_groups(due)]
        return ErasureResult(len(due), len(kept), max(kept) + self._retention if kept else None, tuple(records))

    def _erase(self, prefix: str, names: Sequence[str], now: datetime) -> str:
        """Record first, then delete: after a crash in between, the next run erases what was recorded."""
        erasure = Erasure(now, tuple(name.removeprefix(prefix) for name in names))
        erasure_id = base64.b32encode(self._deps.entropy(16)).decode().rstrip("=").lower()
        self._deps.documents.commit([table.write(table.erasure(erasure_id), None, erasure)])
        self._deps.archive.erase(names)
        return erasure_id


def _in_groups(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[at : at + MAX_NAMES_PER_RECORD] for at in range(0, len(names), MAX_NAMES_PER_RECORD))
