"""Measure, print one table, write .duecare/bench.json. Exit codes: 1 where a row misses its target, 2 where
nothing could be measured."""

from __future__ import annotations

import sys
import time

from benchmarks.rows import Row, keep, tell
from tools.dynamodb_local import missing
from tools.steps import Problem


def main() -> int:
    try:
        if lacking := missing():
            raise Problem(f"make bench measures on DynamoDB Local. {lacking}")
        rows = _measure()
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 2
    tell(rows)
    keep(rows)
    return 0 if all(row.reached for row in rows) else 1


def _measure() -> list[Row]:
    # Imported here, so that a missing tool is said at once and in one line.
    from benchmarks.ground import ground  # noqa: PLC0415

    _progress("starting DynamoDB Local and Secrets Manager, stating the case's facts")
    with ground() as prepared:
        # The function is imported into its environment, as in Lambda.
        from benchmarks import batch, bill, cold, court, pure, sequencing, times, units  # noqa: PLC0415

        if not units.rules_hold():
            raise Problem("this DynamoDB counts capacity units in another way than AWS does")
        _progress("capacity units of an allow and a deny; the decision alone")
        allow, deny = units.measure(prepared.crowd)
        sizes = units.record_bytes(prepared.crowd)
        decided = pure.measure(prepared.crowd)
        _progress("cold starts, alternating with boto3's")
        starts = cold.measure(prepared.environment, prepared.crowd, _progress)
        _progress("a batch, a verify, and their calls with nothing around them, in turns")
        batches = batch.measure(prepared.crowd, _progress)
        _progress("a million facts")
        loading = prepared.large.load(_progress)
        _progress("verify here and among a million facts, its calls by boto3, and a pair of calls, in turns")
        spent = times.measure(prepared, _progress)
    _progress("decisions for the log")
    log = sequencing.measure(_progress)
    _progress("a case file, checked from the shell")
    checked = court.measure()
    items, kept = bill.bill(spent, allow), bill.evidence(log)
    told = [spent.told(), batches.told(), starts.told(), decided.told(), units.told(sizes), log.told(), checked.told()]
    print("", *told, f"{prepared.large.facts:,} facts put in {loading:.0f} s", sep="\n")
    print("\nUSD per million allows, at list prices:", bill.told(items), sep="\n")
    print(f"\nand {sum(item.usd for item in kept):.2f} for their evidence, which nobody waits for:")
    print(bill.told(kept))
    return [
        Row("verify_ratio", spent.verify / spent.calls, 0.8, "× boto3, same calls"),
        Row("verify_vs_pair", spent.verify / spent.pair, 1.3, "× boto3 get + put"),
        Row("verify_1m_ratio", spent.verify_1m / spent.verify, 1.1, "× verify, 1,000 facts"),
        Row("batch_100_ratio", batches.batch / batches.verify, 25, "× one verify"),
        Row("cold_start_ratio", starts.ratio, 1.0, "× boto3 get"),
        Row("decide_us", 1e6 * max(decided), 300, "µs"),
        Row("allow_read_units", allow.read, 6, "RRU"),
        Row("allow_write_units", allow.write, 4, "WRU"),
        Row("deny_read_units", deny.read, 6, "RRU"),
        Row("deny_write_units", deny.write, 2, "WRU"),
        Row("usd_per_million", sum(item.usd for item in items), 5, "USD"),
        Row("log_records_per_s", log.rate, 1000, "records/s", least=True),
        Row("bundle_verify_s", checked.seconds, 1, "s"),
    ]


_STARTED = time.monotonic()


def _progress(what: str) -> None:
    print(f"[{time.monotonic() - _STARTED:5.1f} s] {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
