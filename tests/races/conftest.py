"""The use cases on DynamoDB Local, called by many threads at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

from tests.support import tables
from tests.support.servers import aws_environment, closed_connections, dynamodb_local  # noqa: F401
from tests.support.world import World

T = TypeVar("T")


class Busy(World):
    """A world on a table of DynamoDB Local."""

    def __init__(self, endpoint: str, **changes: Any) -> None:
        self.endpoint = endpoint
        self.table = tables.create(endpoint)
        # Many threads on one engine wait for each other; time-outs are not tested here.
        decisions = tables.decision_store(endpoint, self.table, timeout=20.0, deadline=60.0)
        super().__init__(decisions, tables.documents(endpoint, self.table), **changes)

    def items(self, prefix: str = "") -> list[dict[str, Any]]:
        """The items whose partition key begins with `prefix`."""
        return [item for item in tables.items(self.endpoint, self.table) if item["pk"]["S"].startswith(prefix)]


@pytest.fixture
def busy(
    dynamodb_local: str,  # noqa: F811
    aws_environment: None,  # noqa: F811
    closed_connections: None,  # noqa: F811
) -> Busy:
    return Busy(dynamodb_local)


def together(calls: Sequence[Callable[[], T]]) -> list[T]:
    """The results of these calls, each in a thread of its own, started at the same time."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        start.wait(timeout=60)
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


def around(act: Callable[[], Any], ask: Callable[[int, int], Any], threads: int = 6) -> list[Any]:
    """The results of the calls of `ask` that began after `act` was acknowledged; others run all the while."""
    acknowledged = threading.Event()
    everybody = threading.Barrier(threads + 1)

    def stopping() -> list[Any]:
        everybody.wait(timeout=60)  # every thread has been answered once
        act()
        acknowledged.set()
        return []

    def asking(thread: int) -> Callable[[], list[Any]]:
        def call() -> list[Any]:
            ask(thread, 0)
            everybody.wait(timeout=60)
            later: list[Any] = []
            for n in range(1, 1000):
                began_after = acknowledged.is_set()
                answer = ask(thread, n)
                if began_after:
                    later.append(answer)
                    if len(later) == 3:
                        break
            return later

        return call

    return [answer for answers in together([stopping, *map(asking, range(threads))]) for answer in answers]
