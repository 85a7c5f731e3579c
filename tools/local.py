"""`make run`: the whole of duecare on one machine, with the parties of the case, and the case shown."""

from __future__ import annotations

import base64
import json
import os
from typing import Any

from tools.demo import UnexpectedAnswer, demonstrate
from tools.deploy import STACK, Deployed, client, deploy, table_id
from tools.ministack import LOST_STATE, REGION, MiniStack
from tools.parties import PARTIES, key_file, register
from tools.steps import HOME, ToolError, main, step
from tools.stop import PROFILE

DEFAULT_PORT = 4566


def start() -> None:
    """Start, deploy, register the parties, and show the case. Quick where nothing has changed since the last time."""
    stack = MiniStack(HOME, _port())
    running = stack.noted_port()
    if running not in (None, stack.port):
        # Nothing is stopped before the new port is known to be free.
        stack.need_port()
        stack.stop()
    try:
        _start(stack)
    except KeyboardInterrupt:
        _interrupted(stack, was_running=running == stack.port)
        raise


def _start(stack: MiniStack) -> None:
    print(f"Starting duecare on port {stack.port} (the logs are in .duecare/logs):")
    with step("start the local AWS"):
        stack.start()
    if stack.lost_state():
        print(f"  note: {LOST_STATE}")
    deployed = deploy(stack)
    _write_profile(stack, deployed)
    require_whole_log(client(stack, "dynamodb"), client(stack, "s3"), deployed.outputs)
    with step("register the parties of the case"):
        register(stack, table_id(stack, deployed.outputs["TableName"]))
    try:
        log_key = demonstrate(deployed.url, deployed.outputs["Issuer"], HOME)
    except ToolError as problem:
        raise _explained(problem, stack) from problem
    stack.forget_loss()
    _write_profile(stack, deployed, log_key)


def require_whole_log(dynamodb: Any, s3: Any, outputs: dict[str, str]) -> None:
    """Raises ToolError if the table is older than the published log: the sequencer would sign nothing, and no decision
    would get a case file. That is the table of a local AWS that was killed."""
    key = {"pk": {"S": "L"}, "sk": {"S": "HEAD"}}
    item = dynamodb.get_item(TableName=outputs["TableName"], Key=key, ConsistentRead=True).get("Item")
    head = json.loads(item["body"]["S"]) if item else {"size": 0, "root": ""}
    try:
        note = s3.get_object(Bucket=outputs["LogBucket"], Key="checkpoint")["Body"].read().decode()
    except s3.exceptions.NoSuchKey:
        return
    _, published, root = note.split("\n")[:3]
    size = int(published)
    if size < head["size"] or (size, base64.b64decode(root).hex()) == (head["size"], head["root"]) or size == 0:
        return
    raise ToolError(
        f"The table of the local AWS is older than its published log: {head['size']} entries of {size}. It did not\n"
        "end with `make stop` once. The log would get a second history, so the sequencer signs nothing until one of\n"
        "these is done:\n"
        "  To start anew without what it holds: make clean, then make run\n"
        "  To go on with what is left (docs/restore.md says what is lost):\n"
        f"  .venv/bin/duecare --profile local admin resume-log --size {size}, then make run"
    )


def _explained(problem: ToolError, stack: MiniStack) -> ToolError:
    """The likeliest cause, and how to go on."""
    if stack.lost_state():
        cause = f"A likely cause: {LOST_STATE}"
    elif isinstance(problem, UnexpectedAnswer):
        cause = (
            "A likely cause: a party was suspended, or the service was halted.\n"
            "  To undo that: duecare --profile local admin --help\n"
            "  To start anew without what it holds: make clean, then make run"
        )
    else:
        return problem
    return ToolError(f"{problem}\n\n{cause}", problem.log)


def _interrupted(stack: MiniStack, *, was_running: bool) -> None:
    """Ctrl-C: end what this command started, so that `make status` and the machine agree."""
    if was_running:
        print(f"\nInterrupted. duecare runs on port {stack.port} as before.")
    else:
        print("\nInterrupted, stopping the local AWS ...", flush=True)
        stack.stop()
        print("Stopped; `make run` goes on from here.")


def _port() -> int:
    """DUECARE_PORT, else the port of the last time."""
    given = os.environ.get("DUECARE_PORT") or str(MiniStack(HOME, 0).last_port() or DEFAULT_PORT)
    if not (given.isascii() and given.isdigit() and 1024 <= int(given) <= 65535):
        raise ToolError(f"DUECARE_PORT={given} is not a port: give a number from 1024 to 65535")
    return int(given)


def _write_profile(stack: MiniStack, deployed: Deployed, log_key: str | None = None) -> None:
    """What the `duecare` command reads as `--profile local`. `log_key` is there when something has been logged."""
    last = _last_profile()
    parties = {party.id: {"roles": [party.role], "key": key_file(HOME, party).name} for party in PARTIES}
    profile: dict[str, Any] = {
        "url": deployed.url,
        "issuer": deployed.outputs["Issuer"],
        "aws_endpoint_url": stack.endpoint,
        "region": REGION,
        "stack": STACK,
        "table": deployed.outputs["TableName"],
        "archive": deployed.outputs["ArchiveBucket"],
        # The key of the last run stays the trusted one, and parties that the user added (`--profile-key`) stay too.
        "log_key": log_key or last.get("log_key"),
        "parties": last.get("parties", {}) | parties,
    }
    # Whole or not at all: somebody may be reading the old one.
    fresh = PROFILE.with_suffix(".new")
    fresh.write_text(json.dumps(profile, ensure_ascii=False, indent=2) + "\n")
    fresh.replace(PROFILE)


def _last_profile() -> dict[str, Any]:
    """The profile that the last run wrote; empty if there is none."""
    try:
        last = json.loads(PROFILE.read_text(encoding="utf-8"))
        return last if isinstance(last, dict) and isinstance(last.get("parties", {}), dict) else {}
    except (OSError, ValueError):
        return {}


if __name__ == "__main__":
    main(start)
