"""`batch_100_ratio`: a hundred messages to a hundred recipients in one request, over one verify, in turns.

Beside them the same calls with nothing around them, sent together as the handler sends them: what of a batch is the
engine's and the client's, and what is left for us to save.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import app

from benchmarks.calls import elsewhere, metered
from benchmarks.crowd import Crowd
from benchmarks.events import batch_event, event
from benchmarks.turns import Progress, Side, allowed, in_turns
from duecare.adapters.lean_client import Call, WireError
from duecare.runtime.services.verify import VerifyService
from tools.steps import Problem

MESSAGES = 100
WARM_UP, ROUNDS = 20, 80


class Batches(NamedTuple):
    """Medians in seconds; the bare ones are the calls alone."""

    batch: float
    verify: float
    bare_batch: float
    bare_verify: float

    def told(self) -> str:
        return (
            f"batch of {MESSAGES}: {1000 * self.batch:.0f} ms, one verify {1000 * self.verify:.2f} ms; their calls "
            f"alone {1000 * self.bare_batch:.0f} ms and {1000 * self.bare_verify:.2f} ms. So a batch that cost us "
            f"nothing would still take {self.bare_batch / self.verify:.0f} verifies here"
        )


def measure(crowd: Crowd, progress: Progress) -> Batches:
    batch = _Bare(crowd, MESSAGES, batch_event)
    single = _Bare(crowd, 1, lambda people: event(*people))
    sides: dict[str, Side] = {
        "batch": lambda: partial(app.handler, batch_event(crowd.take(MESSAGES)), None),
        "bare_batch": batch.again,
        "verify": lambda: partial(app.handler, event(crowd.one()), None),
        "bare_verify": single.again,
    }
    return Batches(**in_turns(sides, WARM_UP, ROUNDS, progress))


class _Bare:
    """The calls of one request, to be made again about other recipients by the handler's own client."""

    def __init__(self, crowd: Crowd, number: int, asked: Callable[[list[str]], dict[str, Any]]) -> None:
        self._crowd, self._people = crowd, crowd.take(number)
        self._wire = VerifyService.from_environment().dynamodb()
        with metered() as metering, contextlib.redirect_stdout(io.StringIO()):
            allowed(metering.handler(asked(self._people), None))
            self._exchanges = list(metering.wire.exchanges)

    def again(self) -> Callable[[], None]:
        others = self._crowd.take(len(self._people))
        pks = {self._crowd.pk(one): self._crowd.pk(other) for one, other in zip(self._people, others, strict=True)}
        return partial(self._send, [elsewhere(calls, pks) for calls in self._exchanges])

    def _send(self, exchanges: list[list[Call]]) -> None:
        for calls in exchanges:
            for answer in self._wire.exchange_each(calls):
                if isinstance(answer, WireError):
                    raise Problem(f"the calls of a batch cannot be made again: {answer.code} {answer.body!r}")
