"""How far a long command is, on stderr: a bar on a terminal, elsewhere a plain line now and then. Never on stdout."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, TextIO

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, Progress, ProgressColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

# Seconds between plain lines: a log of an hour's upload stays readable, and nobody takes it for dead.
NOW_AND_THEN = 5.0

Unit = Literal["bytes", "rows", "entries", "records"]
Told = Callable[[int, str], None]


class Meter:
    """`stream`: stderr, unless a test gives another. A bar needs a terminal there that can move its cursor."""

    def __init__(self, stream: TextIO | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._monotonic = monotonic
        self.bar = self._stream.isatty() and os.environ.get("TERM") != "dumb"

    @contextmanager
    def stage(self, title: str, total: int, unit: Unit) -> Iterator[Told]:
        """A stretch of the way. What it yields is told how much is done, and a few words of what there is to say."""
        with self._bar(title, total, unit) if self.bar else self._lines(title, total, unit) as told:
            yield told

    @contextmanager
    def _bar(self, title: str, total: int, unit: Unit) -> Iterator[Told]:
        # FORCE_COLOR and the like count for colours; that this is a terminal, we have seen.
        console = Console(file=self._stream, force_terminal=True)
        columns: list[ProgressColumn] = [
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[said]}", markup=False),
            TimeRemainingColumn(),
        ]
        # Left to itself, rich would lead stdout through this console, and the answer with it.
        bar = Progress(*columns, console=console, redirect_stdout=False, redirect_stderr=False)
        with bar:
            task = bar.add_task(title, total=total, said=_amount(total, unit))

            def told(done: int, said: str = "") -> None:
                bar.update(task, completed=done, said=_far(done, total, unit, said))

            yield told

    @contextmanager
    def _lines(self, title: str, total: int, unit: Unit) -> Iterator[Told]:
        self._line(f"{title}: {_amount(total, unit)}")
        last = self._monotonic()

        def told(done: int, said: str = "") -> None:
            nonlocal last
            if (now := self._monotonic()) - last >= NOW_AND_THEN:
                last = now
                self._line(f"{title}: {_far(done, total, unit, said)}")

        yield told

    def _line(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()


def _far(done: int, total: int, unit: Unit, said: str) -> str:
    reached = decimal(done) if unit == "bytes" else f"{done:,}"
    return f"{reached} of {_amount(total, unit)}{said and f', {said}'}"


def _amount(number: int, unit: Unit) -> str:
    return decimal(number) if unit == "bytes" else f"{number:,} {unit}"
