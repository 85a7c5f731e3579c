"""`python -m benchmarks.importing`: a portfolio on DynamoDB Local through the workers' own code, against bare
BatchWriteItem in the same run, in turns.

    make bench-import
    make bench-import ROWS=100000

Prints one table, and keeps its rows in .duecare/bench.json. Exit codes: 1 where a row misses its target,
2 where nothing could be measured.

The table has no stream, as DynamoDB Local goes through a stream's records at every write, so that each takes longer
than the one before; on AWS a stream takes no time of a write's.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.crew import Setting
from benchmarks.rows import Row, keep, tell
from tools.dynamodb_local import DynamoDBLocal, missing
from tools.steps import Problem


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.importing")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the portfolio (1,000,000)")
    parser.add_argument("--workers", type=int, default=2, help="processes that import, or put (2)")
    parser.add_argument("--snapshot", action="store_true", help="the second import is a snapshot, which takes long")
    given = parser.parse_args(arguments)
    try:
        if given.rows < 10 or given.workers < 1:
            raise Problem("at least 10 rows and one worker are needed")
        if lacking := missing():
            raise Problem(f"make bench-import measures on DynamoDB Local. {lacking}")
        rows = _measure(given.rows, given.workers, snapshot=given.snapshot)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 2
    tell(rows)
    keep(rows)
    return 0 if all(row.reached for row in rows) else 1


def _measure(number: int, workers: int, *, snapshot: bool) -> list[Row]:
    from benchmarks.portfolios import Bench  # noqa: PLC0415  a missing tool is said at once and in one line

    os.environ.setdefault("AWS_ACCESS_KEY_ID", "testing")  # PynamoDB takes them from there
    os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "testing")
    with tempfile.TemporaryDirectory(prefix="duecare-bench-") as folder:
        _progress("starting DynamoDB Local")
        with DynamoDBLocal() as dynamodb:
            bench = Bench(Setting(dynamodb.endpoint, Path(folder)), workers, _progress, snapshot=snapshot)
            small = bench.run(number // 10, slices=1)
            large = bench.run(number, slices=10)
    print("", *large.told(), sep="\n")
    return [
        Row("import_ratio", large.rate / large.bare_rate, 0.5, "× bare BatchWriteItem", least=True),
        Row("import_peak_mib", max(large.ingest_peak, large.worker_peak), 256, "MiB"),
        Row("import_peak_growth", large.growth(small), 1.1, f"× peak at {number // 10:,}"),
        Row("import_again_writes", large.again.wrote, 0, "documents"),
    ]


_STARTED = time.monotonic()


def _progress(what: str) -> None:
    print(f"[{time.monotonic() - _STARTED:6.1f} s] {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
