"""Write docs/openapi.json from the types that validate requests: `make openapi`. A test compares the two."""

from __future__ import annotations

import json
from pathlib import Path

from duecare.runtime.openapi.document import document

PATH = Path(__file__).parents[1] / "docs" / "openapi.json"


def rendered() -> str:
    return json.dumps(document(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    PATH.write_text(rendered(), encoding="utf-8")
    print(f"wrote {PATH.name}")
