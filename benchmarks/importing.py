"""`make bench-import`: a portfolio on DynamoDB Local by the workers' own code, interleaved with bare BatchWriteItem.

    make bench-import
    make bench-import ROWS=100000

The table has no stream: DynamoDB Local scans a stream's records at every write, so each write takes longer than the one
before. On AWS a stream adds no time to a write.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.harness import Progress, Row, run
from benchmarks.workers import Setting
from tools.dynamodb_local import DynamoDBLocal


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.importing")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the portfolio (1,000,000)")
    parser.add_argument("--workers", type=int, default=2, help="number of worker processes (2)")
    parser.add_argument("--snapshot", action="store_true", help="make the second import a snapshot, which takes long")
    options = parser.parse_args(arguments)
    if options.rows < 10 or options.workers < 1:
        parser.error("expected at least 10 rows and one worker")
    return run(partial(_measure, options.rows, options.workers, options.snapshot))


def _measure(number: int, workers: int, snapshot: bool, progress: Progress) -> list[Row]:
    from benchmarks.portfolios import PortfolioBench  # noqa: PLC0415  so that a missing engine is reported in one line

    os.environ.setdefault("AWS_ACCESS_KEY_ID", "testing")  # for PynamoDB
    os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "testing")
    with tempfile.TemporaryDirectory(prefix="duecare-bench-") as folder:
        progress("starting DynamoDB Local")
        with DynamoDBLocal() as dynamodb:
            bench = PortfolioBench(Setting(dynamodb.endpoint, Path(folder)), workers, progress, snapshot=snapshot)
            small = bench.run(number // 10, slices=1)
            large = bench.run(number, slices=10)
    print("", *large.summary(), sep="\n")
    return [
        Row("import_ratio", large.rate / large.bare_rate, 0.5, "× bare BatchWriteItem", at_least=True),
        Row("import_peak_mib", max(large.ingest_peak, large.worker_peak), 256, "MiB"),
        Row("import_peak_growth", large.growth(small), 1.1, f"× peak at {number // 10:,}"),
        Row("import_again_writes", large.again.wrote, 0, "documents"),
    ]


if __name__ == "__main__":
    sys.exit(main())
