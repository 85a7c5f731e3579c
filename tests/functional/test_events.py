"""The files of events/: as generated, and each answered by its function."""

from __future__ import annotations

from typing import Any

import pytest

from tests.functional.conftest import Stack
from tests.support import events

EXPECTED: dict[str, Any] = {
    # name: the answer, after everything that it needs has been stated
    # Well signed, so it is passed on; the function that gets it says that it has expired.
    "authorize-expired": {
        "isAuthorized": True,
        "context": events.admitted("xinxi", iat=f"{events.STATED}.0", exp=f"{events.STATED + 3600}.0"),
    },
    "authorize-no-token": {"isAuthorized": False},
    "authorize-not-a-token": {"isAuthorized": False},
    "evidence-bundle": 404,
    "evidence-statement": 404,
    "evidence-checkpoint": 404,
    "evidence-decision": 404,
    "evidence-no-tile": 404,
    "evidence-openapi": 200,
    "evidence-whoami": 200,
    "evidence-tile": 404,
    "ingest-object-created": None,
    "admin-add-keji": 409,
    "admin-add-mou-zichan": 409,
    "admin-add-shenji": 409,
    "admin-add-xinxi": 409,
    "admin-add-yunyingshang": 409,
    "admin-halt": 200,
    "admin-show": 200,
    "admin-suspend": 200,
    "admin-unknown-verb": 422,
    "reconcile-auditor": 200,
    "reconcile-backwards": 422,
    "reconcile-day": 200,
    "import_part-part": {"batchItemFailures": []},
    "state-delivery": 200,
    "sequence-clock": None,
    "sequence-stream": None,
    "state-honest": 200,
    "state-number-reassignment": 200,
    "state-reply-t": 200,
    "state-route": 200,
    "state-signed-by-another": 200,
    "upload-announce": 200,
    "upload-look": 404,
    "verify-base64": 200,
    "verify-batch": 200,
    "verify-chinese": 200,
    "verify-discovery": 200,
    "verify-honest": 200,
    "verify-jwks": 200,
    "verify-national-number": 422,
    "verify-no-authorizer": 403,
    "verify-status": 200,
    "verify-truncated": 400,
    "void-start": 200,
}


def test_the_files_are_as_generated() -> None:
    """`python -m tests.support.events` writes them anew."""
    standing = {path.name: path.read_text(encoding="utf-8") for path in events.FOLDER.glob("*.json")}
    assert standing == events.rendered()


def test_every_file_is_expected_to_be_answered_somehow() -> None:
    assert sorted(path.stem for path in events.FOLDER.glob("*.json")) == sorted(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_each_event_is_answered_by_its_function(stack: Stack, name: str) -> None:
    stack.register()
    stack.send("state-honest")
    event = events.load(name)
    response = stack.invoke(name.partition("-")[0], event)
    expected = EXPECTED[name]
    if expected is None or isinstance(expected, dict):
        assert response == expected
    else:
        assert response.get("statusCode", response.get("status")) == expected


def test_the_honest_statements_are_accepted(stack: Stack) -> None:
    stack.register()
    results = stack.send("state-honest").body["results"]
    assert [result["status"] for result in results] == ["accepted"] * 3


def test_the_statement_signed_by_another_is_not(stack: Stack) -> None:
    stack.register()
    results = stack.send("state-signed-by-another").body["results"]
    assert [result["status"] for result in results] == ["rejected"]
