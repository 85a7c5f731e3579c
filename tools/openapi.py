"""`make openapi`: write docs/openapi.json, and the examples in it from a run of the functions in memory.

Tests compare both files with the code.
"""

from __future__ import annotations

import json
from pathlib import Path

from duecare.runtime.openapi.document import EXAMPLES, document

PATH = Path(__file__).parents[1] / "docs" / "openapi.json"


def rendered() -> str:
    return json.dumps(document(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    from tests.openapi import generate

    EXAMPLES.write_text(generate.rendered(), encoding="utf-8")
    PATH.write_text(rendered(), encoding="utf-8")
    print(f"wrote {EXAMPLES.name} and {PATH.name}")
