"""The command of a benchmark: measure, print the rows in one table, and merge them into .duecare/bench.json.

`make bench` and `make bench-import` each replace their own rows there.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from benchmarks import ROOT
from tools.dynamodb_local import missing
from tools.steps import ToolError

FILE = ROOT / ".duecare" / "bench.json"
Progress = Callable[[str], None]
_STARTED = time.monotonic()


class Row(NamedTuple):
    """A measured value and its target: at most, or with `at_least` at least."""

    name: str
    value: float
    target: float
    unit: str
    at_least: bool = False

    @property
    def reached(self) -> bool:
        return self.value >= self.target if self.at_least else self.value <= self.target


def run(measure: Callable[[Progress], list[Row]]) -> int:
    """The exit code: 0, 1 if a row misses its target, 2 if nothing could be measured."""
    try:
        if lacking := missing():
            raise ToolError(f"The benchmarks run on DynamoDB Local. {lacking}")
        rows = measure(progress)
    except ToolError as problem:
        print(problem, file=sys.stderr)
        return 2
    _print(rows)
    save(rows)
    return 0 if all(row.reached for row in rows) else 1


def progress(step: str) -> None:
    print(f"[{time.monotonic() - _STARTED:6.1f} s] {step}", file=sys.stderr, flush=True)


def _print(rows: Iterable[Row]) -> None:
    print(f"\n{'name':<20}{'value':>8}{'target':>10}  {'unit':<22}ok?")
    for row in rows:
        target = f"{'≥' if row.at_least else '≤'} {row.target:g}"
        print(f"{row.name:<20}{row.value:>8.2f}{target:>10}  {row.unit:<22}{'yes' if row.reached else 'NO'}")


def save(rows: Iterable[Row], path: Path = FILE) -> None:
    """Merge these rows into the file, by name."""
    path.parent.mkdir(exist_ok=True)
    values = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    values |= {row.name: {"value": round(row.value, 4), "target": row.target, "unit": row.unit} for row in rows}
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
