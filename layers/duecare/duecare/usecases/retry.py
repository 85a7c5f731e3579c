"""The one way in which a use case retries after a write conflict."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from duecare.ports import Backoff
from duecare_core.errors import Contention, VersionConflict

T = TypeVar("T")


def retry_on_conflict(
    attempt: Callable[[], T], *, attempts: int, contention: str, backoff: Backoff = lambda _: None
) -> T:
    """Call `attempt`, which reads, edits and writes, until it raises no VersionConflict.

    Raises Contention with this message after so many attempts.
    """
    for retry in range(attempts):
        if retry:
            backoff(retry - 1)
        try:
            return attempt()
        except VersionConflict:
            continue
    raise Contention(contention)
