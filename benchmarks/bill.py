"""`usd_per_million`: what a million allows cost at AWS's list prices, item by item.

Prices: us-east-1, first tier, no free tier, as listed on 2026-11-24. Not in the sum, because they do not grow with the
messages: KMS keys, secrets, alarms, the dashboard, the three metrics; and the authorizer, whose answer API Gateway
keeps for 300 s. Keeping the records costs 0.25 USD per GB and month, about as many GB as millions.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from benchmarks.times import Times
from benchmarks.units import Units

HTTP_API = 1.00  # a million requests, each up to 512 KB
LAMBDA_REQUEST = 0.20  # a million
LAMBDA_GB_SECOND = 0.0000133334  # arm64
WRITE_UNIT, READ_UNIT = 0.625, 0.125  # a million request units, on demand
LOGS_GB = 0.50  # CloudWatch ingestion
TRACE = 5.00  # a million X-Ray traces recorded
OUT_GB = 0.09  # to the internet

MEMORY_GB = 0.5
# 512 MB come with 512/1769 of a processor, so what takes 1 ms here takes that much longer there.
SLOWER = 1769 / 512
# Two round trips to DynamoDB in sequence, which hardly anything here stands for.
WAITING_SECONDS = 0.010
# START, END and REPORT; the API's access log line; and what CloudWatch adds to each of these and ours.
LAMBDA_LINES_BYTES, ACCESS_LINE_BYTES, EVENT_BYTES, EVENTS = 300, 300, 26, 5
# X-Ray records the first request each second and 5 % of the rest.
TRACED = 0.05


class Item(NamedTuple):
    name: str
    measured: str
    usd: float


def bill(times: Times, allow: Units) -> list[Item]:
    """USD per million allows."""
    milliseconds = math.ceil(1000 * (times.verify * SLOWER + WAITING_SECONDS))
    logged = times.line_bytes + LAMBDA_LINES_BYTES + ACCESS_LINE_BYTES + EVENT_BYTES * EVENTS
    answer = times.answer_bytes + 300  # its header lines
    return [
        Item("HTTP API", "1 request", HTTP_API),
        Item("Lambda requests", "1 request", LAMBDA_REQUEST),
        Item(
            "Lambda time",
            f"{milliseconds} ms at 512 MB (measured {1000 * times.verify:.2f} ms × {SLOWER:.2f} + 10 ms waiting)",
            milliseconds / 1000 * MEMORY_GB * LAMBDA_GB_SECOND * 1e6,
        ),
        Item("DynamoDB writes", f"{allow.write:g} units", allow.write * WRITE_UNIT),
        Item("DynamoDB reads", f"{allow.read:g} units", allow.read * READ_UNIT),
        Item("CloudWatch logs", f"{logged} bytes ({times.line_bytes} ours)", logged / 1e3 * LOGS_GB),
        Item("X-Ray traces", f"{TRACED:.0%} of requests", TRACED * TRACE),
        Item("Data out", f"{answer} bytes", answer / 1e3 * OUT_GB),
    ]
