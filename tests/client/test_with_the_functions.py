"""The client and the functions at either end of one wire: what one signs, the other believes. Stored in memory."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from duecare.usecases.statements.accept import AcceptStatements
from duecare_client import BadReceipt, Client, Conflict, NotAllowed, NotFound, Unavailable
from duecare_client.cli.context import CliContext
from duecare_client.cli.main import app
from duecare_client.errors import Unacceptable
from duecare_client.keyfile import generate, proven
from duecare_client.operator import Operator
from tests.support.functions import Context, function, handler, service_type, unused
from tests.support.memory import MemoryArchive, MemorySealer, MemoryTable
from tests.support.packs import RULES
from tests.support.world import daytime_recipient

ISSUER = "urn:duecare:test"
NUMBER = daytime_recipient(datetime.now(UTC))
PARTIES = {
    "some-asset": ("creditor", "某资产"),
    "some-tech": ("collector", "科技公司"),
    "some-gateway": ("gateway", "信息公司"),
    "other-gateway": ("gateway", "Other"),
}
URL = "https://duecare.test"


def now() -> datetime:
    return datetime.now(UTC)


class Deployed:
    """API Gateway in front of the real handlers, and Lambda's invoke for `admin`."""

    def __init__(self, services: dict[str, Any]) -> None:
        self.handlers = {name: handler(name, service) for name, service in services.items()}
        self.network = httpx.MockTransport(self.handle)

    def handle(self, request: httpx.Request) -> httpx.Response:
        method, path = request.method, request.url.path
        event: dict[str, Any] = {
            "headers": dict(request.headers),
            "requestContext": {"domainName": request.url.host},
            "body": request.content.decode(),
            "routeKey": f"{method} {path}",
        }
        if path.startswith("/v1/decisions/"):
            event |= {"routeKey": "GET /v1/decisions/{id}", "pathParameters": {"id": path.rpartition("/")[2]}}
        name = next((name for name in self.handlers if event["routeKey"] in self.routes(name)), None)
        if name is None:
            return httpx.Response(404, json={"message": "Not Found"})
        if path.startswith("/v1/") and path != "/v1/status":
            admitted = self.handlers["authorize"](event, Context())
            if not admitted["isAuthorized"]:
                return httpx.Response(403, json={"message": "Forbidden"})
            event["requestContext"]["authorizer"] = {"lambda": admitted["context"]}
        answer = self.handlers[name](event, Context())
        return httpx.Response(answer["statusCode"], headers=answer["headers"], content=answer["body"])

    def routes(self, name: str) -> dict[str, Any]:
        return getattr(function(name), "ROUTES", {})

    # boto3's lambda and cloudformation, as far as the operator's commands use them
    def describe_stacks(self, **_: str) -> dict[str, Any]:
        return {"Stacks": [{"Outputs": [{"OutputKey": "AdminFunction", "OutputValue": "admin"}]}]}

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803  boto3's names
        assert FunctionName == "admin"
        answer = self.handlers["admin"](json.loads(Payload), Context())
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Deployed:
    for name, value in {"POWERTOOLS_METRICS_NAMESPACE": "duecare", "POWERTOOLS_SERVICE_NAME": "test"}.items():
        monkeypatch.setenv(name, value)
    from duecare.runtime import telemetry  # noqa: PLC0415  Powertools reads the environment when imported

    monkeypatch.setattr(telemetry, "count", lambda *_, **__: None)
    monkeypatch.setattr(telemetry.logger, "info", lambda *_, **__: None)
    monkeypatch.setattr(telemetry.logger, "error", lambda *_, **__: None)
    return Deployed(services())


def services() -> dict[str, Any]:
    """The Service of each function, over one table in memory."""
    table = MemoryTable()
    receipt_key = json.dumps({"seed": "72" * 32})
    secrets = {"pepper_secret": "70" * 32, "receipt_key_secret": receipt_key, "inputs_secret": "69" * 32}
    secrets["acknowledgement_key_secret"] = json.dumps({"seed": "61" * 32})
    built: dict[str, Any] = {}
    for name in ("admin", "authorize", "evidence", "state", "verify"):
        kind = service_type(name)
        service: Any = kind(unused(kind.settings_type, issuer=ISSUER))
        service.decision_store = service.documents = table
        service.archive, service.rules = MemoryArchive(), RULES
        service.read_secrets = lambda names: [secrets[one] for one in names]
        built[name] = service
    state = built["state"]
    state.accept_statements = AcceptStatements(
        documents=table,
        sealer=MemorySealer(),
        pseudonyms=state.pseudonyms("pepper_secret"),
        rules=RULES,
        issuer=ISSUER,
        clock=state.clock,
        acknowledgement_key=state.acknowledgement_key,
        backoff=lambda _: None,
    )
    return built


@pytest.fixture
def keys() -> dict[str, dict[str, str]]:
    return {party: generate("ES256" if party == "some-asset" else "EdDSA") for party in PARTIES}


@pytest.fixture
def client(deployed: Deployed, keys: dict[str, dict[str, str]]) -> Callable[[str], Client]:
    operator = Operator(lambda _service: deployed, "duecare")
    for party, (role, name) in PARTIES.items():
        asked = {"do": "party-add", "id": party, "roles": [role], "name": name, "sender_names": [name]}
        operator.operate({**asked, "key": proven(keys[party], now()), "shadow": False})
    return lambda party: Client(URL, party, keys[party], transport=deployed.network)


def before(**ago: float) -> str:
    return (now() - timedelta(**ago)).isoformat()


def state_engagement(creditor: Client, collector: Client) -> None:
    """The collector acts for the creditor, and has engaged the gateway."""
    at, later = before(days=1), (now() + timedelta(days=30)).isoformat()
    engaged = {"channels": ["sms"], "valid_from": at, "valid_until": later, "status": "active", "as_of": at}
    assert creditor.state("mandate", {"collector": "some-tech", **engaged})["status"] == "accepted"
    assert collector.state("route", {"gateway": "some-gateway", **engaged})["status"] == "accepted"


def state_facts(creditor: Client) -> None:
    at = before(days=1)
    facts: list[tuple[str, dict[str, Any]]] = [
        ("consent", {"recipient": NUMBER, "channels": ["sms"], "granted_at": at, "method": "contract",
                     "notice": "sha256:" + "0" * 64}),
        ("debt", {"recipient": NUMBER, "debt_ref": "A-1", "currency": "CNY", "outstanding": "27911", "as_of": at,
                  "status": "open"}),
    ]  # fmt: skip
    assert [result["status"] for result in creditor.state_many(facts)] == ["accepted"] * 2


def message(message_id: str = "m-1", **changes: Any) -> dict[str, Any]:
    text = "【某资产】您的欠款为27911元,退订回T"
    asked = {"message_id": message_id, "recipient": NUMBER, "creditor": "some-asset", "collector": "some-tech"}
    return {**asked, "channel": "sms", "text": text, **changes}


def test_a_message_is_denied_then_allowed_then_stopped_and_every_receipt_verifies(client: Any) -> None:
    gateway, creditor = client("some-gateway"), client("some-asset")

    unknown = gateway.verify(message("m-0"))
    assert {reason["code"] for reason in unknown["reasons"]} == {"MANDATE_MISSING", "ROUTE_MISSING"}

    state_engagement(creditor, client("some-tech"))
    denied = gateway.verify(message("m-1"))
    assert denied["decision"] == "deny"
    assert {"CONSENT_MISSING", "DEBT_MISSING"} <= {reason["code"] for reason in denied["reasons"]}

    state_facts(creditor)
    allowed = gateway.verify(message("m-2"))
    assert (allowed["decision"], allowed["reasons"]) == ("allow", [])

    stop = {"recipient": NUMBER, "creditor": "some-asset", "text": "T", "received_at": before(seconds=0)}
    assert gateway.state("reply", stop)["read_as"] == "opt_out"
    stopped = gateway.verify(message("m-3"))
    assert [reason["code"] for reason in stopped["reasons"]] == ["OPTED_OUT"]

    for answer in (denied, allowed, stopped):
        asked, decision = message(answer["message_id"]), answer["decision"]
        claims = gateway.verify_receipt(answer["receipt"], message=asked, decision=decision)
        assert claims["jti"] == answer["decision_id"]
    with pytest.raises(BadReceipt):
        gateway.verify_receipt(allowed["receipt"], message=message("m-2", text="another text"), decision="allow")
    permission = gateway.may_send(message("m-2"))
    assert (bool(permission), permission.why_not) == (False, "denied: OPTED_OUT")


def test_asking_again_is_a_replay_and_another_body_a_conflict(client: Any) -> None:
    gateway = client("some-gateway")
    first, again = gateway.verify(message()), gateway.verify(message())
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert again["receipt"] == first["receipt"]
    with pytest.raises(Conflict):
        gateway.verify(message(text="another text"))


def test_only_the_parties_of_a_decision_and_auditors_read_it(client: Any) -> None:
    answer = client("some-gateway").verify(message())
    for party in ("some-gateway", "some-asset"):
        assert client(party).decision(answer["decision_id"])["answer"]["receipt"] == answer["receipt"]
    with pytest.raises(NotFound):
        client("other-gateway").decision(answer["decision_id"])
    with pytest.raises(NotFound):
        client("some-gateway").decision("../v1/status")


def test_a_refused_request_names_the_member(client: Any) -> None:
    with pytest.raises(Unacceptable) as caught:
        client("some-gateway").verify(message(recipient="13812345678"))
    assert caught.value.errors[0].pointer == "/recipient"
    with pytest.raises(Unacceptable):
        client("some-gateway").verify(message(unknown="x"))


def test_a_key_that_is_not_the_partys_is_refused(client: Any, deployed: Deployed, keys: Any) -> None:
    with pytest.raises(NotAllowed):
        Client(URL, "some-gateway", keys["other-gateway"], transport=deployed.network).verify(message())
    with pytest.raises(NotAllowed):
        client("some-asset").verify(message())


def test_a_rejected_statement_is_a_result_with_its_problem(client: Any) -> None:
    result = client("some-asset").state("debt", {"recipient": NUMBER})
    assert result["status"] == "rejected"
    assert result["problem"]["status"] == 422
    assert client("some-gateway").state("consent", {})["status"] == "rejected"


def test_status_and_discovery_need_no_registered_key(client: Any, deployed: Deployed) -> None:
    stranger = Client(URL, "nobody", generate("EdDSA"), transport=deployed.network)
    assert stranger.status()["status"] == "ok"
    assert stranger.discovery()["issuer"] == ISSUER


def test_a_service_that_fails_inside_cannot_decide(
    client: Any, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = client("some-gateway")
    gateway.verify(message())
    monkeypatch.setattr(MemoryTable, "load", lambda *_: 1 / 0)
    with pytest.raises(Unavailable, match="do not send"):
        gateway.verify(message("m-2"))


def test_the_operator_suspends_revokes_and_halts_with_the_command(
    client: Any, deployed: Deployed, keys: Any, tmp_path: Path
) -> None:
    def admin(*args: str) -> Result:
        cli = CliContext(environment={}, directory=tmp_path, aws=lambda *_: lambda _service: deployed)
        return CliRunner().invoke(app, ["admin", *args], obj=cli)

    gateway, creditor = client("some-gateway"), client("some-asset")
    state_engagement(creditor, client("some-tech"))
    state_facts(creditor)

    def reasons(message_id: str) -> list[str]:
        return [reason["code"] for reason in gateway.verify(message(message_id))["reasons"]]

    assert reasons("m-1") == []
    assert admin("halt", "on", "--creditor", "some-asset").exit_code == 0
    assert reasons("m-2") == ["HALTED"]
    assert admin("halt", "off", "--creditor", "some-asset").exit_code == 0
    assert admin("halt", "on", "--json").stdout.strip().startswith("{")
    assert reasons("m-3") == ["HALTED"]
    assert admin("halt", "off").exit_code == 0
    assert admin("party", "suspend", "some-tech").exit_code == 0
    assert reasons("m-4") == ["COLLECTOR_SUSPENDED"]
    assert "suspended" in admin("party", "show", "some-tech").stdout
    assert admin("party", "resume", "some-tech").exit_code == 0
    assert reasons("m-5") == []
    (tmp_path / "new.jwk").write_text(json.dumps(proven(generate("ES256"), now())))
    assert admin("key", "add", "some-gateway", "--key", str(tmp_path / "new.jwk")).exit_code == 0
    assert admin("key", "revoke", "some-gateway", keys["some-gateway"]["kid"]).exit_code == 0
    with pytest.raises(NotAllowed):
        gateway.verify(message("m-6"))
    assert admin("party", "show", "nobody").exit_code == 1
    taken = ("some-tech", "--role", "collector", "--name", "X", "--key", str(tmp_path / "new.jwk"))
    assert "registered already" in admin("party", "add", *taken).stderr
