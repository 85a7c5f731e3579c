"""`batch_100_ratio`: one request with a hundred messages to a hundred recipients, relative to one verify, interleaved.

The same calls are also made alone, sent together as the handler sends them, to show which share of a batch belongs to
the engine and the client.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import app

from benchmarks.calls import metered, moved_calls
from benchmarks.events import batch_event, event
from benchmarks.harness import Progress
from benchmarks.interleave import Side, allowed, interleave
from benchmarks.recipients import Recipients
from duecare.adapters.lean_client import Call, WireError
from duecare.runtime.services.verify import VerifyService
from tools.steps import ToolError

MESSAGES = 100
WARM_UP, ROUNDS = 20, 80


class Batches(NamedTuple):
    """Medians in seconds. `bare_…`: of the calls alone."""

    batch: float
    verify: float
    bare_batch: float
    bare_verify: float

    def summary(self) -> str:
        return (
            f"batch of {MESSAGES}: {1000 * self.batch:.0f} ms, one verify {1000 * self.verify:.2f} ms; their calls "
            f"alone {1000 * self.bare_batch:.0f} ms and {1000 * self.bare_verify:.2f} ms. So a batch without any "
            f"code of ours would take {self.bare_batch / self.verify:.0f} verifies here"
        )


def measure(recipients: Recipients, progress: Progress) -> Batches:
    batch = _BareCalls(recipients, MESSAGES, batch_event)
    single = _BareCalls(recipients, 1, lambda people: event(*people))
    sides: dict[str, Side] = {
        "batch": lambda: partial(app.handler, batch_event(recipients.take(MESSAGES)), None),
        "bare_batch": batch.repeat,
        "verify": lambda: partial(app.handler, event(recipients.one()), None),
        "bare_verify": single.repeat,
    }
    return Batches(**interleave(sides, WARM_UP, ROUNDS, progress))


class _BareCalls:
    """The calls of one request, repeated about other recipients by the handler's own client."""

    def __init__(self, recipients: Recipients, number: int, make_event: Callable[[list[str]], dict[str, Any]]) -> None:
        self._recipients, self._people = recipients, recipients.take(number)
        self._wire = VerifyService.from_environment().dynamodb()
        with metered() as metering, contextlib.redirect_stdout(io.StringIO()):
            allowed(metering.handler(make_event(self._people), None))
            self._exchanges = list(metering.wire.exchanges)

    def repeat(self) -> Callable[[], None]:
        others = self._recipients.take(len(self._people))
        pks = {
            self._recipients.pk(one): self._recipients.pk(other)
            for one, other in zip(self._people, others, strict=True)
        }
        return partial(self._send, [moved_calls(calls, pks) for calls in self._exchanges])

    def _send(self, exchanges: list[list[Call]]) -> None:
        for calls in exchanges:
            for answer in self._wire.exchange_each(calls):
                if isinstance(answer, WireError):
                    raise ToolError(f"the calls of a batch cannot be repeated: {answer.code} {answer.body!r}")
