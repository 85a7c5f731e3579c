"""`usd_per_million`: the cost of a million allows at AWS's list prices, item by item; and the cost of their evidence,
which is written outside the request: log entries and copies in the archive.

Prices: us-east-1, first tier, no free tier, as listed on 2026-11-24. Not in the sum, because they do not grow with
the number of messages: KMS keys, secrets, alarms, the dashboard, the three metrics; and the authorizer, whose response
API Gateway caches for 300 s. Storing the records costs 0.25 USD per GB and month; a million records are about 1 GB.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from benchmarks.sequencing import Sequencing
from benchmarks.times import Times
from benchmarks.units import Units

HTTP_API = 1.00  # a million requests, each up to 512 KB
LAMBDA_REQUEST = 0.20  # a million
LAMBDA_GB_SECOND = 0.0000133334  # arm64
WRITE_UNIT, READ_UNIT = 0.625, 0.125  # a million request units, on demand
LOGS_GB, INFREQUENT_ACCESS_GB = 0.50, 0.25  # CloudWatch ingestion: Standard, Infrequent Access
OUT_GB = 0.09  # to the internet
S3_PUT = 5.00  # a million

MEMORY_GB = 0.5
SEQUENCER_GB = 1769 / 1024  # as in the template: one whole vCPU
# 512 MB come with 512/1769 of a vCPU, so processor time is longer there by this factor.
SLOWER = 1769 / 512
# Two sequential round trips to DynamoDB. The local engine has next to no network delay.
WAITING_SECONDS = 0.010
# CloudWatch adds this to every line. Lambda's own lines (START, END, REPORT) are off, and so is X-Ray by default.
EVENT_BYTES = 26
# An access log line in the template's format.
ACCESS_LINE = (
    '{"requestId":"abcdefghijklmno=","time":"1795510800000","route":"POST /v1/verify","party":"some-sms-gateway",'
    '"status":"200","error":"-","integrationStatus":"200","authorizerError":"-","ms":"25","bytes":"1720"}'
)

# A decision takes about this many bytes of a decision page, whose writes are charged by the kilobyte.
LISTED_BYTES = 320


class BillItem(NamedTuple):
    name: str
    measured: str
    usd: float


def summary(items: Iterable[BillItem]) -> str:
    return "\n".join(f"  {item.name:<18}{item.usd:>7.3f}  {item.measured}" for item in items)


def evidence(log: Sequencing) -> list[BillItem]:
    """USD per million decisions in the log and in the archive. Stream reads by Lambda triggers are free, and the
    sequencer's other calls cost a thousandth of a dollar."""
    seconds = log.ours / log.records
    return [
        BillItem("Archive", "1 object put under a lock", S3_PUT),
        BillItem("Pointer", "1 unit", WRITE_UNIT),
        BillItem("Decision page", f"{LISTED_BYTES} bytes of a page", LISTED_BYTES / 1024 * WRITE_UNIT),
        BillItem("TTL", "1 unit, by the daily sweep", WRITE_UNIT),
        BillItem(
            "Lambda time", f"{1000 * seconds:.1f} ms at 1,769 MB", seconds * SEQUENCER_GB * LAMBDA_GB_SECOND * 1e6
        ),
    ]


def bill(times: Times, allow: Units) -> list[BillItem]:
    """USD per million allows."""
    milliseconds = math.ceil(1000 * (times.busy * SLOWER + WAITING_SECONDS))
    logged, access = times.line_bytes + EVENT_BYTES, len(ACCESS_LINE) + EVENT_BYTES
    answer = times.answer_bytes + 300  # with its headers
    return [
        BillItem("HTTP API", "1 request", HTTP_API),
        BillItem("Lambda requests", "1 request", LAMBDA_REQUEST),
        BillItem(
            "Lambda time",
            f"{milliseconds} ms at 512 MB ({1000 * times.busy:.2f} ms of work × {SLOWER:.2f} + 10 ms waiting)",
            milliseconds / 1000 * MEMORY_GB * LAMBDA_GB_SECOND * 1e6,
        ),
        BillItem("DynamoDB writes", f"{allow.write:g} units", allow.write * WRITE_UNIT),
        BillItem("DynamoDB reads", f"{allow.read:g} units", allow.read * READ_UNIT),
        BillItem("CloudWatch logs", f"{logged} bytes", logged / 1e3 * LOGS_GB),
        BillItem("Access log", f"{access} bytes", access / 1e3 * INFREQUENT_ACCESS_GB),
        BillItem("Data out", f"{answer} bytes", answer / 1e3 * OUT_GB),
    ]
