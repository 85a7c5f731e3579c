"""Guarantee 7: every function has the least IAM it needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

import pytest

from duecare.adapters.kms import ROWS_KEY, ROWS_SEED
from duecare.ports import Document, Key
from duecare_core.evidence.jose.keys import new_private_jwk
from duecare_core.evidence.jose.proof import proven_jwk
from tests.support.memory import MemoryTable
from tests.support.world import World
from tests.template.conftest import Template, of_type

TABLE = {"Fn::GetAtt": "Table.Arn"}
# Which items of the table (design.md) a function may read and write: any other right is a mistake.
READS = {
    "VerifyFunction": {"R#*", "P#*", "M#*", "T#*", "X#*", "A#*", "L"},
    "StateFunction": {"R#*", "P#*", "M#*", "T#*", "S#*", "I#*", "X#*", "V#*", "B#*"},
    "EvidenceFunction": {"X#*", "S#*", "Y#*", "v#*", "U#*", "P#*", "K#*", "A#*", "e#*", "E#*", "L"},
    "ReconcileFunction": {"V#*", "G#*", "P#*", "L"},
    "UploadFunction": {"P#*", "U#*"},
    "IngestFunction": {"P#*", "U#*"},
    "ImportPartFunction": {"R#*", "P#*", "U#*"},
    "SequenceFunction": {"X#*", "S#*", "P#*", "K#*", "A#*", "Z#*", "v#*", "e#*", "E#*", "L"},
    "AuthorizeFunction": {"P#*"},
    "AdminFunction": {"P#*", "J#*", "v#*", "w#*", "R#*", "S#*", "X#*"},
    "VoidFunction": {"R#*", "M#*", "T#*", "S#*", "I#*", "Y#*", "U#*", "X#*", "E#*", "P#*", "v#*", "w#*", "L"},
}
# The contact ledger has the partition of the recipient's facts, so that one Query reads all; IAM cannot separate them.
WRITES = {
    "VerifyFunction": {"X#*", "R#*", "K#*", "e#*"},
    "StateFunction": {"R#*", "M#*", "T#*", "S#*", "I#*", "V#*", "Y#*", "A#*", "B#*"},
    "UploadFunction": {"U#*", "S#*"},
    "IngestFunction": {"U#*"},
    "ImportPartFunction": {"R#*", "U#*", "A#*"},
    "SequenceFunction": {"L"},
    "AdminFunction": {"P#*", "J#*", "Z#*", "R#*", "S#*", "X#*", "w#*"},
    "VoidFunction": {"R#*", "M#*", "T#*", "I#*", "P#*", "v#*", "w#*"},
}
READING = {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"}
WRITING = {"dynamodb:PutItem", "dynamodb:ConditionCheckItem"}
SECRETS = {
    "VerifyFunction": {"PepperSecret", "ReceiptKeySecret", "InputsKeySecret"},
    # The functions that accept statements hold the acknowledgement key, and never the receipt key.
    "StateFunction": {"PepperSecret", "AcknowledgementKeySecret"},
    "EvidenceFunction": {"InputsKeySecret"},
    "ReconcileFunction": {"ReceiptKeySecret"},
    "IngestFunction": {"PepperSecret"},
    "ImportPartFunction": {"PepperSecret", "AcknowledgementKeySecret"},
    "SequenceFunction": {"LogKeySecret"},
    "AdminFunction": {"PepperSecret"},
    "VoidFunction": {"PepperSecret"},
}
# The rights of each function on the objects under a prefix of a bucket. It has none on other objects.
READ, WRITE, DELETE, ABORT = "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"
LOCK = "s3:PutObjectRetention"
OBSTACLES = {"s3:GetBucketObjectLockConfiguration", "s3:GetReplicationConfiguration"}
BACKUPS = {"dynamodb:DescribeContinuousBackups", "dynamodb:ListBackups"}
ERASE = {"s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"}
OBJECTS = {
    ("UploadFunction", "Bucket/uploads/*"): {WRITE},
    ("UploadFunction", "Bucket/rejects/*"): {READ},
    ("IngestFunction", "Bucket/uploads/*"): {READ, DELETE},
    ("IngestFunction", "Bucket/parts/*"): {READ, WRITE, DELETE, ABORT},
    ("IngestFunction", "Bucket/rows/*"): {WRITE, DELETE, ABORT},
    ("ImportPartFunction", "Bucket/rows/*"): {WRITE, ABORT},
    ("EvidenceFunction", "Bucket/rows/*"): {READ},
    ("ImportPartFunction", "Bucket/uploads/*"): {DELETE},
    ("ImportPartFunction", "Bucket/parts/*"): {READ, WRITE, DELETE, ABORT},
    ("ImportPartFunction", "Bucket/rejects/*"): {WRITE, ABORT},
    ("SequenceFunction", "LogBucket/checkpoint"): {READ, WRITE},
    ("SequenceFunction", "LogBucket/tile/*"): {READ, WRITE},
    ("SequenceFunction", "LogBucket/staging/*"): {READ, WRITE, DELETE},
    ("SequenceFunction", "ArchiveBucket/*"): {WRITE, LOCK},
    ("EvidenceFunction", "LogBucket/checkpoint"): {READ},
    ("EvidenceFunction", "LogBucket/tile/*"): {READ},
    ("EvidenceFunction", "ArchiveBucket/*"): {READ},
    ("AdminFunction", "ArchiveBucket/r/*"): ERASE,
    ("AdminFunction", "Bucket/rows/*"): {READ, WRITE, ABORT},
    ("AdminFunction", "ArchiveBucket"): OBSTACLES,
    ("VoidFunction", "ArchiveBucket/r/*"): {READ},
}
# The prefix under which each function may list the names of a bucket. A function that reads objects that may not exist
# may list all names: without that right S3 answers 403 for them.
LISTING: dict[tuple[str, str], str | list[str] | None] = {
    ("IngestFunction", "Bucket"): "parts/*",
    ("ImportPartFunction", "Bucket"): "parts/*",
    ("SequenceFunction", "LogBucket"): None,
    ("EvidenceFunction", "LogBucket"): None,
    ("EvidenceFunction", "ArchiveBucket"): None,
    ("AdminFunction", "ArchiveBucket"): ["r/*", "parties/*"],
    ("AdminFunction", "Bucket"): "rows/index/*",
    ("VoidFunction", "ArchiveBucket"): "r/*",
}
LISTS = {"s3:ListBucket", "s3:ListBucketVersions"}
# The rights to receive and delete messages are in the policy that SAM adds for the event source.
QUEUES = {"IngestFunction": "sqs:SendMessage", "ImportPartFunction": "sqs:ChangeMessageVisibility"}
INDEX = {"Fn::Sub": "${Table.Arn}/index/open"}
STREAM, STREAMS = {"Fn::GetAtt": "Table.StreamArn"}, {"Fn::Sub": "${Table.Arn}/stream/*"}
READING_STREAM = {"dynamodb:DescribeStream", "dynamodb:GetShardIterator", "dynamodb:GetRecords"}
# Rights on the table that only the sequencer has.
MARKING = {"dynamodb:BatchWriteItem", "dynamodb:UpdateItem", "dynamodb:Scan"}


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
            if statement["Resource"] == STREAMS:
                continue  # of the one table
            if actions(statement) == ["dynamodb:ListBackups"]:
                continue  # it knows no resources
            # All objects under a prefix is as narrow as it gets; OBJECTS says which.
            if not any(action.startswith("s3:") for action in actions(statement)):
                assert "*" not in str(statement["Resource"]), name


def test_only_these_actions_are_used(functions: dict[str, Template]) -> None:
    known = READING | WRITING | MARKING | READING_STREAM | {"dynamodb:ListStreams"}
    known |= {"secretsmanager:GetSecretValue", "kms:GenerateDataKey", "kms:Decrypt"}
    known |= BACKUPS | OBSTACLES
    known |= {READ, WRITE, DELETE, ABORT, LOCK, *ERASE, *LISTS, *QUEUES.values()}
    for function in functions.values():
        assert {action for statement in statements(function) for action in actions(statement)} <= known


class _Reached(MemoryTable):
    """A table that notes which keys are read and written."""

    def __init__(self) -> None:
        super().__init__()
        self.read: set[str] = set()
        self.written: set[str] = set()

    def get(self, keys: Iterable[Key]) -> dict[Key, Document]:
        wanted = list(keys)
        self.read |= {key.pk for key in wanted}
        return super().get(wanted)

    def commit(self, documents: Sequence[Document]) -> None:
        self.written |= {document.key.pk for document in documents}
        super().commit(documents)


def test_the_admin_function_may_read_and_write_all_that_registers_a_key(functions: dict[str, Template]) -> None:
    reached = _Reached()
    world = World(documents=reached).register("xinxi")
    world.operate.add_key("xinxi", proven_jwk(new_private_jwk(), world.now))
    world.operate.halt_everything(on=True)
    for actual, wanted in ((reached.read, READING), (reached.written, WRITING)):
        allowed = on_the_table(functions["AdminFunction"], wanted)
        assert actual
        assert not [pk for pk in actual if not any(fnmatchcase(pk, pattern) for pattern in allowed)]


@pytest.mark.parametrize("name", READS)
def test_a_function_reads_and_writes_its_own_items_alone(functions: dict[str, Template], name: str) -> None:
    function = functions[name]
    assert on_the_table(function, READING) == READS[name]
    assert on_the_table(function, WRITING) == WRITES.get(name, set())
    for statement in statements(function):
        if any(action.startswith("dynamodb:") for action in actions(statement)):
            of_all = actions(statement) == ["dynamodb:ListBackups"]
            assert of_all or statement["Resource"] in (TABLE, INDEX, STREAM, STREAMS)


def test_only_a_worker_lists_open_debts_and_by_keys_alone(template: Template, functions: dict[str, Template]) -> None:
    uses = [
        (name, actions(statement))
        for name, function in functions.items()
        for statement in statements(function)
        if statement["Resource"] == INDEX
    ]
    assert uses == [("ImportPartFunction", ["dynamodb:Query"])]
    (index,) = template["Resources"]["Table"]["Properties"]["GlobalSecondaryIndexes"]
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}


def test_a_function_reaches_the_objects_of_its_own_prefixes_alone(functions: dict[str, Template]) -> None:
    reached: dict[tuple[str, str], set[str]] = {}
    listed: dict[tuple[str, str], str | list[str] | None] = {}
    for name, function in functions.items():
        for statement in statements(function):
            used = {action for action in actions(statement) if action.startswith("s3:")}
            for place in _named(statement["Resource"]) if used else ():
                if used <= LISTS:
                    condition = statement.get("Condition", {"StringLike": {"s3:prefix": None}})
                    assert list(condition) == ["StringLike"]
                    listed[name, place] = condition["StringLike"]["s3:prefix"]
                else:
                    reached.setdefault((name, place), set()).update(used)
    assert reached == OBJECTS
    assert listed == LISTING


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


def test_the_function_that_accepts_statements_cannot_decrypt_them(functions: dict[str, Template]) -> None:
    uses = {
        (name, action, str(statement["Resource"]))
        for name, function in functions.items()
        for statement in statements(function)
        for action in actions(statement)
        if action.startswith("kms:")
    }
    key = str({"Fn::GetAtt": "StatementKey.Arn"})
    encrypt = {(name, "kms:GenerateDataKey", key) for name in ("StateFunction", "UploadFunction")}
    encrypt.add(("ImportPartFunction", "kms:GenerateDataKey", key))
    decrypt = {(name, "kms:Decrypt", key) for name in ("EvidenceFunction", "VoidFunction", "IngestFunction")}
    assert uses == encrypt | decrypt


@pytest.mark.parametrize(
    ("name", "action", "purpose"),
    [("IngestFunction", "kms:Decrypt", ROWS_SEED), ("ImportPartFunction", "kms:GenerateDataKey", ROWS_KEY)],
)
def test_an_import_uses_the_statement_key_for_the_evidence_of_rows_alone(
    functions: dict[str, Template], name: str, action: str, purpose: str
) -> None:
    (statement,) = (one for one in statements(functions[name]) if action in actions(one))
    assert statement["Condition"] == {"StringEquals": {"kms:EncryptionContext:purpose": purpose}}


def test_no_function_may_delete_items(functions: dict[str, Template]) -> None:
    every = {action for function in functions.values() for one in statements(function) for action in actions(one)}
    assert not every & {"dynamodb:DeleteItem", "dynamodb:PartiQLDelete"}


def test_only_the_sequencer_sets_expiry_times_and_it_changes_no_record(functions: dict[str, Template]) -> None:
    uses = {
        (name, action): statement
        for name, function in functions.items()
        for statement in statements(function)
        for action in actions(statement)
        if action in MARKING | READING_STREAM
    }
    scans = {("SequenceFunction", "dynamodb:Scan"), ("VoidFunction", "dynamodb:Scan")}
    assert {one for one in uses if one[1] == "dynamodb:Scan"} == scans
    assert {name for name, action in uses if action != "dynamodb:Scan"} == {"SequenceFunction"}
    conditions = {action: statement.get("Condition", {}) for (_, action), statement in uses.items()}
    pointers = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["E#*", "G#*"]}}
    assert conditions["dynamodb:BatchWriteItem"] == pointers
    leaving = conditions["dynamodb:UpdateItem"]
    assert leaving["ForAllValues:StringLike"] == {"dynamodb:LeadingKeys": ["X#*", "S#*"]}
    assert leaving["ForAllValues:StringEquals"] == {"dynamodb:Attributes": ["pk", "sk", "version", "expires"]}
    assert {str(uses["SequenceFunction", action]["Resource"]) for action in READING_STREAM} == {str(STREAM)}


def test_the_keys_serve_this_account_only(template: Template) -> None:
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


def _named(resource: Any) -> list[str]:
    """`<bucket>/<prefix>` of each ARN, whether it refers to the bucket or spells the name that it has."""
    name = "arn:${AWS::Partition}:s3:::duecare-${Stage}-uploads-${AWS::AccountId}-${AWS::Region}"
    every = resource if isinstance(resource, list) else [resource]
    spelled = [one.get("Fn::Sub") or f"${{{one['Fn::GetAtt']}}}" for one in every]
    return [text.replace(name, "Bucket").replace("${", "").replace(".Arn}", "") for text in spelled]
