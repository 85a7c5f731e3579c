"""`verify_ratio` and `verify_vs_pair`: the handler beside plain boto3 calls, in turns, in one process."""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import app
import boto3

from benchmarks.calls import elsewhere, metered, with_boto3
from benchmarks.ground import event
from duecare.adapters.wire import Call
from tools.steps import Problem

WARM_UP, ROUNDS = 500, 800
Progress = Callable[[str], None]


class Times(NamedTuple):
    """Medians in seconds, and what one allow weighs in bytes: its log line, and its answer."""

    verify: float
    calls: float
    pair: float
    line_bytes: int
    answer_bytes: int


class Sides:
    """What is compared. Everything that is not to be measured is made ready by `round`."""

    def __init__(self, query: Call, batch: Call, put: Call) -> None:
        self._client = boto3.client("dynamodb")
        self._reads = [with_boto3(self._client, query), with_boto3(self._client, batch)]
        self._put = put
        (table, wanted), *_ = json.loads(batch.body)["RequestItems"].items()
        get = {"TableName": table, "Key": wanted["Keys"][1], "ConsistentRead": True}  # the gateway's own registration
        self._get = with_boto3(self._client, Call("GetItem", json.dumps(get).encode()))

    def round(self, number: int) -> dict[str, Callable[[], Any]]:
        one, other = (with_boto3(self._client, elsewhere(self._put, 2 * number + side)) for side in (0, 1))
        return {
            "verify": partial(app.handler, event(), None),
            "calls": partial(_one_after_another, [*self._reads, one]),
            "pair": partial(_one_after_another, [self._get, other]),
        }


def measure(progress: Progress) -> Times:
    sides = Sides(*_recorded())
    spent: dict[str, list[float]] = {"verify": [], "calls": [], "pair": []}
    with open(os.devnull, "w", encoding="utf-8") as devnull, contextlib.redirect_stdout(devnull):
        for number in range(WARM_UP + ROUNDS):
            if number == WARM_UP:
                progress(f"warm after {WARM_UP} rounds, now measuring {ROUNDS}")
                spent = {name: [] for name in spent}
                gc.collect()
            turns = list(sides.round(number).items())
            for name, run in turns[number % 3 :] + turns[: number % 3]:  # none always comes after the same one
                started = time.perf_counter()
                answer = run()
                spent[name].append(time.perf_counter() - started)
                if name == "verify":
                    allowed(answer)
    verify, calls, pair = (statistics.median(times) for times in spent.values())
    return Times(verify, calls, pair, *_weights())


def allowed(answer: dict[str, Any]) -> None:
    """A denied message or a failure would be quicker, and no result."""
    if answer["statusCode"] != 200 or json.loads(answer["body"])["decision"] != "allow":
        raise Problem(f"not an allow: {answer}")


def _recorded() -> list[Call]:
    """The calls of one allow, as the handler makes them."""
    with metered() as wire, contextlib.redirect_stdout(io.StringIO()):
        allowed(app.handler(event(), None))
        calls = list(wire.calls)
    if [call.operation for call in calls] != ["Query", "BatchGetItem", "PutItem"]:
        raise Problem(f"verify makes other calls than the baseline knows of: {calls}")
    return calls


def _weights() -> tuple[int, int]:
    line = io.StringIO()
    with contextlib.redirect_stdout(line):
        answer = app.handler(event(), None)
    return len(line.getvalue().encode()), len(json.dumps(answer).encode())


def _one_after_another(calls: list[Callable[[], Any]]) -> None:
    for call in calls:
        call()
