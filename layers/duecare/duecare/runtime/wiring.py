"""The composition root: use cases on their real adapters, built from the settings when first needed, then kept.

Imports stand inside the functions that need them where they are heavy: each Lambda function loads only what it uses.
"""

from __future__ import annotations

import os
import random
import time
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from duecare.adapters import secrets
from duecare.adapters.gate import DynamoDBGate
from duecare.adapters.wire import Wire
from duecare.errors import SecretsFailed
from duecare.evidence.receipt import ReceiptKey
from duecare.runtime import rulebook, telemetry
from duecare.runtime.settings import Settings, from_environment
from duecare.usecases.verify import Verify

if TYPE_CHECKING:
    from duecare.adapters.documents import DynamoDBDocuments
    from duecare.usecases.authorize import Authorize
    from duecare.usecases.look_up import LookUp
    from duecare.usecases.operate import Operate
    from duecare.usecases.state import State

# How long a rotated receipt key may still sign: the JWKS keeps the old one, so both verify. The JWKS itself is never
# older than the second figure, so that whoever meets a receipt of the new key finds that key.
SIGNING_SECONDS = 300.0
PUBLISHING_SECONDS = 5.0


@cache
def settings() -> Settings:
    return from_environment()


def clock() -> datetime:
    return datetime.now(UTC)


def rest(attempt: int) -> None:
    """Up to 4 ms before the first of several more tries, up to 100 ms before a late one."""
    time.sleep(random.uniform(0, min(0.1, 0.002 * 2**attempt)))  # noqa: S311  spreads tries, guards nothing


class Deciding(NamedTuple):
    """What the decision path holds between invocations."""

    verify: Verify
    gate: DynamoDBGate
    receipt_key: ReceiptKey
    since: float


_deciding: Deciding | None = None


def deciding(max_age: float = SIGNING_SECONDS) -> Deciding:
    """Raises SecretsFailed where there never was a key. A key that cannot be refreshed goes on signing.

    `max_age`: how many seconds ago the secrets may have been read.
    """
    global _deciding  # noqa: PLW0603  one value a process, as Lambda keeps it
    if _deciding is None:
        _deciding = _build(_gate())
    elif time.monotonic() - _deciding.since > max_age:
        try:
            _deciding = _build(_deciding.gate)
        except SecretsFailed as error:
            telemetry.failed(error)
            _deciding = _deciding._replace(since=time.monotonic())
    return _deciding


def _build(gate: DynamoDBGate) -> Deciding:
    here = settings()
    pepper, receipt = secrets.fetch(_secrets(), [here.pepper_secret, here.receipt_key_secret])
    receipt_key = secrets.receipt_key(receipt)
    verify = Verify(
        gate=gate,
        pseudonyms=secrets.pseudonyms(pepper),
        receipt_key=receipt_key,
        rules=rulebook.rules(),
        issuer=here.issuer,
        clock=clock,
        entropy=os.urandom,
        rest=rest,
    )
    return Deciding(verify, gate, receipt_key, time.monotonic())


def _gate() -> DynamoDBGate:
    return DynamoDBGate(_wire("dynamodb", "DynamoDB_20120810", "1.0"), settings().table)


@cache
def authorize() -> Authorize:
    from duecare.usecases.authorize import Authorize  # noqa: PLC0415

    return Authorize(_gate(), settings().issuer, clock)


@cache
def look_up() -> LookUp:
    from duecare.usecases.look_up import LookUp  # noqa: PLC0415

    return LookUp(_gate(), clock)


@cache
def state() -> State:
    from duecare.adapters.sealer import KmsSealer  # noqa: PLC0415
    from duecare.usecases.state import State  # noqa: PLC0415

    here = settings()
    (pepper,) = secrets.fetch(_secrets(), [here.pepper_secret])
    return State(
        documents=_documents(),
        sealer=KmsSealer(here.statement_key),
        pseudonyms=secrets.pseudonyms(pepper),
        rules=rulebook.rules(),
        issuer=here.issuer,
        clock=clock,
    )


@cache
def operate() -> Operate:
    from duecare.usecases.operate import Operate  # noqa: PLC0415

    return Operate(_documents(), clock)


def _documents() -> DynamoDBDocuments:
    from duecare.adapters.documents import DynamoDBDocuments  # noqa: PLC0415

    here = settings()
    return DynamoDBDocuments(here.table, here.region, here.override("dynamodb"))


@cache
def _secrets() -> Wire:
    return _wire("secretsmanager", "secretsmanager", "1.1")


def _wire(service: str, target: str, json_version: str) -> Wire:
    here = settings()
    return Wire(
        service=service,
        target=target,
        json_version=json_version,
        region=here.region,
        endpoint=here.endpoint(service),
        credentials=here.credentials,
    )
