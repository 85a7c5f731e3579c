"""`usd_per_million`: what a million allows cost at AWS's list prices, item by item; and, beside it, what their evidence
costs, which no gateway waits for: their entries in the log, and their copies in the archive.

Prices: us-east-1, first tier, no free tier, as listed on 2026-11-24. Not in the sum, because they do not grow with the
messages: KMS keys, secrets, alarms, the dashboard, the three metrics; and the authorizer, whose answer API Gateway
keeps for 300 s. Keeping the records costs 0.25 USD per GB and month, about as many GB as millions.
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
LOGS_GB, SELDOM_READ_GB = 0.50, 0.25  # CloudWatch ingestion, and that of its class Infrequent Access
OUT_GB = 0.09  # to the internet
S3_PUT = 5.00  # a million

MEMORY_GB = 0.5
WHOLE_GB = 1769 / 1024  # of the sequencer, as the template has it: a whole processor
# 512 MB come with 512/1769 of a processor, so what takes 1 ms here takes that much longer there.
SLOWER = 1769 / 512
# Two round trips to DynamoDB in sequence, which hardly anything here stands for.
WAITING_SECONDS = 0.010
# What CloudWatch adds to every line. Lambda's own (START, END, REPORT) are off, and so is X-Ray unless it is asked for.
EVENT_BYTES = 26
# The API's access log line, as the template has it.
ACCESS_LINE = (
    '{"requestId":"abcdefghijklmno=","time":"1795510800000","route":"POST /v1/verify","party":"some-sms-gateway",'
    '"status":"200","error":"-","integrationStatus":"200","authorizerError":"-","ms":"25","bytes":"1720"}'
)


# A decision's place in its gateway's listing: about so many bytes of a page, whose writes count by the kilobyte.
LISTED_BYTES = 320


class Item(NamedTuple):
    name: str
    measured: str
    usd: float


def told(items: Iterable[Item]) -> str:
    """A line each."""
    return "\n".join(f"  {item.name:<18}{item.usd:>7.3f}  {item.measured}" for item in items)


def evidence(log: Sequencing) -> list[Item]:
    """USD per million decisions in the log and in the archive. (Reading the stream costs Lambda's triggers nothing, and
    the sequencer's own calls a thousandth of a dollar.)"""
    seconds = log.ours / log.records
    return [
        Item("Archive", "1 object put under a lock", S3_PUT),
        Item("Pointer", "1 unit", WRITE_UNIT),
        Item("Listing", f"{LISTED_BYTES} bytes of a page", LISTED_BYTES / 1024 * WRITE_UNIT),
        Item("Time to leave", "1 unit, by the daily sweep", WRITE_UNIT),
        Item("Lambda time", f"{1000 * seconds:.1f} ms at 1,769 MB", seconds * WHOLE_GB * LAMBDA_GB_SECOND * 1e6),
    ]


def bill(times: Times, allow: Units) -> list[Item]:
    """USD per million allows."""
    milliseconds = math.ceil(1000 * (times.busy * SLOWER + WAITING_SECONDS))
    logged, access = times.line_bytes + EVENT_BYTES, len(ACCESS_LINE) + EVENT_BYTES
    answer = times.answer_bytes + 300  # its header lines
    return [
        Item("HTTP API", "1 request", HTTP_API),
        Item("Lambda requests", "1 request", LAMBDA_REQUEST),
        Item(
            "Lambda time",
            f"{milliseconds} ms at 512 MB ({1000 * times.busy:.2f} ms of work × {SLOWER:.2f} + 10 ms waiting)",
            milliseconds / 1000 * MEMORY_GB * LAMBDA_GB_SECOND * 1e6,
        ),
        Item("DynamoDB writes", f"{allow.write:g} units", allow.write * WRITE_UNIT),
        Item("DynamoDB reads", f"{allow.read:g} units", allow.read * READ_UNIT),
        Item("CloudWatch logs", f"{logged} bytes", logged / 1e3 * LOGS_GB),
        Item("Access log", f"{access} bytes", access / 1e3 * SELDOM_READ_GB),
        Item("Data out", f"{answer} bytes", answer / 1e3 * OUT_GB),
    ]
