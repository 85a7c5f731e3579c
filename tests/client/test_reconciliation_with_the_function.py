"""The client and the function at either end of one wire: what the one signs, the other believes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from duecare.runtime.http import context_of
from duecare.runtime.services.reconcile import ReconcileService
from duecare.runtime.settings import ReconcileSettings
from duecare.usecases.audit.reconcile import Reconcile
from duecare_client import BadReceipt, Client, NotAllowed
from duecare_client.errors import Unacceptable
from duecare_core.evidence.record import text_digest
from tests.support.functions import Context, handler, unused
from tests.support.logs import LoggedWorld
from tests.support.world import CASE_TEXT, ISSUER, KEYS, NOW, stamp

HOUR = timedelta(hours=1)


class Deployed:
    """The function behind an API that lets everybody pass, over a log in memory."""

    def __init__(self, world: LoggedWorld) -> None:
        self.world = world
        service: Any = ReconcileService(unused(ReconcileSettings), clock=world.clock)
        service.reconcile = Reconcile(
            reader=world.table,
            ranges=world.table,
            receipt_key=lambda: world.receipt_key,
            issuer=ISSUER,
            clock=world.clock,
        )
        self.handler = handler("reconcile", service)

    def client(self, party: str) -> Client:
        network = httpx.MockTransport(lambda request: self.handle(party, request))
        clock = self.world.clock
        return Client(
            "https://duecare.test",
            party,
            KEYS[party],
            issuer=ISSUER,
            transport=network,
            clock=lambda: clock().timestamp(),
        )

    def handle(self, party: str, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/.well-known/jwks.json":
            return httpx.Response(200, json=self.world.receipt_key.jwks())
        if request.url.path == "/.well-known/duecare":
            return httpx.Response(200, json={"issuer": ISSUER})
        admitted = context_of(self.world.caller(party))
        event: dict[str, Any] = {
            "routeKey": f"{request.method} {request.url.path}",
            "queryStringParameters": dict(request.url.params),
            "requestContext": {"authorizer": {"lambda": admitted}},
        }
        answer = self.handler(event, Context())
        return httpx.Response(answer["statusCode"], headers=answer["headers"], content=answer["body"])


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Deployed:
    for name, value in {"POWERTOOLS_METRICS_NAMESPACE": "duecare", "POWERTOOLS_SERVICE_NAME": "test"}.items():
        monkeypatch.setenv(name, value)
    from duecare.runtime import telemetry  # noqa: PLC0415  Powertools reads the environment when imported

    world = LoggedWorld()
    world.honest()
    monkeypatch.setattr(telemetry, "count", lambda *_, **__: None)
    monkeypatch.setattr(telemetry.logger, "error", lambda *_, **__: None)
    return Deployed(world)


def settle(world: LoggedWorld) -> None:
    world.now += HOUR
    world.debt(debt_ref="later", as_of=stamp(world.now))
    world.sequenced()


def test_deliveries_are_reconciled_and_the_signature_verifies(deployed: Deployed) -> None:
    world = deployed.world
    world.verify()
    sent = {"message_id": "m-1", "at": stamp(world.now), "status": "delivered", "text_sha256": text_digest(CASE_TEXT)}
    world.accepted("xinxi", "delivery", **sent)
    world.accepted("xinxi", "delivery", **sent | {"message_id": '消息 \U0001f4a9 \\u0000 "x"'})
    settle(world)
    answer = deployed.client("xinxi").reconciliation(NOW - HOUR, NOW + HOUR / 2)
    assert (answer["counts"]["matched"], answer["counts"]["delivered_without_decision"]) == (1, 1)
    assert answer["delivered_without_decision"][0]["message_id"] == '消息 \U0001f4a9 \\u0000 "x"'
    again = deployed.client("shenji").reconciliation(NOW - HOUR, NOW + HOUR / 2, "xinxi")
    assert again == answer


def test_each_refusal_raises_the_exception_of_its_kind(deployed: Deployed) -> None:
    with pytest.raises(NotAllowed):
        deployed.client("mou-zichan").reconciliation(NOW - HOUR, NOW)
    with pytest.raises(Unacceptable) as refused:
        deployed.client("xinxi").reconciliation(NOW, NOW - HOUR)
    assert refused.value.errors[0].code == "out-of-order"


def test_the_keys_of_another_service_are_refused(deployed: Deployed) -> None:
    settle(deployed.world)
    client = deployed.client("xinxi")
    client._issuer = "urn:duecare:other"
    with pytest.raises(BadReceipt, match="another service"):
        client.reconciliation(NOW - HOUR, NOW)
