"""`verify_ratio`, `verify_vs_pair` and `verify_1m_ratio`: the handler beside plain boto3 calls, and beside itself in a
table of a million facts, in turns, in one process."""

from __future__ import annotations

import contextlib
import io
import json
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import app
import boto3
import msgspec

from benchmarks.calls import elsewhere, metered, with_boto3
from benchmarks.crowd import Crowd
from benchmarks.events import event
from benchmarks.ground import LARGE, Ground
from benchmarks.turns import Progress, Side, allowed, in_turns
from duecare.adapters.lean_client import Call
from duecare.runtime.handler import http_handler
from duecare.runtime.services.verify import VerifyService
from tools.steps import Problem

WARM_UP, ROUNDS, BUSY_ROUNDS = 400, 800, 400
CALLS = ["Query", "BatchGetItem", "TransactWriteItems"]


class Times(NamedTuple):
    """Medians in seconds; `busy`: our own processor's seconds of one verify, without the engine's; and what one allow
    weighs in bytes: its log line, and its answer's body."""

    verify: float
    verify_1m: float
    calls: float
    pair: float
    busy: float
    line_bytes: int
    answer_bytes: int

    def told(self) -> str:
        return (
            f"p50: verify {1000 * self.verify:.2f} ms, among a million facts {1000 * self.verify_1m:.2f} ms, "
            f"the same calls by boto3 {1000 * self.calls:.2f} ms, get_item + put_item {1000 * self.pair:.2f} ms; "
            f"of one verify {1000 * self.busy:.2f} ms are our own processor's"
        )


class Sides:
    """What is compared. Each verify, and each of the same calls, has a recipient of its own."""

    def __init__(self, crowd: Crowd, large: Crowd) -> None:
        self._crowd, self._large = crowd, large
        self._handler_in_large = handler_of(LARGE)
        self._client = boto3.client("dynamodb")
        self._recipient, self._calls = recorded(crowd)
        (table, wanted), *_ = json.loads(self._calls[1].body)["RequestItems"].items()
        get = {"TableName": table, "Key": wanted["Keys"][1], "ConsistentRead": True}  # the gateway's own registration
        record = json.loads(self._calls[2].body)["TransactItems"][0]["Put"]
        self._pair = [Call("GetItem", json.dumps(get).encode()), Call("PutItem", json.dumps(record).encode())]
        self.all: dict[str, Side] = {
            "verify": lambda: partial(app.handler, event(crowd.one()), None),
            "calls": self._same_calls,
            "verify_1m": lambda: partial(self._handler_in_large, event(large.one()), None),
            "pair": lambda: self._by_boto3(self._pair, {}),
        }

    def _same_calls(self) -> Callable[[], None]:
        return self._by_boto3(self._calls, {self._crowd.pk(self._recipient): self._crowd.pk(self._crowd.one())})

    def _by_boto3(self, calls: list[Call], pks: dict[str, str]) -> Callable[[], None]:
        return partial(_one_after_another, [with_boto3(self._client, call) for call in elsewhere(calls, pks)])


def measure(ground: Ground, progress: Progress) -> Times:
    spent = in_turns(Sides(ground.crowd, ground.large).all, WARM_UP, ROUNDS, progress)
    line_bytes, answer_bytes = _weights(ground.crowd)
    return Times(**spent, busy=_busy(ground.crowd), line_bytes=line_bytes, answer_bytes=answer_bytes)


def recorded(crowd: Crowd) -> tuple[str, list[Call]]:
    """A recipient, and the calls of one allow of theirs as the handler makes them."""
    recipient = crowd.one()
    with metered() as metering, contextlib.redirect_stdout(io.StringIO()):
        allowed(metering.handler(event(recipient), None))
        calls = [call for together in metering.wire.exchanges for call in together]
    if [call.operation for call in calls] != CALLS:
        raise Problem(f"verify makes other calls than the baseline knows of: {calls}")
    return recipient, calls


def handler_of(table: str) -> Callable[[Mapping[str, Any], Any], dict[str, Any]]:
    """The function's handler, on another table."""
    settings = msgspec.structs.replace(VerifyService.from_environment().settings, table=table)
    return http_handler(app.ROUTES, VerifyService(settings))


def _busy(crowd: Crowd) -> float:
    seconds = 0.0
    for _ in range(BUSY_ROUNDS):
        asked = event(crowd.one())
        with contextlib.redirect_stdout(io.StringIO()):
            began = time.process_time()
            answer = app.handler(asked, None)
            seconds += time.process_time() - began
        allowed(answer)
    return seconds / BUSY_ROUNDS


def _weights(crowd: Crowd) -> tuple[int, int]:
    line = io.StringIO()
    with contextlib.redirect_stdout(line):
        answer = app.handler(event(crowd.one()), None)
    return len(line.getvalue().encode()), len(answer["body"].encode())


def _one_after_another(calls: list[Callable[[], Any]]) -> None:
    for call in calls:
        call()
