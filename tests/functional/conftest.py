"""The functions as Lambda runs them, on moto: real environment variables, events of API Gateway, nothing replaced."""

from __future__ import annotations

import base64
import io
import json
import logging
import secrets
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Self

import pytest
from aws_lambda_powertools import Metrics
from botocore.config import Config
from botocore.loaders import JSONFileLoader

from duecare.adapters.lean_client import Wire
from duecare.runtime import settings, telemetry
from duecare.usecases.table import ACKNOWLEDGEMENT_KEYS, ENGINES, RECEIPT_KEYS
from duecare_core.evidence.statement import sign
from tests.functional.answers import Answer
from tests.support import events, tables
from tests.support.functions import AWS, Context, handler, service_type
from tests.support.servers import aws_environment, closed_connections, moto  # noqa: F401
from tests.support.world import (
    CASE_TEXT,
    ISSUER,
    consent_members,
    daytime_recipient,
    debt_members,
    mandate_members,
    route_members,
)
from tests.support.world import RECIPIENT as IN_SHANGHAI

PATIENCE = 60.0  # seconds
# The functions run by the real clock, and by night no text may go to Shanghai: the recipient of the events and of the
# builders is replaced by one in a country where it is daytime.
RECIPIENT = daytime_recipient(datetime.now(UTC))


class Stack:
    """One deployment with a table of its own."""

    def __init__(self, endpoint: str, environment: dict[str, str], said: io.StringIO) -> None:
        self.endpoint = endpoint
        self.environment = environment
        self.table = environment["DUECARE_TABLE"]
        self.bucket = environment["DUECARE_BUCKET"]
        self.queue = environment["DUECARE_QUEUE"]
        self.log_bucket = environment["DUECARE_LOG_BUCKET"]
        self.archive_bucket = environment["DUECARE_ARCHIVE_BUCKET"]
        self.said = said
        self.now = datetime.now(UTC)
        self._services: dict[str, Any] = {}

    def service(self, name: str) -> Any:
        """The Service of the function `<name>`, built when it is first used, as in a sandbox of Lambda's."""
        if name not in self._services:
            kind = service_type(name)
            self._services[name] = kind(settings.read(kind.settings_type, self.environment))
        return self._services[name]

    def restart(self, **changes: str) -> None:
        """Fresh sandboxes: nothing is kept of earlier invocations. These environment variables are changed first."""
        self.environment = self.environment | changes
        self._services = {}

    def invoke(self, name: str, event: dict[str, Any]) -> Any:
        """The return value of the function `<name>`."""
        return handler(name, self.service(name))(event, Context())

    def call(self, event: dict[str, Any]) -> Answer:
        """An HTTP API event to the function that serves its route."""
        _, path = event["routeKey"].split(" ")
        name = {"/v1/statements": "state", "/v1/decisions/{id}": "evidence", "/openapi.json": "evidence"}
        name |= {"/v1/whoami": "evidence", "/v1/statements/{id}": "evidence"}
        name |= {"/v1/uploads": "upload", "/v1/uploads/{id}": "upload", "/v1/reconciliation": "reconcile"}
        name |= {"/v1/statements/{id}": "evidence"}
        return Answer.of(self.invoke(name.get(path, "verify"), event), event)

    def send(self, name: str, body: Any = None, /, **changes: Any) -> Answer:
        """The event of `events/<name>.json`, with another body and other members."""
        event = events.load(name)
        if event.get("isBase64Encoded"):
            decoded = base64.b64decode(event["body"]).replace(IN_SHANGHAI.encode(), RECIPIENT.encode())
            event["body"] = base64.b64encode(decoded).decode()
        elif "body" in event:
            event["body"] = event["body"].replace(IN_SHANGHAI, RECIPIENT)
        event |= changes
        if body is not None:
            event |= {"body": body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)}
        return self.call(event)

    def as_party(self, party: str, /, **changes: Any) -> dict[str, Any]:
        """The requestContext of an event that the authorizer let pass for this party."""
        context = events.load("verify-honest")["requestContext"]
        return {**context, "authorizer": {"lambda": events.admitted(party, **changes)}}

    def verify(self, party: str = "xinxi", /, **members: Any) -> Answer:
        body = json.loads(events.load("verify-honest")["body"]) | {"recipient": RECIPIENT} | members
        return self.send("verify-honest", body, requestContext=self.as_party(party))

    def state(self, party: str, *tokens: str) -> Answer:
        return self.send("state-honest", {"statements": list(tokens)}, requestContext=self.as_party(party))

    def jws(self, party: str, kind: str, /, **members: Any) -> str:
        if members.get("recipient") == IN_SHANGHAI:
            members["recipient"] = RECIPIENT
        claims = {"iss": party, "aud": ISSUER, "iat": int(self.now.timestamp()), **members}
        return sign(kind, claims, events.key(party))

    def one(self, party: str, kind: str, /, **members: Any) -> dict[str, Any]:
        """The result of stating one thing."""
        answer = self.state(party, self.jws(party, kind, **members))
        assert answer.status == 200, answer
        (result,) = answer.body["results"]
        return dict(result)

    def operate(self, do: str, **members: Any) -> dict[str, Any]:
        return dict(self.invoke("admin", {"do": do, **members}))

    def register(self, *parties: str) -> None:
        for party in parties or ("mou-zichan", "keji", "xinxi", "yunyingshang", "shenji"):
            assert self.operate(**events.load(f"admin-add-{party}"))["status"] == 200

    def honest(self) -> Self:
        """Everything that an allow needs."""
        self.register()
        answer = self.state(
            "mou-zichan",
            self.jws("mou-zichan", "mandate", **mandate_members(self.now)),
            self.jws("mou-zichan", "consent", **consent_members(self.now)),
            self.jws("mou-zichan", "debt", **debt_members(self.now)),
        )
        assert [result["status"] for result in answer.body["results"]] == ["accepted"] * 3, answer
        self.engage()
        return self

    def engage(self) -> None:
        """The mandate of the creditor, and the routes of both senders to the gateway."""
        self.state("mou-zichan", self.jws("mou-zichan", "mandate", **mandate_members(self.now)))
        for sender in ("keji", "mou-zichan"):
            assert self.one(sender, "route", **route_members(self.now))["status"] == "accepted"

    def items(self) -> list[dict[str, Any]]:
        """The items of the table, except the public keys, which the first decision and the first statement store."""
        return [
            item for item in self.everything() if item["pk"]["S"] not in (RECEIPT_KEYS, ACKNOWLEDGEMENT_KEYS, ENGINES)
        ]

    def everything(self) -> list[dict[str, Any]]:
        return tables.items(self.endpoint, self.table)


@pytest.fixture(scope="session")
def secured(moto: str) -> dict[str, str]:  # noqa: F811
    """Secrets and the statement key, as the template makes them; shared, for no test changes them."""
    manager = tables.client("secretsmanager", moto)
    pepper = manager.create_secret(Name=f"pepper-{secrets.token_hex(4)}", SecretString=secrets.token_hex(32))
    receipt = {"seed": secrets.token_hex(32), "retired": []}
    receipt_key = manager.create_secret(Name=f"receipt-{secrets.token_hex(4)}", SecretString=json.dumps(receipt))
    acknowledgement = json.dumps({"seed": secrets.token_hex(32)})
    acknowledgement_key = manager.create_secret(Name=f"ack-{secrets.token_hex(4)}", SecretString=acknowledgement)
    inputs = manager.create_secret(Name=f"inputs-{secrets.token_hex(4)}", SecretString=secrets.token_hex(32))
    log = manager.create_secret(Name=f"log-{secrets.token_hex(4)}", SecretString=secrets.token_hex(32))
    return {
        "DUECARE_PEPPER_SECRET": pepper["ARN"],
        "DUECARE_INPUTS_SECRET": inputs["ARN"],
        "DUECARE_RECEIPT_KEY_SECRET": receipt_key["ARN"],
        "DUECARE_ACKNOWLEDGEMENT_KEY_SECRET": acknowledgement_key["ARN"],
        "DUECARE_LOG_SECRET": log["ARN"],
        "DUECARE_STATEMENT_KEY": tables.client("kms", moto).create_key()["KeyMetadata"]["Arn"],
    }


@pytest.fixture(scope="session")
def botocore_reads_its_models_once() -> Iterator[None]:
    """Every fresh sandbox makes clients anew, and botocore reads megabytes of JSON for each: here once a worker."""
    read = JSONFileLoader.load_file
    known: dict[str, Any] = {}

    def read_once(self: JSONFileLoader, path: str) -> Any:
        if path not in known:
            known[path] = read(self, path)
        return known[path]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", read_once)
        yield


@pytest.fixture
def time_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The functions give AWS a second or three, for a gateway waits. Here moto answers from a thread of the very same
    process, on a machine that may be busy: what comes late comes all the same, and no test here is about time. (A call
    that was given up and asked again would meet its own first write, and be another answer: `unchanged`.)"""
    make_wire, make_config = Wire.__init__, Config.__init__

    def patient_wire(self: Wire, **settings: Any) -> None:
        make_wire(self, **settings | {"timeout": PATIENCE, "deadline": 3 * PATIENCE})

    def patient_config(self: Config, *args: Any, **settings: Any) -> None:
        make_config(self, *args, **settings | {"connect_timeout": PATIENCE, "read_timeout": PATIENCE})

    monkeypatch.setattr(Wire, "__init__", patient_wire)
    monkeypatch.setattr(Config, "__init__", patient_config)


@pytest.fixture
def stack(  # noqa: PLR0917
    botocore_reads_its_models_once: None,
    time_limits: None,
    moto: str,  # noqa: F811
    secured: dict[str, str],
    aws_environment: None,  # noqa: F811
    closed_connections: None,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Iterator[Stack]:
    table = tables.create(moto, stream=True)
    environment = {
        **AWS,
        **secured,
        "DUECARE_BUCKET": tables.bucket(moto),
        "DUECARE_QUEUE": tables.queue(moto),
        "DUECARE_LOG_BUCKET": tables.bucket(moto),
        "DUECARE_ARCHIVE_BUCKET": tables.bucket(moto, locks=True),
        "DUECARE_STREAM": tables.stream_arn(moto, table),
        "AWS_ENDPOINT_URL": moto,
        "DUECARE_TABLE": table,
        "DUECARE_ISSUER": ISSUER,
        "DUECARE_PUBLIC_URL": "",
        "DUECARE_LOG_ORIGIN": "duecare.example/log",
        "DUECARE_TABLE_DAYS": "180",
    }
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)  # the KMS client takes it from the environment itself
    # Powertools reads its own settings when it is imported, which was before this test began.
    monkeypatch.setattr(telemetry, "metrics", Metrics(namespace="duecare", service="test"))
    said = io.StringIO()
    for log_handler in telemetry.logger.handlers:
        monkeypatch.setattr(log_handler, "stream", said)
    caplog.set_level(logging.INFO)
    yield Stack(moto, environment, said)
    spoken = said.getvalue() + caplog.text + "".join(capsys.readouterr())
    sys.stdout.write(spoken)  # so that a failure shows it
    assert not leaks(spoken)
    assert not leaks(json.dumps(tables.items(moto, table), default=bytes.hex, ensure_ascii=False))


def leaks(spoken: str) -> list[str]:
    """The parts of the recipient's number, name or text that are in the clear in a log, a response or the table."""
    return [
        secret for secret in (RECIPIENT, RECIPIENT[1:], RECIPIENT[3:], CASE_TEXT, "余敏", "27911元") if secret in spoken
    ]
