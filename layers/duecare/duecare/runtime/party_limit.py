"""A limit for each party, so that one party cannot use up what all share.

Each warm process counts for itself, because a shared count would cost a write for each message. So the limit is as
exact as this: a party may ask for `rate` messages a second of each process, that is for `rate` times the function's
concurrency at most. A process that starts knows nothing of earlier requests.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from duecare_core.errors import TooMany

BURST_SECONDS = 2  # a party that was quiet may ask at once for what it would have in this time


class PartyLimit:
    """A token bucket for each party (the authorizer has let the party pass, so there are as many as are registered).
    A batch is taken whole if anything is left, and the party pays it off: so every size can pass at every rate."""

    def __init__(self, rate: int, monotonic: Callable[[], float]) -> None:
        """`rate`: messages or statements a second; 0 for no limit."""
        self._rate = rate
        self._monotonic = monotonic
        self._full_at: dict[str, float] = {}  # when each party's bucket will be full again

    def take(self, party: str, count: int) -> None:
        """Raises TooMany."""
        if not self._rate:
            return
        now = self._monotonic()
        full_at = max(self._full_at.get(party, now), now)
        wait = full_at - now - BURST_SECONDS
        if wait >= 0:
            raise TooMany(
                "This party asks for more than its limit. Nothing was decided or stored: ask again after Retry-After.",
                retry_after=max(1, math.ceil(wait)),
            )
        self._full_at[party] = full_at + count / self._rate
