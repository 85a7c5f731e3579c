"""The parties of the case, registered as an operator would: with the `duecare` command and AWS credentials."""

from __future__ import annotations

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from duecare_client.keyfile import generate, proven, read_private, write_private
from tools.environments import executable
from tools.ministack import MiniStack
from tools.steps import ToolError


class LocalParty(NamedTuple):
    id: str
    role: str
    name: str
    sender_names: tuple[str, ...] = ()


CREDITOR = LocalParty("mou-zichan", "creditor", "某资产", ("某资产",))
COLLECTOR = LocalParty("keji", "collector", "科技公司")
GATEWAY = LocalParty("xinxi", "gateway", "信息公司")
CARRIER = LocalParty("yunyingshang", "carrier", "运营商")
AUDITOR = LocalParty("shenji", "auditor", "审计机构")
PARTIES = (CREDITOR, COLLECTOR, GATEWAY, CARRIER, AUDITOR)


def key_file(home: Path, party: LocalParty) -> Path:
    return home / f"{party.id}.jwk"


def register(stack: MiniStack, table: str) -> None:
    """Make sure that every party is registered with the key beside local.json. Raises ToolError.

    `table`: the table's id, for a table that was made anew has the same name and no parties.
    """
    note = stack.home / "registered.json"
    wanted = {"table": table, "keys": {party.id: _public_key(stack.home, party)["kid"] for party in PARTIES}}
    if note.is_file() and json.loads(note.read_text()) == wanted:
        return
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda party: _register(stack, party), PARTIES))
    note.write_text(json.dumps(wanted))


def _public_key(home: Path, party: LocalParty) -> dict[str, str]:
    private = key_file(home, party)
    if not private.exists():
        write_private(private, generate("EdDSA"))
    public = proven(read_private(private), datetime.now(UTC))
    private.with_suffix(".pub.jwk").write_text(json.dumps(public) + "\n")
    return public


def _register(stack: MiniStack, party: LocalParty) -> None:
    public = str(key_file(stack.home, party).with_suffix(".pub.jwk"))
    senders = [option for name in party.sender_names for option in ("--sender-name", name)]
    added = _admin(
        stack, "party", "add", party.id, "--role", party.role, "--name", party.name, *senders, "--key", public
    )
    if added.returncode == 1:
        # Registered already, by an earlier run: it only may not have this key yet.
        added = _admin(stack, "key", "add", party.id, "--key", public)
        if added.returncode == 1 and _admin(stack, "party", "show", party.id).returncode == 0:
            return
    if added.returncode:
        raise ToolError(f"The party {party.id} could not be registered: {added.stderr.strip() or added.stdout.strip()}")


def _admin(stack: MiniStack, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", **stack.environment()}
    command = [executable("dev", "duecare"), "admin", *arguments]
    # A session of its own: Ctrl-C waits for a registration that has begun.
    return subprocess.run(
        command, env=env, cwd=stack.home, capture_output=True, text=True, check=False, start_new_session=True
    )
