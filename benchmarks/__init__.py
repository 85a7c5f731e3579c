"""`python -m benchmarks`: the numbers of docs/how-it-works.md, "Numbers to reach", measured in one run.

All of them are ratios or counts, so that they mean the same on any machine: times are compared with plain boto3 in the
same run, interleaved, against the same DynamoDB Local.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAYER, FUNCTION = ROOT / "layers" / "duecare", ROOT / "functions" / "verify"

# As in Lambda: the function's folder and the layer's package come before anything that is installed.
sys.path[:0] = [str(FUNCTION), str(LAYER)]
