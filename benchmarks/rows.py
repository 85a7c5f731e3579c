"""The rows that a benchmark measures: printed as one table, and kept in .duecare/bench.json, each under its name.

What one run measures stands there beside what another did: `make bench`, `make bench-import`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from benchmarks import ROOT

KEPT = ROOT / ".duecare" / "bench.json"


class Row(NamedTuple):
    """A number to reach: at most the target, or at least where `least`."""

    name: str
    value: float
    target: float
    unit: str
    least: bool = False

    @property
    def reached(self) -> bool:
        return self.value >= self.target if self.least else self.value <= self.target


def tell(rows: Iterable[Row]) -> None:
    print(f"\n{'name':<20}{'value':>8}{'target':>10}  {'unit':<22}ok?")
    for row in rows:
        target = f"{'≥' if row.least else '≤'} {row.target:g}"
        print(f"{row.name:<20}{row.value:>8.2f}{target:>10}  {row.unit:<22}{'yes' if row.reached else 'NO'}")


def keep(rows: Iterable[Row], path: Path = KEPT) -> None:
    """Over those of the same names; every other stays."""
    path.parent.mkdir(exist_ok=True)
    values = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    values |= {row.name: {"value": round(row.value, 4), "target": row.target, "unit": row.unit} for row in rows}
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
