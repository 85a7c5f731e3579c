"""The OpenAPI document: complete, the same in docs/, and true of what is sent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from duecare.runtime.openapi.document import EXAMPLES, document
from duecare.runtime.openapi.paths import ROUTES, TAGS
from duecare.runtime.openapi.problems import PROBLEMS
from duecare.runtime.openapi.schemas import REQUESTS
from duecare_core.domain.decision.reasons import REASONS
from duecare_core.domain.facts.statement import KINDS
from tests.openapi.generate import rendered

DOCUMENT = document()
OPERATIONS = {
    operation["operationId"]: operation for methods in DOCUMENT["paths"].values() for operation in methods.values()
}
SCHEMAS = DOCUMENT["components"]["schemas"]


def test_the_examples_are_those_of_a_run() -> None:
    """`make openapi` writes them anew."""
    assert EXAMPLES.read_text(encoding="utf-8") == rendered()


def test_a_run_gives_the_same_examples_each_time() -> None:
    assert rendered() == rendered()


def test_every_operation_is_named_tagged_and_described() -> None:
    assert set(OPERATIONS) == {route.operation_id for route in ROUTES.values()}
    for operation in OPERATIONS.values():
        assert set(operation["tags"]) <= set(TAGS)
        assert operation["summary"]
        assert operation["description"].endswith(".")
        assert all(parameter["description"] for parameter in operation.get("parameters", ()))
    assert DOCUMENT["servers"]


def contents() -> Iterator[tuple[str, Any, Any]]:
    """Each request and each response: where, its schema, and its examples."""
    for name, operation in OPERATIONS.items():
        for content in operation.get("requestBody", {}).get("content", {}).values():
            yield f"{name} request", content["schema"], _values(content)
        for status, response in operation["responses"].items():
            for media, content in response["content"].items():
                yield f"{name} {status} {media}", content["schema"], _values(content)


def _values(content: Any) -> list[Any]:
    return [content["example"]] if "example" in content else [one["value"] for one in content["examples"].values()]


@pytest.mark.parametrize(("schema", "examples"), [pytest.param(*rest, id=where) for where, *rest in contents()])
def test_every_request_and_response_has_examples_that_fit_its_schema(schema: Any, examples: list[Any]) -> None:
    assert examples
    for example in examples:
        assert errors(schema, example) == []


def test_every_problem_has_an_example() -> None:
    shown = {str(one["type"]).rpartition(":")[2]: one for one in SCHEMAS["Problem"]["examples"]}
    assert set(shown) == set(PROBLEMS)
    for name, problem in shown.items():
        assert problem["status"] in PROBLEMS[name].statuses
        assert errors({"$ref": "#/components/schemas/Problem"}, problem) == []
        assert f"| `{name}` |" in DOCUMENT["info"]["description"]


def test_every_payload_can_be_reached_from_an_operation_and_has_an_example() -> None:
    reached = set(_references("submitStatements")) | set(_references("announceUpload"))
    for name in (*(kind.__name__ for kind in KINDS.values()), "Manifest"):
        assert name in reached
        (example,) = SCHEMAS[name]["examples"]
        assert errors({"$ref": f"#/components/schemas/{name}"}, example) == []


def _references(operation_id: str) -> Iterator[str]:
    waiting, seen = [json.dumps(OPERATIONS[operation_id]["requestBody"])], set()
    while waiting:
        for name in re.findall(r'"#/components/schemas/(\w+)"', waiting.pop()):
            if name not in seen:
                seen.add(name)
                waiting.append(json.dumps(SCHEMAS[name]))
                yield name


def test_every_member_is_described() -> None:
    for name, schema in SCHEMAS.items():
        assert schema["description"], name
        for member, value in schema.get("properties", {}).items():
            assert value["description"].endswith("."), f"{name}.{member}"


def test_no_response_member_may_be_null_but_the_logs_key() -> None:
    requests = {kind.__name__ for kind in REQUESTS}
    nullable = [
        f"{name}.{member}"
        for name, schema in SCHEMAS.items()
        if name not in requests
        for member, value in schema.get("properties", {}).items()
        if {"type": "null"} in value.get("anyOf", ())
    ]
    assert nullable == ["LogAddress.verifier_key"]


def test_closed_sets_are_enums() -> None:
    assert SCHEMAS["ReasonText"]["properties"]["code"]["enum"] == list(REASONS)
    assert SCHEMAS["Record"]["properties"]["reasons"]["items"]["enum"] == list(REASONS)
    for name, member in (
        ("Answer", "decision"),
        ("Record", "decision"),
        ("UploadReport", "state"),
        ("StatementOutcome", "status"),
        ("StatementOutcome", "read_as"),
        ("DebtStatement", "status"),
        ("Manifest", "kind"),
    ):
        assert SCHEMAS[name]["properties"][member]["enum"], (name, member)


def patterns(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("pattern"), str):
            yield value["pattern"]
        for one in value.values():
            yield from patterns(one)
    elif isinstance(value, list):
        for one in value:
            yield from patterns(one)


def test_patterns_are_of_the_dialect_that_ecma_262_and_re2_share() -> None:
    found = set(patterns(DOCUMENT))
    assert found
    for pattern in found:
        assert pattern.startswith("^"), pattern
        assert pattern.endswith("$"), pattern
        # No look-around, no group but a plain one, no Python-only escape, no back reference.
        assert not re.search(r"\(\?|\\[AZzbB1-9]", pattern), pattern


def errors(schema: Any, value: Any) -> list[str]:
    whole = {**schema, "components": DOCUMENT["components"]}
    return [error.message for error in Draft202012Validator(whole).iter_errors(value)]
