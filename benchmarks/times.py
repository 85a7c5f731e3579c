"""`verify_ratio`, `verify_vs_pair` and `verify_1m_ratio`: the handler relative to plain boto3 calls, and to itself on a
table of a million facts, interleaved in one process."""

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

from benchmarks.calls import metered, moved_calls, with_boto3
from benchmarks.events import event
from benchmarks.fixtures import LARGE, Fixtures
from benchmarks.harness import Progress
from benchmarks.interleave import Side, allowed, interleave
from benchmarks.recipients import Recipients
from duecare.adapters.lean_client import Call
from duecare.runtime.handler import http_handler
from duecare.runtime.services.verify import VerifyService
from tools.steps import ToolError

WARM_UP, ROUNDS, BUSY_ROUNDS = 400, 800, 400
CALLS = ["Query", "BatchGetItem", "TransactWriteItems"]


class Times(NamedTuple):
    """Medians in seconds. `busy`: our processor time of one verify. `line_bytes`, `answer_bytes`: the size of an
    allow's log line and of its response body."""

    verify: float
    verify_1m: float
    calls: float
    pair: float
    busy: float
    line_bytes: int
    answer_bytes: int

    def summary(self) -> str:
        return (
            f"p50: verify {1000 * self.verify:.2f} ms, among a million facts {1000 * self.verify_1m:.2f} ms, "
            f"the same calls by boto3 {1000 * self.calls:.2f} ms, get_item + put_item {1000 * self.pair:.2f} ms; "
            f"our processor time of one verify {1000 * self.busy:.2f} ms"
        )


class Sides:
    """The sides of the comparison. Every call of each side is about another recipient."""

    def __init__(self, recipients: Recipients, large: Recipients) -> None:
        self._recipients, self._large = recipients, large
        self._handler_in_large = handler_of(LARGE)
        self._client = boto3.client("dynamodb")
        self._recipient, self._calls = recorded(recipients)
        (table, wanted), *_ = json.loads(self._calls[1].body)["RequestItems"].items()
        get = {"TableName": table, "Key": wanted["Keys"][1], "ConsistentRead": True}  # the gateway's own registration
        record = json.loads(self._calls[2].body)["TransactItems"][0]["Put"]
        self._pair = [Call("GetItem", json.dumps(get).encode()), Call("PutItem", json.dumps(record).encode())]
        self.all: dict[str, Side] = {
            "verify": lambda: partial(app.handler, event(recipients.one()), None),
            "calls": self._same_calls,
            "verify_1m": lambda: partial(self._handler_in_large, event(large.one()), None),
            "pair": lambda: self._by_boto3(self._pair, {}),
        }

    def _same_calls(self) -> Callable[[], None]:
        return self._by_boto3(
            self._calls, {self._recipients.pk(self._recipient): self._recipients.pk(self._recipients.one())}
        )

    def _by_boto3(self, calls: list[Call], pks: dict[str, str]) -> Callable[[], None]:
        return partial(_one_after_another, [with_boto3(self._client, call) for call in moved_calls(calls, pks)])


def measure(fixtures: Fixtures, progress: Progress) -> Times:
    spent = interleave(Sides(fixtures.recipients, fixtures.large).all, WARM_UP, ROUNDS, progress)
    line_bytes, answer_bytes = _weights(fixtures.recipients)
    return Times(**spent, busy=_busy(fixtures.recipients), line_bytes=line_bytes, answer_bytes=answer_bytes)


def recorded(recipients: Recipients) -> tuple[str, list[Call]]:
    """A recipient, and the calls that the handler makes for an allow to it."""
    recipient = recipients.one()
    with metered() as metering, contextlib.redirect_stdout(io.StringIO()):
        allowed(metering.handler(event(recipient), None))
        calls = [call for together in metering.wire.exchanges for call in together]
    if [call.operation for call in calls] != CALLS:
        raise ToolError(f"verify makes other calls than the baseline expects: {calls}")
    return recipient, calls


def handler_of(table: str) -> Callable[[Mapping[str, Any], Any], dict[str, Any]]:
    """The function's handler, on another table."""
    settings = msgspec.structs.replace(VerifyService.from_environment().settings, table=table)
    return http_handler(app.ROUTES, VerifyService(settings))


def _busy(recipients: Recipients) -> float:
    seconds = 0.0
    for _ in range(BUSY_ROUNDS):
        asked = event(recipients.one())
        with contextlib.redirect_stdout(io.StringIO()):
            began = time.process_time()
            answer = app.handler(asked, None)
            seconds += time.process_time() - began
        allowed(answer)
    return seconds / BUSY_ROUNDS


def _weights(recipients: Recipients) -> tuple[int, int]:
    line = io.StringIO()
    with contextlib.redirect_stdout(line):
        answer = app.handler(event(recipients.one()), None)
    return len(line.getvalue().encode()), len(answer["body"].encode())


def _one_after_another(calls: list[Callable[[], Any]]) -> None:
    for call in calls:
        call()
