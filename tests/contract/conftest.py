"""Every adapter of the ports, with a new table for each test."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from tests.support import tables
from tests.support.memory import MemoryTable
from tests.support.servers import aws_environment, closed_connections, dynamodb_local, moto  # noqa: F401


class Ports(NamedTuple):
    """One implementation of each port, over the same table."""

    name: str
    decisions: Any
    documents: Any
    bulk: Any


@pytest.fixture(params=["memory", "moto", "dynamodb-local"])
def ports(request: pytest.FixtureRequest) -> Ports:
    if request.param == "memory":
        table = MemoryTable()
        return Ports("memory", table, table, table)
    endpoint = request.getfixturevalue(request.param.replace("-", "_"))
    name = tables.create(endpoint)
    # Time-outs are not tested here.
    decisions = tables.decision_store(endpoint, name, timeout=20.0, deadline=60.0)
    bulk = tables.bulk(endpoint, name, timeout=20.0, deadline=60.0)
    return Ports(request.param, decisions, tables.documents(endpoint, name), bulk)


@pytest.fixture(params=["decisions", "documents", "bulk"])
def reader(request: pytest.FixtureRequest, ports: Ports) -> Any:
    """Whatever reads by key."""
    return getattr(ports, request.param)
