"""microburst, a proxy in front of an AWS endpoint that makes calls fail as AWS makes them fail.

with Microburst(dynamodb.endpoint) as faults:
    faults.rules([{"service": "dynamodb", "operation": "Query", "error": "ThrottlingException"}])
    ...  # calls go to faults.endpoint
    assert faults.fired()
"""

from __future__ import annotations

import json
import os
import urllib.request
from typing import Any

from tools.environments import executable
from tools.processes import HOST, Server, answers, free_port
from tools.steps import LOGS


class Microburst(Server):
    """`upstream`: the endpoint behind it. `endpoint`: where to send calls."""

    def __init__(self, upstream: str) -> None:
        """Raises ToolError if it is not installed."""
        port = free_port()
        self.endpoint = f"http://{HOST}:{port}"
        super().__init__(
            "microburst",
            [executable("microburst", "microburst"), "--upstream", upstream, "--port", str(port), "--host", HOST],
            LOGS / f"microburst-{port}.log",
            ready=lambda: answers(f"{self.endpoint}/_microburst/health"),
            within=30,
            env={"PATH": os.defpath, "LANG": "C.UTF-8"},
        )

    def rules(self, rules: list[dict[str, Any]]) -> None:
        """Break from now on what these rules say, and nothing else; what fired before is forgotten."""
        self._ask("POST", "rules", rules)
        self._ask("DELETE", "fired")

    def fired(self) -> Any:
        """What was broken since the rules were given, the oldest first."""
        return self._ask("GET", "fired")

    def _ask(self, method: str, what: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.endpoint}/_microburst/{what}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as reply:
            content = reply.read()
        return json.loads(content) if content else None
