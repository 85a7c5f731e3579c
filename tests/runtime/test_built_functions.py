"""The functions as SAM built them, under Amazon's own runtime in a clean environment, with the files of events/.

A package missing from the layer, a module that does not load with the template's Python, an answer that the runtime
cannot serialise: only this sees it.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from duecare_core.evidence.casefile import bundle
from tests.functional.test_events import EXPECTED
from tests.support import events, tables
from tests.support.engines import built_function, runtimes
from tests.support.servers import moto  # noqa: F401
from tests.support.world import ISSUER
from tests.template.test_template import logical_id
from tools.rie import Runtime

Invoke = Callable[..., Any]
PARTIES = ("mou-zichan", "keji", "xinxi", "yunyingshang", "shenji")


def environment(endpoint: str) -> dict[str, str]:
    """The environment variables that template.yaml sets, for moto."""
    manager = tables.client("secretsmanager", endpoint)
    receipt_key = json.dumps({"seed": secrets.token_hex(32), "retired": []})
    table = tables.create(endpoint, stream=True)
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": tables.ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": tables.SECRET_KEY,
        "DUECARE_TABLE": table,
        "DUECARE_STREAM": tables.stream_arn(endpoint, table),
        "DUECARE_BUCKET": tables.bucket(endpoint),
        "DUECARE_LOG_BUCKET": tables.bucket(endpoint),
        "DUECARE_ARCHIVE_BUCKET": tables.bucket(endpoint, locks=True),
        "DUECARE_QUEUE": tables.queue(endpoint),
        "DUECARE_ISSUER": ISSUER,
        "DUECARE_LOG_ORIGIN": "duecare.example/log",
        "DUECARE_TABLE_DAYS": "180",
        "DUECARE_PEPPER_SECRET": _secret(manager, secrets.token_hex(32)),
        "DUECARE_RECEIPT_KEY_SECRET": _secret(manager, receipt_key),
        "DUECARE_ACKNOWLEDGEMENT_KEY_SECRET": _secret(manager, json.dumps({"seed": secrets.token_hex(32)})),
        "DUECARE_INPUTS_SECRET": _secret(manager, secrets.token_hex(32)),
        "DUECARE_LOG_SECRET": _secret(manager, secrets.token_hex(32)),
        "DUECARE_STATEMENT_KEY": tables.client("kms", endpoint).create_key()["KeyMetadata"]["Arn"],
        "POWERTOOLS_METRICS_NAMESPACE": "duecare",
    }


@pytest.fixture(scope="module", params=runtimes())
def invoke(request: pytest.FixtureRequest, moto: str) -> Iterator[Invoke]:  # noqa: F811
    """Invoke the function of `events/<name>.json` with it; each function stays warm, as an instance on Lambda does."""
    told = environment(moto)
    running: dict[str, Runtime] = {}
    with ExitStack() as opened:

        def invoked(name: str, **changes: Any) -> Any:
            service = name.partition("-")[0]
            if service not in running:
                built = built_function(logical_id(service), request.param, {**told, "POWERTOOLS_SERVICE_NAME": service})
                running[service] = opened.enter_context(built)
            return running[service].invoke(events.load(name) | changes)

        for party in PARTIES:
            assert invoked(f"admin-add-{party}")["status"] == 200
        yield invoked


def test_built_functions_deny_after_an_opt_out(invoke: Invoke) -> None:
    before = json.loads(invoke("verify-honest")["body"])
    assert {reason["code"] for reason in before["reasons"]} == {"MANDATE_MISSING", "ROUTE_MISSING"}
    stated = [one for name in ("state-honest", "state-route") for one in json.loads(invoke(name)["body"])["results"]]
    assert [result["status"] for result in stated] == ["accepted"] * 4
    replied = json.loads(invoke("state-reply-t")["body"])["results"]
    assert [result["read_as"] for result in replied] == ["opt_out"]
    after = json.loads(invoke("verify-honest")["body"])
    assert "OPTED_OUT" in [reason["code"] for reason in after["reasons"]]


def test_built_functions_log_a_decision_and_make_its_case_file(invoke: Invoke) -> None:
    decided = json.loads(invoke("verify-chinese")["body"])
    assert invoke("sequence-stream") is None
    made = invoke("evidence-bundle", pathParameters={"id": decided["decision_id"]})
    assert (made["statusCode"], made["isBase64Encoded"]) == (200, True)
    checkpoint = base64.b64decode(invoke("evidence-checkpoint")["body"]).decode()
    verdict = bundle.check(base64.b64decode(made["body"]), None)
    assert [check for check in verdict.checks if not check.ok] == []
    assert checkpoint.startswith("duecare.example/log\n")


def test_built_functions_take_a_file_from_its_manifest_to_its_rejects(invoke: Invoke) -> None:
    opened = json.loads(invoke("upload-announce")["body"])
    assert httpx.put(opened["url"], content=events.PORTFOLIO, headers=opened["headers"]).status_code == 200
    assert invoke("ingest-object-created") is None
    assert json.loads(invoke("upload-look")["body"])["state"] == "importing"
    assert invoke("import_part-part") == {"batchItemFailures": []}
    told = json.loads(invoke("upload-look")["body"])
    # Its good row is unchanged if the test above has stated that debt already.
    assert (told["state"], told["accepted"] + told["unchanged"], told["rejected"]) == ("done", 1, 1)
    assert httpx.get(told["rejects_url"]).text.startswith("row,column,code,message\r\n2,outstanding,")


# Events that need another event first.
BEFORE = {"upload-look": "upload-announce", "evidence-checkpoint": "sequence-clock"}


# Suspending and halting would change what the events after them get.
@pytest.mark.parametrize("name", sorted(set(EXPECTED) - {"admin-halt", "admin-suspend"}))
def test_a_built_function_answers_each_event_as_the_source_does(invoke: Invoke, name: str) -> None:
    if name in BEFORE:
        invoke(BEFORE[name])
    answer = invoke(name)
    expected = 200 if name in BEFORE else EXPECTED[name]
    if expected is None or isinstance(expected, dict):
        assert answer == expected
    else:
        assert answer.get("statusCode", answer.get("status")) == expected, answer


def _secret(manager: Any, value: str) -> str:
    return str(manager.create_secret(Name=secrets.token_hex(8), SecretString=value)["ARN"])
