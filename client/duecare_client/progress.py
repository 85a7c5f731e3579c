"""Shows the progress of a long command on stderr: a bar on a terminal, otherwise a plain line every few seconds."""

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

# Seconds between plain lines: often enough to show that the command is alive, rarely enough for an hour's log.
LINE_INTERVAL = 5.0

Unit = Literal["bytes", "rows", "entries", "records"]
# Called with how much is done, and a few words to show beside it.
ReportProgress = Callable[[int, str], None]


class ProgressMeter:
    """`stream`: stderr, unless a test passes another. The bar needs a terminal that can move its cursor."""

    def __init__(self, stream: TextIO | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._monotonic = monotonic
        self.bar = self._stream.isatty() and os.environ.get("TERM") != "dumb"

    @contextmanager
    def stage(self, title: str, total: int, unit: Unit) -> Iterator[ReportProgress]:
        """One stage of the command. Yields a function that takes the amount done and a few words."""
        with self._bar(title, total, unit) if self.bar else self._lines(title, total, unit) as report:
            yield report

    @contextmanager
    def _bar(self, title: str, total: int, unit: Unit) -> Iterator[ReportProgress]:
        # FORCE_COLOR and similar variables only choose colours; the stream is known to be a terminal.
        console = Console(file=self._stream, force_terminal=True)
        columns: list[ProgressColumn] = [
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[words]}", markup=False),
            TimeRemainingColumn(),
        ]
        # By default rich redirects stdout, and the answer with it, to this console.
        bar = Progress(*columns, console=console, redirect_stdout=False, redirect_stderr=False)
        with bar:
            task = bar.add_task(title, total=total, words=_amount(total, unit))

            def report(done: int, words: str = "") -> None:
                bar.update(task, completed=done, words=_progress(done, total, unit, words))

            yield report

    @contextmanager
    def _lines(self, title: str, total: int, unit: Unit) -> Iterator[ReportProgress]:
        self._line(f"{title}: {_amount(total, unit)}")
        last = self._monotonic()

        def report(done: int, words: str = "") -> None:
            nonlocal last
            if (now := self._monotonic()) - last >= LINE_INTERVAL:
                last = now
                self._line(f"{title}: {_progress(done, total, unit, words)}")

        yield report

    def _line(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()


def _progress(done: int, total: int, unit: Unit, words: str) -> str:
    amount = decimal(done) if unit == "bytes" else f"{done:,}"
    return f"{amount} of {_amount(total, unit)}{words and f', {words}'}"


def _amount(number: int, unit: Unit) -> str:
    return decimal(number) if unit == "bytes" else f"{number:,} {unit}"
