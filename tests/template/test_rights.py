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
    "StateFunction": {"R#*", "P#*", "M#*", "S#*", "X#*"},
    "EvidenceFunction": {"X#*", "P#*"},
    "AuthorizeFunction": {"P#*"},
    "OperateFunction": {"P#*"},
}
# The contact ledger stands among the recipient's facts, where one Query reads all; IAM cannot tell them apart.
WRITES = {"VerifyFunction": {"X#*", "R#*"}, "StateFunction": {"R#*", "M#*", "S#*"}, "OperateFunction": {"P#*"}}
READING = {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"}
WRITING = {"dynamodb:PutItem", "dynamodb:ConditionCheckItem"}
SECRETS = {"VerifyFunction": {"PepperSecret", "ReceiptKeySecret"}, "StateFunction": {"PepperSecret"}}


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
        if set(actions(statement)) & wanted
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
            assert "*" not in str(statement["Resource"]), name


def test_only_these_actions_are_used(functions: dict[str, Template]) -> None:
    known = READING | WRITING | {"secretsmanager:GetSecretValue", "kms:GenerateDataKey"}
    for function in functions.values():
        assert {action for statement in statements(function) for action in actions(statement)} <= known


@pytest.mark.parametrize("name", READS)
def test_a_function_reads_and_writes_its_own_items_alone(functions: dict[str, Template], name: str) -> None:
    function = functions[name]
    assert on_the_table(function, READING) == READS[name]
    assert on_the_table(function, WRITING) == WRITES.get(name, set())
    for statement in statements(function):
        if any(action.startswith("dynamodb:") for action in actions(statement)):
            assert statement["Resource"] == TABLE


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
    assert uses == {("StateFunction", "kms:GenerateDataKey", str({"Fn::GetAtt": "StatementKey.Arn"}))}


def test_nobody_deletes_and_nobody_scans(functions: dict[str, Template]) -> None:
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
