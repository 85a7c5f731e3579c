"""`make bench`: everything but imports (benchmarks/importing.py)."""

from __future__ import annotations

import sys

from benchmarks.harness import Progress, Row, run
from tools.steps import ToolError


def _measure(progress: Progress) -> list[Row]:
    # Imported here, so that a missing engine is reported in one line.
    from benchmarks.fixtures import fixtures  # noqa: PLC0415

    progress("starting DynamoDB Local and Secrets Manager, stating the facts")
    with fixtures() as prepared:
        # Imports the function, which reads its environment, as in Lambda.
        from benchmarks import batch, bill, bundle_verify, cold, decide, sequencing, times, units  # noqa: PLC0415

        if not units.rules_hold():
            raise ToolError("this DynamoDB does not count capacity units as AWS documents them")
        progress("capacity units of an allow and a deny; the decision alone")
        allow, deny = units.measure(prepared.recipients)
        sizes = units.record_bytes(prepared.recipients)
        decide_times = decide.measure(prepared.recipients)
        progress("cold starts, interleaved with boto3's")
        starts = cold.measure(prepared.environment, prepared.recipients, progress)
        progress("a batch, a verify, and their calls alone, interleaved")
        batches = batch.measure(prepared.recipients, progress)
        progress("a million facts")
        loading = prepared.large.load(progress)
        progress("verify, verify among a million facts, its calls by boto3, and a pair of calls, interleaved")
        spent = times.measure(prepared, progress)
    progress("decisions for the log")
    log = sequencing.measure(progress)
    progress("a case file, checked from the shell")
    checked = bundle_verify.measure()
    items, kept = bill.bill(spent, allow), bill.evidence(log)
    summary = [
        spent.summary(),
        batches.summary(),
        starts.summary(),
        decide_times.summary(),
        units.summary(sizes),
        log.summary(),
        checked.summary(),
    ]
    print("", *summary, f"{prepared.large.facts:,} facts put in {loading:.0f} s", sep="\n")
    print("\nUSD per million allows, at list prices:", bill.summary(items), sep="\n")
    print(f"\nand {sum(item.usd for item in kept):.2f} for their evidence, outside the request:")
    print(bill.summary(kept))
    return [
        Row("verify_ratio", spent.verify / spent.calls, 0.55, "× boto3, same calls"),
        Row("verify_vs_pair", spent.verify / spent.pair, 1.0, "× boto3 get + put"),
        Row("verify_1m_ratio", spent.verify_1m / spent.verify, 1.1, "× verify, 1,000 facts"),
        Row("batch_100_ratio", batches.batch / batches.verify, 25, "× one verify"),
        Row("cold_start_ratio", starts.ratio, 1.0, "× boto3 get"),
        Row("decide_us", 1e6 * max(decide_times), 300, "µs"),
        Row("allow_read_units", allow.read, 8, "RRU"),
        Row("allow_write_units", allow.write, 4, "WRU"),
        Row("deny_read_units", deny.read, 8, "RRU"),
        Row("deny_write_units", deny.write, 2, "WRU"),
        Row("usd_per_million", sum(item.usd for item in items), 5, "USD"),
        Row("log_records_per_s", log.rate, 1000, "records/s", at_least=True),
        Row("bundle_verify_s", checked.seconds, 1, "s"),
    ]


if __name__ == "__main__":
    sys.exit(run(_measure))
