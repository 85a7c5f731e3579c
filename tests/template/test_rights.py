"""Guarantee 7: every function has the least IAM it needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.template.conftest import Template, of_type

TABLE = {"Fn::GetAtt": "Table.Arn"}
# Which items of the table (design.md) a function may read and write: any other right is a mistake.
READS = {
    "VerifyFunction": {"R#*", "P#*", "M#*", "X#*"},
    "StateFunction": {"R#*", "P#*", "M#*", "S#*", "X#*", "V#*"},
    "EvidenceFunction": {"X#*", "P#*"},
    "ReconcileFunction": {"V#*", "G#*", "P#*", "L"},
    "UploadFunction": {"P#*", "U#*"},
    "IngestFunction": {"P#*", "U#*"},
    "RowsFunction": {"R#*", "U#*"},
    "AuthorizeFunction": {"P#*"},
    "OperateFunction": {"P#*"},
}
# The contact ledger stands among the recipient's facts, where one Query reads all; IAM cannot tell them apart.
WRITES = {
    "VerifyFunction": {"X#*", "R#*"},
    "StateFunction": {"R#*", "M#*", "S#*", "V#*"},
    "UploadFunction": {"U#*", "S#*"},
    "IngestFunction": {"U#*"},
    "RowsFunction": {"R#*", "U#*"},
    "OperateFunction": {"P#*"},
}
READING = {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"}
WRITING = {"dynamodb:PutItem", "dynamodb:ConditionCheckItem"}
SECRETS = {
    "VerifyFunction": {"PepperSecret", "ReceiptKeySecret"},
    "StateFunction": {"PepperSecret"},
    "ReconcileFunction": {"ReceiptKeySecret"},
    "IngestFunction": {"PepperSecret"},
    "RowsFunction": {"PepperSecret"},
}
# What each may do to the files under which prefix; to anything else, and to the bucket as a whole, nothing.
READ, WRITE, DELETE, ABORT = "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"
FILES = {
    ("UploadFunction", "uploads/*"): {WRITE},
    ("UploadFunction", "rejects/*"): {READ},
    ("IngestFunction", "uploads/*"): {READ, DELETE},
    ("IngestFunction", "parts/*"): {READ, WRITE, DELETE, ABORT},
    ("RowsFunction", "uploads/*"): {DELETE},
    ("RowsFunction", "parts/*"): {READ, WRITE, DELETE, ABORT},
    ("RowsFunction", "rejects/*"): {WRITE, ABORT},
}
LISTING = {"IngestFunction": "parts/*", "RowsFunction": "parts/*"}
# The rights to receive and delete messages are in the policy that SAM adds for the event source.
QUEUES = {"IngestFunction": "sqs:SendMessage", "RowsFunction": "sqs:ChangeMessageVisibility"}
INDEX = {"Fn::Sub": "${Table.Arn}/index/open"}


def statements(function: Template) -> Iterator[dict[str, Any]]:
    for policy in function["Policies"]:
        yield from policy["Statement"]


def actions(statement: dict[str, Any]) -> list[str]:
    action = statement["Action"]
    return [action] if isinstance(action, str) else list(action)


def on_the_table(function: Template, wanted: set[str]) -> set[str]:
    """The leading keys that these actions reach."""
    return {
        key
        for statement in statements(function)
        if set(actions(statement)) & wanted and statement["Resource"] != INDEX
        for key in statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    }


def test_every_function_is_known_here(functions: dict[str, Template]) -> None:
    assert set(functions) == set(READS)


def test_no_action_and_no_resource_is_a_wildcard(functions: dict[str, Template]) -> None:
    for name, function in functions.items():
        assert all(isinstance(policy, dict) for policy in function["Policies"]), f"{name} borrows a policy"
        for statement in statements(function):
            assert statement["Effect"] == "Allow"
            assert not [action for action in actions(statement) if "*" in action], name
            assert "NotAction" not in statement
            assert "NotResource" not in statement
            # All objects under a prefix is as narrow as it gets; FILES says which.
            if not any(action.startswith("s3:") for action in actions(statement)):
                assert "*" not in str(statement["Resource"]), name


def test_only_these_actions_are_used(functions: dict[str, Template]) -> None:
    known = READING | WRITING | {"secretsmanager:GetSecretValue", "kms:GenerateDataKey"}
    known |= {READ, WRITE, DELETE, ABORT, "s3:ListBucket", *QUEUES.values()}
    for function in functions.values():
        assert {action for statement in statements(function) for action in actions(statement)} <= known


@pytest.mark.parametrize("name", READS)
def test_a_function_reads_and_writes_its_own_items_alone(functions: dict[str, Template], name: str) -> None:
    function = functions[name]
    assert on_the_table(function, READING) == READS[name]
    assert on_the_table(function, WRITING) == WRITES.get(name, set())
    for statement in statements(function):
        if any(action.startswith("dynamodb:") for action in actions(statement)) and statement["Resource"] != INDEX:
            assert statement["Resource"] == TABLE


def test_only_a_worker_lists_open_debts_and_by_keys_alone(template: Template, functions: dict[str, Template]) -> None:
    uses = [
        (name, actions(statement))
        for name, function in functions.items()
        for statement in statements(function)
        if statement["Resource"] == INDEX
    ]
    assert uses == [("RowsFunction", ["dynamodb:Query"])]
    (index,) = template["Resources"]["Table"]["Properties"]["GlobalSecondaryIndexes"]
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}


def test_a_function_reaches_the_files_of_its_own_prefixes_alone(functions: dict[str, Template]) -> None:
    reached: dict[tuple[str, str], set[str]] = {}
    for name, function in functions.items():
        for statement in statements(function):
            used = {action for action in actions(statement) if action.startswith("s3:")}
            if not used:
                continue
            bucket, _, prefix = _named(statement["Resource"]).partition("/")
            assert bucket == "Bucket"
            if used == {"s3:ListBucket"}:
                assert (prefix, statement["Condition"]) == ("", {"StringLike": {"s3:prefix": LISTING[name]}})
            else:
                reached.setdefault((name, prefix), set()).update(used)
    assert reached == FILES


def test_a_function_reaches_its_own_side_of_the_queue_alone(functions: dict[str, Template]) -> None:
    uses = {
        name: action
        for name, function in functions.items()
        for statement in statements(function)
        for action in actions(statement)
        if action.startswith("sqs:") and statement["Resource"] == {"Fn::GetAtt": "Parts.Arn"}
    }
    assert uses == QUEUES


@pytest.mark.parametrize("name", READS)
def test_a_function_reads_its_own_secrets_alone(functions: dict[str, Template], name: str) -> None:
    granted = {
        secret["Ref"]
        for statement in statements(functions[name])
        if "secretsmanager:GetSecretValue" in actions(statement)
        for secret in statement["Resource"]
    }
    assert granted == SECRETS.get(name, set())


def test_statements_are_only_ever_encrypted(functions: dict[str, Template]) -> None:
    uses = {
        (name, action, str(statement["Resource"]))
        for name, function in functions.items()
        for statement in statements(function)
        for action in actions(statement)
        if action.startswith("kms:")
    }
    key = str({"Fn::GetAtt": "StatementKey.Arn"})
    assert uses == {(name, "kms:GenerateDataKey", key) for name in ("StateFunction", "UploadFunction")}


def test_nobody_deletes_items_and_nobody_scans(functions: dict[str, Template]) -> None:
    every = {action for function in functions.values() for one in statements(function) for action in actions(one)}
    assert not every & {"dynamodb:DeleteItem", "dynamodb:Scan", "dynamodb:BatchWriteItem", "dynamodb:UpdateItem"}


def test_the_keys_serve_the_account_and_nobody_else(template: Template) -> None:
    for name, key in of_type(template, "AWS::KMS::Key").items():
        assert key["EnableKeyRotation"] is True
        for statement in key["KeyPolicy"]["Statement"]:
            if statement["Principal"] == {"AWS": "*"}:
                assert "kms:*" not in actions(statement), name
                conditions = statement["Condition"]
                assert conditions["StringEquals"]["kms:CallerAccount"] == {"Ref": "AWS::AccountId"}
                assert any("kms:ViaService" in condition for condition in conditions.values())
            else:
                assert statement["Principal"] == {
                    "AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}
                }


def _named(resource: dict[str, str]) -> str:
    """`Bucket/<prefix>`, whether the ARN refers to the bucket or spells the name that it has."""
    name = "arn:${AWS::Partition}:s3:::duecare-${Stage}-uploads-${AWS::AccountId}-${AWS::Region}"
    if resource == {"Fn::GetAtt": "Bucket.Arn"}:
        return "Bucket"
    return resource["Fn::Sub"].replace("${Bucket.Arn}", "Bucket").replace(name, "Bucket")
