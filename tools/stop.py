"""`make stop` and `make status`. Standard library only: they work whatever state the environments are in."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.ministack import MiniStack
from tools.steps import HOME, Problem, main

PROFILE = HOME / "local.json"


def stop() -> None:
    """End the local AWS. What it holds stays, and `make run` goes on from there; `make clean` forgets it."""
    print("duecare is stopped." if MiniStack(HOME, 0).stop() else "duecare was not running.")


def status() -> None:
    """Where it runs. Raises Problem where it does not."""
    stack = MiniStack(HOME, 0)
    if stack.running() is None or not PROFILE.is_file():
        raise Problem("duecare is not running; `make run` starts it.")
    print(f"duecare is running at {json.loads(PROFILE.read_text())['url']}")


if __name__ == "__main__":
    main(status if sys.argv[1:] == ["--status"] else stop)
