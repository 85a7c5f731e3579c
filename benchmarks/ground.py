"""What is measured on: DynamoDB Local, Secrets Manager in a process of its own, the case's facts, and API events."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

import boto3
from botocore.exceptions import BotoCoreError

from duecare.adapters.documents import DynamoDBDocuments
from duecare.evidence.keys import thumbprint
from tests.world import CASE_TEXT, ISSUER, KEYS, RECIPIENT, World
from tools.dynamodb_local import DynamoDBLocal
from tools.ministack import free_port
from tools.steps import Problem

REGION = "us-east-1"
TABLE = "duecare"
PEPPER, SEED = "70" * 32, "72" * 32
STARTS_WITHIN = 60.0


class Ground(NamedTuple):
    """`environment`: the variables of the verify function, as the template and Lambda set them."""

    environment: dict[str, str]


@contextmanager
def ground() -> Iterator[Ground]:
    """Everything started, the table filled; this process has the function's environment. Stopped on the way out."""
    with DynamoDBLocal() as dynamodb, _secrets_manager() as secrets_url:
        environment = {
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "AWS_SESSION_TOKEN": "a" * 400,  # about as long as Lambda's; both sides sign it
            "AWS_ENDPOINT_URL_DYNAMODB": dynamodb.endpoint,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets_url,
            "DUECARE_TABLE": TABLE,
            "DUECARE_ISSUER": ISSUER,
            "DUECARE_STAGE": "bench",
            "POWERTOOLS_SERVICE_NAME": "verify",
            "POWERTOOLS_METRICS_NAMESPACE": "duecare",
            "POWERTOOLS_LOG_LEVEL": "INFO",
        }
        os.environ.update(environment)
        environment |= _secrets()
        os.environ.update(environment)
        _table()
        state_the_case(dynamodb.endpoint)
        yield Ground(environment)


def state_the_case(endpoint: str) -> None:
    """What the case's recipient would have had to agree to and owe, and some more, as a real recipient has."""
    world = World(documents=DynamoDBDocuments(TABLE, REGION, endpoint), pepper=bytes.fromhex(PEPPER))
    world.now = datetime.now(UTC)
    world.honest()
    world.debt(debt_ref="A-2", outstanding="1200.50")
    world.accepted(
        "other-bank",
        "debt",
        recipient=RECIPIENT,
        debt_ref="B-77",
        currency="CNY",
        outstanding="300",
        as_of=world.now.isoformat(),
        status="open",
    )


_sent = 0


def event(**changes: Any) -> dict[str, Any]:
    """What API Gateway's HTTP API (payload 2.0) hands to Lambda for one message; every call has a new message_id."""
    global _sent  # noqa: PLW0603
    _sent += 1
    body = {
        "message_id": f"20261124-{os.getpid():07d}-{_sent:09d}",
        "recipient": RECIPIENT,
        "creditor": "mou-zichan",
        "collector": "keji",
        "debt_ref": "A-1",
        "channel": "sms",
        "text": CASE_TEXT,
    } | changes
    text = json.dumps(body, ensure_ascii=False)
    return {
        "version": "2.0",
        "routeKey": "POST /v1/verify",
        "rawPath": "/v1/verify",
        "rawQueryString": "",
        "headers": {
            "accept": "application/json",
            "accept-language": "zh-CN",
            "authorization": "Bearer " + "x" * 300,
            "content-length": str(len(text.encode())),
            "content-type": "application/json",
            "host": "abcdefghij.execute-api.us-east-1.amazonaws.com",
            "user-agent": "python-httpx/0.28",
            "x-amzn-trace-id": "Root=1-00000000-000000000000000000000000",
            "x-forwarded-for": "192.0.2.1",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "abcdefghij",
            "authorizer": {
                "lambda": {"party": "xinxi", "kid": thumbprint(KEYS["xinxi"]), "exp": str(int(time.time()) + 1800)}
            },
            "domainName": "abcdefghij.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "abcdefghij",
            "http": {
                "method": "POST",
                "path": "/v1/verify",
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "python-httpx/0.28",
            },
            "requestId": "bench=",
            "routeKey": "POST /v1/verify",
            "stage": "$default",
            "time": "24/Nov/2026:09:00:00 +0000",
            "timeEpoch": 1795510800000,
        },
        "body": text,
        "isBase64Encoded": False,
    }


def denied_event() -> dict[str, Any]:
    """The case as it was: nothing is known of the recipient, who agreed to nothing and owes nothing."""
    return event(recipient="+8613800000000", debt_ref=None)


def _secrets() -> dict[str, str]:
    client = boto3.client("secretsmanager")
    receipt_key = json.dumps({"seed": SEED, "retired": []})
    return {
        "DUECARE_PEPPER_SECRET": client.create_secret(Name="pepper", SecretString=PEPPER)["ARN"],
        "DUECARE_RECEIPT_KEY_SECRET": client.create_secret(Name="receipt-key", SecretString=receipt_key)["ARN"],
    }


def _table() -> None:
    boto3.client("dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )


@contextmanager
def _secrets_manager() -> Iterator[str]:
    """moto's server, in a process of its own so that it takes nothing from what is measured."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            _until_it_answers(server, url)
            yield url
        finally:
            server.terminate()


def _until_it_answers(server: subprocess.Popen[bytes], url: str) -> None:
    client = boto3.client(
        "secretsmanager", endpoint_url=url, region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x"
    )
    give_up = time.monotonic() + STARTS_WITHIN
    while True:
        try:
            client.list_secrets()
            return
        except BotoCoreError:
            if server.poll() is not None or time.monotonic() > give_up:
                raise Problem("moto's server does not start; is requirements/dev.txt installed?") from None
            time.sleep(0.2)
