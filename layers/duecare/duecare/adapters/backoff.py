"""How long a retry waits."""

from __future__ import annotations

import random
import time


def backoff(retry: int) -> None:
    """Wait before the given retry: up to 4 ms before an early one, up to 100 ms before a late one, at random, so that
    those who were in conflict do not all try again at the same moment."""
    time.sleep(random.uniform(0, min(0.1, 0.002 * 2**retry)))  # noqa: S311  spreads retries, guards nothing
