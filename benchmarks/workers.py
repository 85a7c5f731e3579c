"""Worker processes that ingest a file, import its parts, or put bare items into a table (worker_tasks.py).

Each process is spawned, not forked, so that its memory can be measured. Tasks are handed out as a queue does it: one at
a time, to the next idle worker.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from tools.steps import ToolError

MAX_TASK_SECONDS = 600.0
REGION = "us-east-1"
PEPPER = b"p" * 32


class Setting(NamedTuple):
    """The table's endpoint and the folder of files, the same for all workers."""

    endpoint: str
    folder: Path


class TaskTimes(NamedTuple):
    """Durations of a task in seconds: elapsed (`wall`), processor time, time in the DynamoDB client, and processor time
    of that. `wrote`: the number of documents written."""

    wall: float = 0.0
    processor: float = 0.0
    client: float = 0.0
    client_processor: float = 0.0
    wrote: int = 0

    def plus(self, other: TaskTimes) -> TaskTimes:
        return TaskTimes._make(one + two for one, two in zip(self, other, strict=True))

    def since(self, before: TaskTimes) -> TaskTimes:
        return TaskTimes._make(now - then for now, then in zip(self, before, strict=True))


class Workers:
    """A number of worker processes, which end with the `with` block."""

    def __init__(self, setting: Setting, size: int) -> None:
        self._setting, self._size = setting, size
        self._processes: dict[Connection, Any] = {}

    def __enter__(self) -> Workers:
        context = multiprocessing.get_context("spawn")
        for _ in range(self._size):
            ours, theirs = context.Pipe()
            process = context.Process(target=serve, args=(theirs, self._setting), daemon=True)
            process.start()
            theirs.close()
            self._processes[ours] = process
        self.each("peak")  # waits until all have started
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection, process in self._processes.items():
            connection.close()  # ends the worker if it is idle
            process.join(0 if kind else 5)
            if process.is_alive():
                process.kill()
                process.join()

    def run(self, task: str, arguments: Iterable[Sequence[Any]]) -> tuple[float, list[Any]]:
        """Run a task once for each tuple of arguments. Returns the duration in seconds and the results. Raises
        ToolError."""
        waiting, results = list(arguments)[::-1], []
        busy: set[Any] = set()
        began = time.monotonic()
        for connection in list(self._processes)[: len(waiting)]:
            connection.send((task, *waiting.pop()))
            busy.add(connection)
        while busy:
            ready = wait(busy, MAX_TASK_SECONDS)
            if not ready:
                raise ToolError(f"a worker has not responded for {MAX_TASK_SECONDS:.0f} s")
            for connection in busy.intersection(ready):
                results.append(_result(connection))
                if waiting:
                    connection.send((task, *waiting.pop()))
                else:
                    busy.remove(connection)
        return time.monotonic() - began, results

    def each(self, task: str, *arguments: Any) -> list[Any]:
        """Run a task once in every worker. Returns their results."""
        for connection in self._processes:
            connection.send((task, *arguments))
        return [_result(connection) for connection in self._processes]


def _result(connection: Any) -> Any:
    try:
        result = connection.recv()
    except EOFError:
        raise ToolError("a worker died") from None
    if isinstance(result, BaseException):
        raise ToolError(f"a worker failed: {result!r}")
    return result


# In the worker process.


def serve(connection: Connection, setting: Setting) -> None:
    """Run the tasks that are sent until the connection is closed."""
    from benchmarks.worker_tasks import WorkerTasks  # noqa: PLC0415  keeps the measuring process small

    tasks = WorkerTasks(setting)
    by_name: dict[str, Callable[..., Any]] = {
        "ingest": tasks.ingest,
        "import": tasks.import_part,
        "samples": tasks.samples,
        "bare": tasks.bare,
        "transactions": tasks.transactions,
        "peak": tasks.peak,
    }
    while True:
        try:
            name, *arguments = connection.recv()
        except (EOFError, KeyboardInterrupt):
            return
        try:
            connection.send(by_name[name](*arguments))
        except Exception as error:  # reported to the measuring process, which ends the run
            connection.send(ToolError(f"{name}: {error!r}"))
