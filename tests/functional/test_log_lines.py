"""Each function's failures in its log: they can be joined to the access log, and hold no personal data."""

from __future__ import annotations

import json
import time
from contextlib import nullcontext
from typing import Any, NamedTuple

import pytest

from duecare.runtime import telemetry
from duecare_core.errors import DuecareError
from tests.functional.conftest import Stack, leaks
from tests.support import events
from tests.support.functions import NAMES, REQUEST_ID
from tests.support.world import ISSUER


class Context(NamedTuple):
    aws_request_id: str


NOWHERE = {
    "DUECARE_TABLE": "no-such-table",
    "DUECARE_BUCKET": "no-such-bucket",
    "DUECARE_LOG_BUCKET": "no-such-bucket",
    "DUECARE_STREAM": "arn:aws:dynamodb:us-east-1:123456789012:table/none/stream/none",
}
EVENTS = {
    "admin": "admin-show",
    "evidence": "evidence-decision",
    "import_part": "import_part-part",
    "ingest": "ingest-object-created",
    "reconcile": "reconcile-day",
    "sequence": "sequence-clock",
    "state": "state-honest",
    "upload": "upload-announce",
    "verify": "verify-honest",
    "void": "void-start",
}
RAISING = {"admin", "authorize", "ingest", "sequence", "void"}


def failing_event(name: str) -> dict[str, Any]:
    if name != "authorize":
        return events.load(EVENTS[name])
    now = int(time.time())
    claims = {"iss": "xinxi", "aud": ISSUER, "iat": now, "exp": now + 3600}
    return events.load("authorize-expired") | {"headers": {"authorization": f"Bearer {events.token('xinxi', claims)}"}}


@pytest.mark.parametrize("name", NAMES)
def test_a_failure_carries_the_request_ids_and_no_personal_data(stack: Stack, name: str) -> None:
    stack.restart(**NOWHERE)
    event = failing_event(name)
    # A function that no HTTP request invokes raises, so that its caller retries.
    with pytest.raises(DuecareError) if name in RAISING else nullcontext():
        stack.invoke(name, event)
    lines = [json.loads(line) for line in stack.said.getvalue().splitlines()]
    failures = [line for line in lines if line["message"] == "failed"]
    assert failures
    for line in failures:
        assert line["function_request_id"] == REQUEST_ID
        expected = event.get("requestContext", {}).get("requestId", REQUEST_ID)
        assert line["correlation_id"] == expected
    assert not leaks(stack.said.getvalue())


def test_a_metric_carries_the_id_of_the_access_log(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    stack.honest()
    capsys.readouterr()
    stack.verify()
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]
    assert line["correlation_id"] == events.load("verify-honest")["requestContext"]["requestId"]


def test_a_denial_for_want_of_something_is_counted_for_its_gateway(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.register("mou-zichan", "keji", "xinxi")
    stack.verify()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]
    (line,) = [line for line in lines if "DeniedForWant" in line]
    (metric,) = line["_aws"]["CloudWatchMetrics"]
    assert (line["gateway"], line["denied_for_want_of"], line["service"]) == ("xinxi", ["route"], "test")
    assert metric["Dimensions"] == [["service", "gateway"]]
    assert not leaks(json.dumps(line))


def test_the_id_of_an_earlier_invocation_is_not_kept(stack: Stack) -> None:
    stack.restart(**NOWHERE)
    stack.invoke("state", events.load("state-honest"))
    stack.invoke("import_part", events.load("import_part-part"))
    first, *_, last = [json.loads(line) for line in stack.said.getvalue().splitlines()]
    assert (first["correlation_id"], last["correlation_id"]) == ("request-1", REQUEST_ID)


@pytest.mark.parametrize("event", [None, "text", [1], {"requestContext": "x"}, {"requestContext": None}])
def test_an_event_of_any_shape_takes_the_ids_of_its_own_invocation(event: Any) -> None:
    telemetry.begin({"requestContext": {"requestId": "api-1"}}, Context("lambda-1"))
    telemetry.begin(event, Context("lambda-2"))
    assert telemetry.logger.get_correlation_id() == "lambda-2"
    assert telemetry.logger.get_current_keys()["function_request_id"] == "lambda-2"
