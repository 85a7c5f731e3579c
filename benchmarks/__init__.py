"""`python -m benchmarks`: the numbers to reach, measured in one run (docs/decisions/0003-lean-client.md).

All but `decide_us` are ratios or counts, so that they mean the same on any machine: times are compared with plain boto3
in the same run, interleaved, against the same DynamoDB Local.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAYERS, FUNCTION = (ROOT / "layers" / "core", ROOT / "layers" / "duecare"), ROOT / "functions" / "verify"

# As in Lambda: the function's folder and the layer's package come before anything that is installed.
sys.path[:0] = [str(FUNCTION), *map(str, LAYERS)]
