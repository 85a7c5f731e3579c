"""`python -m benchmarks`: the measured values with their targets, in one run (docs/decisions/0003-lean-client.md).

All values but `decide_us` are ratios or counts, so that they are comparable across machines. Times are compared with
those of plain boto3 in the same run, interleaved, against the same DynamoDB Local.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAYERS, FUNCTION = (ROOT / "layers" / "core", ROOT / "layers" / "duecare"), ROOT / "functions" / "verify"

# As in Lambda: the function's folder and the layers come before installed packages.
sys.path[:0] = [str(FUNCTION), *map(str, LAYERS)]
