"""`make stop` and `make status`. Standard library only: they work even if the environments are broken."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.ministack import MiniStack
from tools.steps import HOME, ToolError, main

PROFILE = HOME / "local.json"


def stop() -> None:
    """End the local AWS. What it holds stays, and `make run` goes on from there; `make clean` forgets it."""
    print("duecare is stopped." if MiniStack(HOME, 0).stop() else "duecare was not running.")


def status() -> None:
    """Where it runs. Raises ToolError where it does not."""
    port = MiniStack(HOME, 0).noted_port()
    if port is None:
        raise ToolError("duecare is not running; `make run` starts it.")
    profile = json.loads(PROFILE.read_text()) if PROFILE.is_file() else {}
    if profile.get("aws_endpoint_url") != MiniStack(HOME, port).endpoint:
        raise ToolError(
            f"The local AWS runs on port {port}, but duecare is not deployed there.\n"
            "`make run` goes on with that, `make stop` ends it."
        )
    print(f"duecare is running at {profile['url']}")


if __name__ == "__main__":
    main(status if sys.argv[1:] == ["--status"] else stop)
