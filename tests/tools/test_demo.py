"""The story that `make run` tells comes out the same at every hour of the day."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import convert
from rich.console import Console

from duecare.runtime.responses import answer
from duecare.usecases.verify.pending import Message
from tests.support.world import ISSUER, NOW, World
from tools.demo import Demonstration
from tools.parties import COLLECTOR, CREDITOR, GATEWAY


class Direct:
    """A client of one party, straight to the use cases of a world whose clock stands at the hour."""

    def __init__(self, world: World, party: str) -> None:
        self._world, self._party = world, party

    def state(self, kind: str, members: dict[str, Any]) -> dict[str, Any]:
        result = self._world.state(self._party, kind, **members)
        return {"status": result.status} | ({"read_as": result.read_as} if result.read_as else {})

    def verify(self, message: dict[str, Any]) -> dict[str, Any]:
        decided = self._world.verify_use_case(self._world.caller(self._party), convert(message, Message))
        return msgspec.to_builtins(answer(decided, issuer=ISSUER, public_url="https://duecare.example", language="en"))

    def check_answer(self, *_: Any) -> None:
        """The clock of the world is not the clock that receipts are checked by; other tests check them."""


@pytest.mark.parametrize("hour", range(24))
def test_the_story_is_the_same_at_every_hour(hour: int, tmp_path: Path) -> None:
    world = World().register()
    world.now = NOW.replace(hour=hour) + timedelta(minutes=17)
    out = io.StringIO()
    clients = {party: Direct(world, party.id) for party in (CREDITOR, COLLECTOR, GATEWAY)}
    Demonstration(clients, tmp_path, world.now, Console(file=out, soft_wrap=True)).tell()
    verdicts = re.findall(r"→ (ALLOW|DENY)", out.getvalue())
    by_day = 8 <= (hour + 8) % 24 < 22  # in Shanghai
    assert verdicts == ["DENY", "ALLOW", "ALLOW" if by_day else "DENY", "DENY", "DENY", "DENY"]
    retries = re.findall(r"retry_at +(\S+)", out.getvalue())
    assert len(retries) == (1 if by_day else 2)
    assert all("T08:00:00+08:00" in retry for retry in retries)
    assert "threat.arrest.zh: “拘留”" in out.getvalue()
