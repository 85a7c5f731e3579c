"""`make run`: the whole of duecare on one machine, with the parties of the case, and the case shown."""

from __future__ import annotations

import json
import os
from typing import Any

from tools.demo import demonstrate
from tools.deploy import STACK, Deployed, deploy, table_id
from tools.ministack import REGION, MiniStack
from tools.parties import PARTIES, key_file, register
from tools.steps import HOME, Problem, main, step
from tools.stop import PROFILE

DEFAULT_PORT = 4566


def start() -> None:
    """Start, deploy, register the parties, and show the case. Quick where nothing has changed since the last time."""
    stack = MiniStack(HOME, _port())
    if stack.noted_port() not in (None, stack.port):
        stack.stop()
    print(f"Starting duecare on port {stack.port} (the logs are in .duecare/logs):")
    with step("start the local AWS"):
        stack.start()
    deployed = deploy(stack)
    _write_profile(stack, deployed)
    with step("register the parties of the case"):
        register(stack, table_id(stack, deployed.outputs["TableName"]))
    log_key = demonstrate(deployed.url, HOME)
    _write_profile(stack, deployed, log_key)


def _port() -> int:
    given = os.environ.get("DUECARE_PORT") or str(DEFAULT_PORT)
    if not (given.isascii() and given.isdigit() and 1024 <= int(given) <= 65535):
        raise Problem(f"DUECARE_PORT={given} is not a port: give a number from 1024 to 65535")
    return int(given)


def _write_profile(stack: MiniStack, deployed: Deployed, log_key: str | None = None) -> None:
    """What the `duecare` command reads as `--profile local`. `log_key` is there when something has been logged."""
    profile: dict[str, Any] = {
        "url": deployed.url,
        "issuer": deployed.outputs["Issuer"],
        "aws_endpoint_url": stack.endpoint,
        "region": REGION,
        "stack": STACK,
        "table": deployed.outputs["TableName"],
        "archive": deployed.outputs["ArchiveBucket"],
        "log_key": log_key or _known_log_key(),
        "parties": {party.id: {"roles": [party.role], "key": key_file(HOME, party).name} for party in PARTIES},
    }
    # Whole or not at all: somebody may be reading the old one.
    fresh = PROFILE.with_suffix(".new")
    fresh.write_text(json.dumps(profile, ensure_ascii=False, indent=2) + "\n")
    fresh.replace(PROFILE)


def _known_log_key() -> str | None:
    """As it was the last time: whoever trusted it then need not trust another."""
    try:
        known = json.loads(PROFILE.read_text(encoding="utf-8")).get("log_key")
    except (OSError, ValueError, AttributeError):
        return None
    return known if isinstance(known, str) else None


if __name__ == "__main__":
    main(start)
