"""`cold_start_ratio`: from the first import to the first response, relative to boto3's shortest program that reads an
item.

Each start is a process that times itself, from before its first import until after its response. The start of the
interpreter is not counted on either side: Lambda's runtime has started it before it imports a function. Byte code is
compiled beforehand for both, as in a deployed layer.
"""

from __future__ import annotations

import compileall
import json
import statistics
import subprocess
import sys
from typing import NamedTuple

from benchmarks import FUNCTION, LAYERS
from benchmarks.events import event
from benchmarks.fixtures import TABLE
from benchmarks.harness import Progress
from benchmarks.recipients import Recipients
from tools.steps import ToolError

PAIRS = 21

_OURS = f"""
import time; started = time.perf_counter()
import json, os, sys
sys.path[:0] = {[str(FUNCTION), *map(str, LAYERS)]!r}
event = json.load(sys.stdin)
import app
answer = app.handler(event, None)
took = time.perf_counter() - started
assert '"decision":"allow"' in answer["body"], answer
print(took, file=sys.stderr)
"""
_BOTO3 = f"""
import time; started = time.perf_counter()
import boto3
client = boto3.client("dynamodb")
answer = client.get_item(TableName={TABLE!r}, Key={{"pk": {{"S": "P#xinxi"}}, "sk": {{"S": "P"}}}}, ConsistentRead=True)
took = time.perf_counter() - started
assert "Item" in answer
import sys; print(took, file=sys.stderr)
"""


class ColdStarts(NamedTuple):
    """Medians in seconds."""

    ours: float
    boto3: float
    ratio: float

    def summary(self) -> str:
        return f"cold: verify {1000 * self.ours:.0f} ms, boto3's first get_item {1000 * self.boto3:.0f} ms"


def measure(environment: dict[str, str], recipients: Recipients, progress: Progress) -> ColdStarts:
    for folder in (*LAYERS, FUNCTION):
        compileall.compile_dir(folder, quiet=2)
    pairs = []
    for number in range(PAIRS + 2):
        ours, boto3 = _start(_OURS, environment, json.dumps(event(recipients.one()))), _start(_BOTO3, environment, "")
        if number >= 2:  # the first ones write byte code and fill the page cache
            pairs.append((ours, boto3))
        if number % 5 == 0:
            progress(f"start {number + 1} of {PAIRS + 2}")
    return ColdStarts(
        statistics.median(ours for ours, _ in pairs),
        statistics.median(boto3 for _, boto3 in pairs),
        statistics.median(ours / boto3 for ours, boto3 in pairs),
    )


def _start(program: str, environment: dict[str, str], standard_input: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        input=standard_input,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ToolError(f"a cold start failed:\n{done.stderr}")
    return float(done.stderr.split()[-1])
