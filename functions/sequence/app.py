"""sequence: gives every record its entry in the log. Whatever wakes it, the table's stream or the clock, is not looked
at: it reads the stream itself, from where the head of the log stands, so that no event counts twice or is missed."""

from __future__ import annotations

from typing import Any

from duecare.runtime import telemetry, wiring
from duecare_core.errors import Contention

# What one more move of the head may take, with its copies, its tiles and its marks; in milliseconds.
A_MOVE = 60_000


def handler(_event: dict[str, Any], context: Any) -> None:
    """Until the tip of the stream is reached, or there is no time for one more move: the next is woken anyway."""
    try:
        passed = wiring.sequencer()(lambda: context.get_remaining_time_in_millis() > A_MOVE)
    except Contention:
        return  # others are at work, and tell how far they are
    except Exception as error:
        telemetry.failed(error)
        raise
    telemetry.measured(
        {"LogLagSeconds": passed.lag.total_seconds()},
        {"Logged": passed.added, "Swept": passed.swept, "LogGap": passed.trimmed, "Unreadable": passed.unreadable},
    )
