"""microburst, a proxy in front of an AWS endpoint that makes calls fail as AWS makes them fail.

with Microburst(dynamodb.endpoint) as faults:
    faults.rules([{"service": "dynamodb", "operation": "Query", "error": "ThrottlingException"}])
    ...  # calls go to faults.endpoint
    assert faults.fired()
"""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from types import TracebackType
from typing import Any

from tools.environments import executable
from tools.ministack import HOST, free_port
from tools.steps import LOGS, Problem, tail

_STARTS_WITHIN = 30


class Microburst:
    """`upstream`: the endpoint behind it. `endpoint`: where to send calls, once started."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self.endpoint = ""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Raises Problem where it is not installed or does not come up."""
        port = free_port()
        log = LOGS / f"microburst-{port}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        command = [executable("microburst", "microburst"), "--upstream", self._upstream]
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [*command, "--port", str(port), "--host", HOST],
                env={"PATH": os.defpath, "LANG": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self.endpoint = f"http://{HOST}:{port}"
        until = time.monotonic() + _STARTS_WITHIN
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise Problem(f"microburst did not start:\n\n{tail(log)}", log)
            time.sleep(0.1)

    def rules(self, rules: list[dict[str, Any]]) -> None:
        """Break from now on what these rules say, and nothing else; what fired before is forgotten."""
        self._ask("POST", "rules", rules)
        self._ask("DELETE", "fired")

    def fired(self) -> Any:
        """What was broken since the rules were given, the oldest first."""
        return self._ask("GET", "fired")

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def __enter__(self) -> Microburst:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

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

    def _answers(self) -> bool:
        try:
            self._ask("GET", "health")
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True
