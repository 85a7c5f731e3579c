"""The engines of the benchmarks: DynamoDB Local with a table of a thousand facts and one of a million, and Secrets
Manager in a separate process."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NamedTuple

import boto3

from benchmarks import ROOT
from benchmarks.recipients import Recipients, case_facts, wire
from duecare.adapters.dynamodb.documents import DynamoDBDocuments
from duecare.adapters.lean_client import Credentials
from duecare_core.evidence.pseudonyms import Pseudonyms
from tests.support.world import ISSUER, RECIPIENT, World
from tools.dynamodb_local import DynamoDBLocal
from tools.processes import HOST, Server, answers, free_port

REGION = "us-east-1"
# Names of equal length, because they are part of every request.
TABLE, LARGE = "duecare-1k", "duecare-1m"
FACTS, MANY_FACTS = 1_000, 1_000_000
PEPPER, SEED = "70" * 32, "72" * 32
MAX_START_SECONDS = 60.0


class Fixtures(NamedTuple):
    """`environment`: the variables of the verify function, as the template and Lambda set them. `recipients`: those of
    TABLE. `large`: those of LARGE, whose facts `large.load` writes."""

    environment: dict[str, str]
    recipients: Recipients
    large: Recipients


@contextmanager
def fixtures() -> Iterator[Fixtures]:
    """Start the engines, fill TABLE, and set the function's environment in this process."""
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
            "DUECARE_LOG_ORIGIN": "duecare.example/log",
            "POWERTOOLS_SERVICE_NAME": "verify",
            "POWERTOOLS_METRICS_NAMESPACE": "duecare",
            "POWERTOOLS_LOG_LEVEL": "INFO",
        }
        os.environ.update(environment)
        environment |= _secrets()
        os.environ.update(environment)
        for name in (TABLE, LARGE):
            _table(name)
            state_facts(dynamodb.endpoint, name)
        yield Fixtures(environment, *_both_recipients(dynamodb.endpoint))


def state_facts(endpoint: str, table: str) -> None:
    """The facts that an allow needs, and two more debts."""
    world = World(documents=DynamoDBDocuments(table, REGION, endpoint), pepper=bytes.fromhex(PEPPER))
    world.now = datetime.now(UTC)
    world.register()
    world.engage()
    world.consent()
    world.debt()
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


def _both_recipients(endpoint: str) -> tuple[Recipients, Recipients]:
    credentials = [os.environ[f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")]
    client = wire(endpoint, REGION, Credentials(*credentials))
    pseudonyms = Pseudonyms(bytes.fromhex(PEPPER))
    facts = case_facts(client, TABLE, pseudonyms)
    recipients = Recipients(client, TABLE, pseudonyms, facts, FACTS // len(facts))
    recipients.load(lambda _: None)
    return recipients, Recipients(client, LARGE, pseudonyms, facts, MANY_FACTS // len(facts))


def _secrets() -> dict[str, str]:
    client = boto3.client("secretsmanager")
    receipt_key = json.dumps({"seed": SEED, "retired": []})
    return {
        "DUECARE_PEPPER_SECRET": client.create_secret(Name="pepper", SecretString=PEPPER)["ARN"],
        "DUECARE_INPUTS_SECRET": client.create_secret(Name="inputs", SecretString=PEPPER)["ARN"],
        "DUECARE_RECEIPT_KEY_SECRET": client.create_secret(Name="receipt-key", SecretString=receipt_key)["ARN"],
    }


def _table(name: str) -> None:
    """Without the template's stream: DynamoDB Local scans a stream's records at every write, so each write takes longer
    than the one before. On AWS a stream adds no time to a write."""
    boto3.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
    )


@contextmanager
def _secrets_manager() -> Iterator[str]:
    """moto's server, in a separate process so that it takes no time from the process that is measured."""
    port = free_port()
    url = f"http://{HOST}:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(port)]
    log = ROOT / ".duecare" / "bench-secrets-manager.log"
    with Server("moto's server", command, log, ready=lambda: answers(url), within=MAX_START_SECONDS):
        yield url
