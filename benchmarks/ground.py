"""What is measured on: DynamoDB Local with a table of a thousand facts and one of a million, and Secrets Manager in a
process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NamedTuple

import boto3
from botocore.exceptions import BotoCoreError

from benchmarks.crowd import Crowd, facts_of_the_case, wire
from duecare.adapters.dynamodb.documents import DynamoDBDocuments
from duecare.adapters.lean_client import Credentials
from duecare_core.evidence.pseudonyms import Pseudonyms
from tests.support.world import ISSUER, RECIPIENT, World, daytime
from tools.dynamodb_local import DynamoDBLocal
from tools.processes import free_port
from tools.steps import Problem

REGION = "us-east-1"
# Names of one length, as they are part of what is sent.
TABLE, LARGE = "duecare-1k", "duecare-1m"
FACTS, MANY_FACTS = 1_000, 1_000_000
PEPPER, SEED = "70" * 32, "72" * 32
STARTS_WITHIN = 60.0


class Ground(NamedTuple):
    """`environment`: the variables of the verify function, as the template and Lambda set them. `crowd`: the recipients
    of TABLE; `large`: those of LARGE, which `large.load` puts there."""

    environment: dict[str, str]
    crowd: Crowd
    large: Crowd


@contextmanager
def ground() -> Iterator[Ground]:
    """Everything started, TABLE filled; this process has the function's environment. Stopped on the way out."""
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
            state_the_case(dynamodb.endpoint, name)
        yield Ground(environment, *_crowds(dynamodb.endpoint))


def state_the_case(endpoint: str, table: str) -> None:
    """What the case's recipient would have had to agree to and owe, and some more, as a real recipient has.

    The debt says where it is about noon now, so that a message may arrive at whatever hour this runs."""
    world = World(documents=DynamoDBDocuments(table, REGION, endpoint), pepper=bytes.fromhex(PEPPER))
    world.now = datetime.now(UTC)
    world.register()
    world.mandate()
    world.consent()
    world.debt(time_zone=daytime(world.now))
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


def _crowds(endpoint: str) -> tuple[Crowd, Crowd]:
    credentials = [os.environ[f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")]
    client = wire(endpoint, REGION, Credentials(*credentials))
    pseudonyms = Pseudonyms(bytes.fromhex(PEPPER))
    facts = facts_of_the_case(client, TABLE, pseudonyms)
    crowd = Crowd(client, TABLE, pseudonyms, facts, FACTS // len(facts))
    crowd.load(lambda _: None)
    return crowd, Crowd(client, LARGE, pseudonyms, facts, MANY_FACTS // len(facts))


def _secrets() -> dict[str, str]:
    client = boto3.client("secretsmanager")
    receipt_key = json.dumps({"seed": SEED, "retired": []})
    return {
        "DUECARE_PEPPER_SECRET": client.create_secret(Name="pepper", SecretString=PEPPER)["ARN"],
        "DUECARE_INPUTS_SECRET": client.create_secret(Name="inputs", SecretString=PEPPER)["ARN"],
        "DUECARE_RECEIPT_KEY_SECRET": client.create_secret(Name="receipt-key", SecretString=receipt_key)["ARN"],
    }


def _table(name: str) -> None:
    """Without the template's stream: DynamoDB Local goes through a stream's records at every write, so that each write
    takes longer than the one before. On AWS a stream takes no time of a write's."""
    boto3.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
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
