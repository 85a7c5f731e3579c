"""sequence: gives every record its entry in the log. The triggering event is ignored: the function reads the table's
stream from the positions stored in the log head, so no change is skipped or logged twice.

An operator may ask it to resume the log over a restored table (`{"do": "log-resume", …}`, docs/restore.md)."""

from __future__ import annotations

from typing import Any

from duecare.runtime import telemetry
from duecare.runtime.handler import event_handler
from duecare.runtime.http import Event
from duecare.runtime.log_operations import ResumePublishedLog, perform
from duecare.runtime.operator_handler import operator_handler
from duecare.runtime.services.sequence import SequenceService
from duecare_core.errors import Contention, LogDiverged

# The longest that one more move of the log head may take, with its copies, tiles and index entries; in milliseconds.
MOVE_MILLISECONDS = 60_000


def sequence(service: SequenceService, _event: Event, context: Any) -> None:
    """Runs until it has read the stream to its end, or has no time left for one more move: it is woken again anyway."""
    try:
        stats = service.sequencer(lambda: context.get_remaining_time_in_millis() > MOVE_MILLISECONDS)
    except Contention:
        return  # another sequencer is at work, and reports how far the log is behind
    except LogDiverged as diverged:
        telemetry.count("LogDiverged")
        telemetry.logger.error(
            "the table is not the one that the published log was made from: nothing was signed, see docs/restore.md",
            reason=diverged.reason,
            head_size=diverged.head_size,
            published_size=diverged.published_size,
        )
        raise
    except Exception as error:
        telemetry.failed(error)
        raise
    telemetry.measured(
        {"LogLagSeconds": stats.lag.total_seconds()},
        {"Logged": stats.added, "Swept": stats.swept, "LogGap": stats.trimmed, "Unreadable": stats.unreadable},
    )


def handle(service: SequenceService, event: Event, context: Any) -> dict[str, Any] | None:
    return _OPERATE(service, event, context) if "do" in event else sequence(service, event, context)


_OPERATE = operator_handler(ResumePublishedLog, perform, logged=("do", "size"))
HANDLE = handle
handler = event_handler(HANDLE, SequenceService.from_environment())
