"""The functions on DynamoDB Local, with a proxy in between that injects AWS's failures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.functional.conftest import Stack, botocore_reads_its_models_once, secured, stack  # noqa: F401
from tests.support import tables
from tests.support.servers import aws_environment, closed_connections, dynamodb_local, moto  # noqa: F401
from tools.microburst import Microburst


@pytest.fixture(scope="session")
def proxy(dynamodb_local: str) -> Iterator[Microburst]:  # noqa: F811
    with Microburst(dynamodb_local) as running:
        # The proxy reads AWS's models at the first call, which takes seconds.
        tables.items(running.endpoint, tables.create(running.endpoint))
        yield running


class Faulty(Stack):
    """A deployment whose DynamoDB calls can fail. The calls of the test itself never fail."""

    proxy: Microburst

    def broken(self, *rules: dict[str, Any]) -> None:
        """Break DynamoDB like this from now on; without rules, mend it."""
        self.proxy.rules([{"service": "dynamodb", **rule} for rule in rules])

    def records(self) -> list[dict[str, Any]]:
        """The stored decisions."""
        return [item for item in self.items() if item["sk"]["S"] == "X"]


@pytest.fixture
def time_limits() -> None:
    """The functions' own: what comes too late is one of the faults."""


@pytest.fixture
def faulty(
    stack: Stack,  # noqa: F811
    proxy: Microburst,
    dynamodb_local: str,  # noqa: F811
) -> Iterator[Faulty]:
    table = tables.create(dynamodb_local)
    environment = stack.environment | {"DUECARE_TABLE": table, "AWS_ENDPOINT_URL_DYNAMODB": proxy.endpoint}
    faulty = Faulty(dynamodb_local, environment, stack.said)
    faulty.proxy = proxy
    proxy.rules([])
    faulty.honest()
    faulty.send("verify-status")  # stores the receipt key, so that the next failure hits a decision
    yield faulty
    proxy.rules([])
