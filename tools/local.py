"""`python -m tools.local start|stop|status`: the whole of duecare on one machine. `make run` and `make stop`."""

from __future__ import annotations

import json
import os
import sys

from tools.demo import demonstrate
from tools.deploy import STACK, Deployed, deploy
from tools.ministack import REGION, MiniStack
from tools.parties import PARTIES, key_file, register
from tools.steps import HOME, Problem, main, step

DEFAULT_PORT = 4566
PROFILE = HOME / "local.json"


def start() -> None:
    """Start, deploy, register the demonstration's parties, and show the case."""
    stack = MiniStack(HOME, _port())
    if stack.noted_port() not in (None, stack.port):
        stack.stop()
    print(f"Starting duecare on port {stack.port} (the logs are in .duecare/logs):")
    with step("start the local AWS"):
        stack.start()
    deployed = deploy(stack)
    _write_profile(stack, deployed)
    with step("register the parties of the case"):
        register(stack, deployed.outputs["TableName"])
    demonstrate(deployed.url, HOME)


def stop() -> None:
    """End the local AWS. What it holds stays, and `make run` goes on from there; `make clean` forgets it."""
    ran = MiniStack(HOME, _port()).stop()
    print("duecare is stopped." if ran else "duecare was not running.")


def status() -> None:
    stack = MiniStack(HOME, _port())
    port = stack.noted_port()
    if port is None:
        raise Problem("duecare is not running; `make run` starts it.")
    print(f"duecare is running on port {port}: {json.loads(PROFILE.read_text())['url'] if PROFILE.exists() else ''}")


def _port() -> int:
    given = os.environ.get("DUECARE_PORT") or str(DEFAULT_PORT)
    if not given.isascii() or not given.isdigit() or not 1024 <= int(given) <= 65535:
        raise Problem(f"DUECARE_PORT={given} is not a port: give a number from 1024 to 65535")
    return int(given)


def _write_profile(stack: MiniStack, deployed: Deployed) -> None:
    """What the `duecare` command reads as `--profile local`; the parties are added as they are registered."""
    profile = {
        "url": deployed.url,
        "issuer": deployed.outputs["Issuer"],
        "aws_endpoint_url": stack.endpoint,
        "region": REGION,
        "stack": STACK,
        "table": deployed.outputs["TableName"],
        "parties": {party.id: {"roles": [party.role], "key": key_file(HOME, party).name} for party in PARTIES},
    }
    fresh = PROFILE.with_suffix(".new")
    fresh.write_text(json.dumps(profile, ensure_ascii=False, indent=2) + "\n")
    fresh.replace(PROFILE)


def _work() -> None:
    commands = {"start": start, "stop": stop, "status": status}
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    if name not in commands:
        raise Problem("Say one of: " + ", ".join(commands))
    commands[name]()


if __name__ == "__main__":
    main(_work)
