"""The public routes: discovery, the receipt keys, the status and the OpenAPI document. No token is read."""

from __future__ import annotations

import json
import secrets
from typing import Any

import jwt
import pytest
from openapi_spec_validator import validate

from duecare_core.engine import engine
from duecare_core.evidence.jose.keys import new_private_jwk, public_jwk, thumbprint
from tests.functional.conftest import Stack
from tests.support import events, tables
from tests.support.functions import function
from tools import openapi


def test_discovery_names_the_issuer_the_keys_the_log_the_rules_and_the_limits(stack: Stack) -> None:
    answer = stack.send("verify-discovery")
    assert (answer.status, answer.headers["cache-control"]) == (200, "public, max-age=5")  # nothing was logged yet
    assert set(answer.body) == {"issuer", "jwks_uri", "log", "rules_version", "rules_sha256", "engine", "limits"}
    assert answer.body["issuer"] == "https://duecare.example"
    assert answer.body["jwks_uri"] == "https://duecare.example/.well-known/jwks.json"
    assert set(answer.body["log"]) == {"origin", "verifier_key", "url"}
    assert answer.body["limits"]["body_bytes"] == 1024 * 1024


def test_discovery_needs_neither_the_table_nor_a_secret(stack: Stack) -> None:
    stack.restart(AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert stack.send("verify-discovery").status == 200


# Receipt keys


def receipt_secret(stack: Stack, value: Any) -> str:
    """A receipt key of this test's own, in Secrets Manager."""
    text = value if isinstance(value, str) else json.dumps(value)
    manager = tables.client("secretsmanager", stack.endpoint)
    arn = manager.create_secret(Name=f"receipt-{secrets.token_hex(4)}", SecretString=text)["ARN"]
    stack.restart(DUECARE_RECEIPT_KEY_SECRET=arn)
    return str(arn)


def test_the_receipt_key_is_published_without_its_private_part(stack: Stack) -> None:
    answer = stack.send("verify-jwks")
    (key,) = answer.body["keys"]
    assert (answer.status, answer.headers["cache-control"]) == (200, "public, max-age=5")
    assert set(key) == {"kty", "crv", "x", "kid", "alg", "use"}
    assert key["kid"] == thumbprint(key)


def test_retired_keys_stay_published_so_that_old_receipts_verify(stack: Stack) -> None:
    retired = [public_jwk(new_private_jwk()) for _ in range(2)]
    receipt_secret(stack, {"seed": "11" * 32, "retired": retired})
    keys = stack.send("verify-jwks").body["keys"]
    assert [key["kid"] for key in keys[1:]] == [thumbprint(key) for key in retired]
    assert keys[0]["kid"] not in [key["kid"] for key in keys[1:]]


def pass_time(stack: Stack, seconds: float) -> None:
    """Move the clock by which verify decides whether to read its secrets again."""
    service = stack.service("verify")
    before = service.monotonic
    service.monotonic = lambda: before() + seconds


def rotate(stack: Stack, arn: str, value: Any) -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    tables.client("secretsmanager", stack.endpoint).put_secret_value(SecretId=arn, SecretString=text)


def test_a_rotated_key_is_taken_up_and_the_old_receipt_still_verifies(stack: Stack) -> None:
    arn = receipt_secret(stack, {"seed": "11" * 32, "retired": []})
    first = stack.honest().verify()
    old = stack.send("verify-jwks").body["keys"][0]
    rotate(stack, arn, {"seed": "22" * 32, "retired": [public_jwk(old)]})
    pass_time(stack, 301)
    second = stack.verify(message_id="m-2")
    keys = [key for key in stack.send("verify-jwks").body["keys"] if "purpose" not in key]
    assert [key["kid"] for key in keys[1:]] == [old["kid"]]
    for receipt, kid in ((first.body["receipt"], old["kid"]), (second.body["receipt"], keys[0]["kid"])):
        assert jwt.get_unverified_header(receipt)["kid"] == kid
        jwt.decode(receipt, jwt.PyJWKSet.from_dict({"keys": keys})[kid], algorithms=["EdDSA"])


def test_a_sandbox_publishes_the_new_key_before_it_signs_with_it(stack: Stack) -> None:
    """Another sandbox may sign with it already."""
    arn = receipt_secret(stack, {"seed": "11" * 32, "retired": []})
    old = stack.send("verify-jwks").body["keys"][0]
    rotate(stack, arn, {"seed": "22" * 32, "retired": [public_jwk(old)]})
    pass_time(stack, 6)
    assert [key["kid"] for key in stack.send("verify-jwks").body["keys"][1:]] == [old["kid"]]


def test_a_key_that_cannot_be_refreshed_goes_on_signing(stack: Stack) -> None:
    arn = receipt_secret(stack, {"seed": "11" * 32, "retired": []})
    stack.honest().verify()
    rotate(stack, arn, "broken")
    pass_time(stack, 301)
    assert stack.verify(message_id="m-2").body["decision"] == "allow"
    assert "SecretsFailed" in stack.said.getvalue()


@pytest.mark.parametrize(
    "value",
    [
        "",
        "11" * 32,
        "{}",
        {"seed": "11" * 31},
        {"seed": "zz" * 32},
        {"seed": "11" * 32, "retired": [{"kty": "oct", "k": "AA"}]},
        {"seed": "11" * 32, "retired": "none"},
    ],
    ids=["empty", "bare", "no-seed", "short", "not-hexadecimal", "a-retired-secret", "retired-not-a-list"],
)
def test_a_receipt_key_that_cannot_be_used_means_no_decision(stack: Stack, value: Any) -> None:
    stack.honest()
    before = stack.items()
    receipt_secret(stack, value or " ")
    for name in ("verify-honest", "verify-jwks", "verify-status"):
        answer = stack.send(name)
        assert (answer.status, answer.problem, answer.body["part"]) == (503, "cannot-decide", "secrets")
        assert answer.headers["retry-after"]
    assert stack.items() == before
    assert "11" * 31 not in stack.said.getvalue()


# Status


def test_status_reports_that_verify_can_decide(stack: Stack) -> None:
    answer = stack.send("verify-status")
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.body["status"] == "ok"
    assert answer.body["halted"] is False


def test_status_reports_a_halt_of_everything(stack: Stack) -> None:
    stack.operate("halt", on=True)
    assert stack.send("verify-status").body["halted"] is True


def test_the_key_that_will_sign_is_on_file_before_it_signs_and_nothing_else_is_stored(stack: Stack) -> None:
    stack.send("verify-status")
    item, engine_item = sorted(stack.everything(), key=lambda one: one["pk"]["S"])
    (published,) = stack.send("verify-jwks").body["keys"]
    assert (item["pk"]["S"], item["sk"]["S"]) == ("K#receipt", published["kid"])
    assert json.loads(item["body"]["S"])["jwk"]["x"] == published["x"]
    assert (engine_item["pk"]["S"], engine_item["sk"]["S"]) == ("e#engine", engine())


@pytest.mark.parametrize(
    ("broken", "part"),
    [
        ({"DUECARE_TABLE": "no-such-table"}, "store"),
        ({"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9"}, "store"),
        ({"DUECARE_RECEIPT_KEY_SECRET": "no-such-secret"}, "secrets"),
        ({"DUECARE_PEPPER_SECRET": "no-such-secret"}, "secrets"),
        ({"DUECARE_INPUTS_SECRET": "no-such-secret"}, "secrets"),
        ({"AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://127.0.0.1:9"}, "secrets"),
    ],
    ids=["no-table", "no-dynamodb", "no-receipt", "no-pepper", "no-inputs", "no-secrets-manager"],
)
def test_status_and_verify_name_the_part_that_fails(stack: Stack, broken: dict[str, str], part: str) -> None:
    stack.honest()
    stack.restart(**broken)
    for name in ("verify-status", "verify-honest"):
        answer = stack.send(name)
        assert (answer.status, answer.problem, answer.body["part"]) == (503, "cannot-decide", part)
        assert answer.headers["retry-after"]


def test_statements_name_the_part_that_fails_and_store_nothing(stack: Stack) -> None:
    stack.register()
    before = stack.items()
    stack.restart(DUECARE_STATEMENT_KEY="arn:aws:kms:us-east-1:123456789012:key/no-such-key")
    answer = stack.send("state-honest")
    assert (answer.status, answer.problem, answer.body["part"]) == (503, "cannot-decide", "seal")
    assert stack.items() == before


# The contract


def test_the_openapi_document_is_valid() -> None:
    validate(json.loads(openapi.rendered()))


def test_the_openapi_document_is_the_one_in_docs() -> None:
    """`make openapi` writes it anew."""
    assert openapi.PATH.read_text(encoding="utf-8") == openapi.rendered()


def test_the_openapi_document_is_served(stack: Stack) -> None:
    answer = stack.send("evidence-openapi")
    assert answer.body == json.loads(openapi.rendered())
    assert answer.headers["cache-control"] == "public, max-age=300"


def test_the_openapi_document_has_every_route_of_the_functions_and_no_other() -> None:
    served = {
        route.replace("{proxy+}", "{path}")  # which is how API Gateway spells the rest of a path
        for name in ("verify", "state", "evidence", "upload", "reconcile")
        for route in function(name).ROUTES
    }
    paths = json.loads(openapi.rendered())["paths"]
    assert {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods} == served


def test_the_public_routes_are_those_that_the_document_calls_public() -> None:
    paths = json.loads(openapi.rendered())["paths"]
    public = {path for path, methods in paths.items() for one in methods.values() if one.get("security") == []}
    well_known = {"/.well-known/duecare", "/.well-known/jwks.json"}
    assert public == well_known | {"/v1/status", "/openapi.json", "/log/checkpoint", "/log/tile/{path}"}
    assert events.load("verify-status")["requestContext"].get("authorizer") is None
