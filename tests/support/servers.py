"""The engines of the tests, one of each per test worker: moto in process, and DynamoDB Local."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from duecare.adapters.lean_client import Wire
from tests.support import tables
from tests.support.engines import need_engine
from tools.dynamodb_local import DynamoDBLocal, missing


@pytest.fixture(autouse=True)
def aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a Lambda function, without this machine's AWS settings."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", tables.ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", tables.SECRET_KEY)
    monkeypatch.setenv("AWS_REGION", tables.REGION)
    monkeypatch.setenv("AWS_DEFAULT_REGION", tables.REGION)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def closed_connections(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close the lean client's connections after the test; it would keep them for the life of the process."""
    made: list[Wire] = []
    make = Wire.__init__

    def make_and_remember(self: Wire, **settings: Any) -> None:
        made.append(self)
        make(self, **settings)

    monkeypatch.setattr(Wire, "__init__", make_and_remember)
    yield
    for wire in made:
        wire.close()


def one_at_a_time(app: Callable[..., Iterable[bytes]]) -> Callable[..., list[bytes]]:
    """moto undoes a failed transaction by restoring the whole table, which undoes writes of concurrent requests too."""
    lock = threading.Lock()

    def locked(*request: Any) -> list[bytes]:
        with lock:
            return list(app(*request))

    return locked


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """The address of moto, over HTTP so that the lean client reaches it too."""
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    assert server._server is not None
    server._server.app = one_at_a_time(server._server.app)
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def dynamodb_local() -> Iterator[str]:
    """The address of Amazon's DynamoDB Local. Skips the test if Java is missing; fails it in CI."""
    need_engine(missing())
    with DynamoDBLocal() as engine:
        yield engine.endpoint
