"""Worker processes, and what each does: take in a file, import its parts, or put bare items into a table.

Each process is started anew (not forked), so that its memory is its own. Work is handed out as the queue does it: a
piece at a time, to whoever is free.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from tools.steps import Problem

# No piece of work takes this long (seconds); whoever does not answer by then is taken for lost.
PATIENCE = 600.0
REGION = "us-east-1"
PEPPER = b"p" * 32


class Setting(NamedTuple):
    """What every process works with."""

    endpoint: str
    folder: Path


class Spent(NamedTuple):
    """What one piece of work took: seconds by the clock, those of them on a processor, those inside the client of
    DynamoDB, and those of these on a processor. `wrote`: the documents that it wrote."""

    wall: float = 0.0
    processor: float = 0.0
    client: float = 0.0
    client_processor: float = 0.0
    wrote: int = 0

    def plus(self, other: Spent) -> Spent:
        return Spent._make(one + two for one, two in zip(self, other, strict=True))

    def since(self, before: Spent) -> Spent:
        return Spent._make(now - then for now, then in zip(self, before, strict=True))


class Crew:
    """So many processes; ended on the way out, whatever happens."""

    def __init__(self, setting: Setting, size: int) -> None:
        self._setting, self._size = setting, size
        self._hands: dict[Connection, Any] = {}

    def __enter__(self) -> Crew:
        context = multiprocessing.get_context("spawn")
        for _ in range(self._size):
            ours, theirs = context.Pipe()
            process = context.Process(target=serve, args=(theirs, self._setting), daemon=True)
            process.start()
            theirs.close()
            self._hands[ours] = process
        self.each("peak")  # all are there, and their start is in nothing that is measured
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection, process in self._hands.items():
            connection.close()  # which ends it where it waits for work
            process.join(0 if kind else 5)
            if process.is_alive():
                process.kill()
                process.join()

    def run(self, what: str, pieces: Iterable[Sequence[Any]]) -> tuple[float, list[Any]]:
        """Have every piece of this kind of work done: the seconds that it took, and every answer. Raises Problem."""
        waiting, answers = list(pieces)[::-1], []
        busy: set[Any] = set()
        began = time.monotonic()
        for connection in list(self._hands)[: len(waiting)]:
            connection.send((what, *waiting.pop()))
            busy.add(connection)
        while busy:
            ready = wait(busy, PATIENCE)
            if not ready:
                raise Problem(f"a worker has said nothing for {PATIENCE:.0f} s")
            for connection in busy.intersection(ready):
                answers.append(_answer(connection))
                if waiting:
                    connection.send((what, *waiting.pop()))
                else:
                    busy.remove(connection)
        return time.monotonic() - began, answers

    def each(self, what: str, *arguments: Any) -> list[Any]:
        """Have every process do this once; their answers."""
        for connection in self._hands:
            connection.send((what, *arguments))
        return [_answer(connection) for connection in self._hands]


def _answer(connection: Any) -> Any:
    try:
        answer = connection.recv()
    except EOFError:
        raise Problem("a worker died") from None
    if isinstance(answer, BaseException):
        raise Problem(f"a worker failed: {answer!r}")
    return answer


# In the worker's process


def serve(connection: Connection, setting: Setting) -> None:
    """Do what is sent until there is nobody to send anything."""
    from benchmarks.hands import Hands  # noqa: PLC0415  not in the memory of the process that measures

    hands = Hands(setting)
    work: dict[str, Callable[..., Any]] = {
        "take in": hands.take_in,
        "import": hands.import_part,
        "samples": hands.samples,
        "bare": hands.bare,
        "transactions": hands.transactions,
        "peak": hands.peak,
    }
    while True:
        try:
            what, *arguments = connection.recv()
        except (EOFError, KeyboardInterrupt):
            return
        try:
            connection.send(work[what](*arguments))
        except Exception as error:  # told to whoever asked, who ends everything
            connection.send(Problem(f"{what}: {error!r}"))
