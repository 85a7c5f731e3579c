"""`bundle_verify_s`: `duecare bundle verify` on a case file, run from a shell in a new process."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks import ROOT
from tools.steps import ToolError

FILE = ROOT / "tests" / "golden" / "bundle.json"
RUNS = 9


class BundleVerifyTime(NamedTuple):
    """Median duration of the whole command in seconds, and size of the file in bytes."""

    seconds: float
    size: int

    def summary(self) -> str:
        return f"a case file of {self.size:,} bytes verified in {1000 * self.seconds:.0f} ms, the whole command"


def measure() -> BundleVerifyTime:
    data = FILE.read_bytes()
    command = [str(Path(sys.prefix) / "bin" / "duecare"), "bundle", "verify", str(FILE)]
    command += ["--log-key", json.loads(data)["log"]["verifier_key"], "--json"]
    return BundleVerifyTime(median(_seconds(command) for _ in range(RUNS)), len(data))


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    ran = subprocess.run(command, capture_output=True, check=False)
    took = time.perf_counter() - began
    if ran.returncode or not json.loads(ran.stdout)["ok"]:
        raise ToolError(f"the case file of the benchmark does not verify: {ran.stderr.decode()}")
    return took
