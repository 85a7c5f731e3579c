"""`make clean`: stop the local service and delete what it holds. Asks first; YES=1 answers for a script.

Deletes only what the tools made, each by its name; keeps a user's own files. Standard library only.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.ministack import MiniStack
from tools.steps import HOME, ToolError, main

# The parties of the case, whose keys `make run` makes; a test compares them with tools.parties.
PARTIES = ("mou-zichan", "keji", "xinxi", "yunyingshang", "shenji")
# Data that a user would miss.
STATE = (
    *("state", "s3", "local.json", "deployed.json", "registered.json", "ministack.json", "unclean"),
    *(f"{party}{suffix}" for party in PARTIES for suffix in (".jwk", ".pub.jwk")),
    # The last checkpoint seen: the next log has another key, and must not look like a forgery.
    *("log-*.checkpoint", "log-*.key"),
    *("message.json", "allowed.duecare.*", "denied.duecare.*"),
)
# Caches, which are rebuilt when needed. A lock that a running setup holds must not disappear.
CACHES = ("tmp", "build", "cache", "logs", "tests")


def clean(home: Path = HOME, *, confirmed: bool = False) -> None:
    """Raises ToolError if nobody can be asked, or the answer is no."""
    if _found(home, STATE) and not confirmed:
        _ask()
    if MiniStack(home, 0).stop():
        print("duecare is stopped.")
    for path in _found(home, (*STATE, *CACHES)):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    print("The local service holds nothing now. The installed tools and your own files are kept.")


def _ask() -> None:
    if not sys.stdin.isatty():
        raise ToolError("`make clean` asks before it deletes; in a script, answer with: make clean YES=1")
    print("This deletes what the local service holds: parties and their keys, statements, decisions and the log.")
    if input("Go on? [y/N] ").strip().lower() not in ("y", "yes"):
        raise ToolError("Nothing was deleted.")


def _found(home: Path, patterns: tuple[str, ...]) -> list[Path]:
    return [path for pattern in patterns for path in home.glob(pattern)]


if __name__ == "__main__":
    main(lambda: clean(confirmed=sys.argv[1:] == ["--yes"]))
