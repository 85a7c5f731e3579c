"""README's sample for gateways, run over HTTP against each kind of answer: it sends on a permission and on nothing else."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[2]
(SAMPLE,) = re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
PATHS = [str(ROOT / "layers" / "core"), str(ROOT / "client")]
REASON = {"code": "DEBT_MISSING", "message": "No debt."}


@pytest.fixture
def url(service: Any) -> Iterator[str]:
    """The service on a port of this machine, by this machine's clock."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802  the name that http.server wants
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            answer = service._handle(httpx.Request(self.command, f"http://duecare.test{self.path}", content=body))
            self.send_response(answer.status_code)
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Nothing on stderr."""

    service.now = time.time()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def run(service: Any, tmp_path: Path) -> Any:
    key = tmp_path / "gateway.jwk"
    key.write_text(json.dumps(service.party.jwk))

    def sample(url: str) -> str:
        environment = {"DUECARE_URL": url, "DUECARE_PARTY": "some-gateway", "DUECARE_KEY": str(key), "LANG": "C.UTF-8"}
        environment["PYTHONPATH"] = ":".join(PATHS)
        command = [sys.executable, "-c", SAMPLE]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
        return ran.stdout.strip()

    return sample


def test_an_allow_is_sent(run: Any, url: str) -> None:
    assert run(url) == "send"


def test_a_denial_is_not_sent(run: Any, url: str, service: Any) -> None:
    service.decision, service.reasons = "deny", [REASON]
    assert run(url) == "do not send: denied: DEBT_MISSING"


def test_a_rehearsal_is_not_sent(run: Any, url: str, service: Any) -> None:
    service.provisional = True
    assert run(url).startswith("do not send: a rehearsal")


def test_an_answer_in_shadow_mode_is_not_sent(run: Any, url: str, service: Any) -> None:
    service.enforced = False
    assert run(url).startswith("do not send: shadow mode")


def test_a_denial_flipped_to_an_allow_is_not_sent(run: Any, url: str, service: Any) -> None:
    def flip(request: httpx.Request) -> httpx.Response:
        service.decision, service.reasons = "deny", [REASON]
        denied = service.answer(json.loads(request.content))
        return httpx.Response(200, json={**denied, "decision": "allow", "reasons": []})

    service.instead("/v1/verify", flip)
    assert run(url).startswith("do not send: the receipt does not match: its decision")


def test_nothing_is_sent_while_the_service_cannot_decide(run: Any, url: str, service: Any) -> None:
    service.instead("/v1/verify", lambda _: httpx.Response(503, json={"detail": "the table does not answer"}))
    assert run(url).startswith("hold, and ask again: the service answered 503")


def test_nothing_is_sent_while_the_service_is_dead(run: Any) -> None:
    assert run("http://127.0.0.1:9").startswith("hold, and ask again: no answer from 127.0.0.1:9")


def test_a_refused_request_is_not_sent(run: Any, url: str, service: Any) -> None:
    problem = {"type": "urn:duecare:problem:unacceptable", "detail": "recipient: expected E.164"}
    service.instead("/v1/verify", lambda _: httpx.Response(422, json=problem))
    assert run(url) == "do not send: recipient: expected E.164"
