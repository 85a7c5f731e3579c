"""The log and the archive: the buckets, and what wakes the sequencer."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from duecare_core.domain.rules.retention import MIN_RETENTION
from tests.template.conftest import Template, of_type
from tests.template.test_template import routes

OWN = ("LogBucket", "ArchiveBucket")


def policy(template: Template, bucket: str) -> dict[str, Any]:
    """The statements of a bucket's policy, by Sid."""
    (found,) = [one for one in of_type(template, "AWS::S3::BucketPolicy").values() if one["Bucket"] == {"Ref": bucket}]
    return {statement["Sid"]: statement for statement in found["PolicyDocument"]["Statement"]}


@pytest.mark.parametrize("name", OWN)
def test_the_buckets_outlive_the_stack_and_are_private(template: Template, name: str) -> None:
    resource = template["Resources"][name]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    bucket = resource["Properties"]
    assert list(bucket["PublicAccessBlockConfiguration"].values()) == [True] * 4
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    encrypted = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Fn::GetAtt": "StoreKey.Arn"}}
    assert rule == {"BucketKeyEnabled": True, "ServerSideEncryptionByDefault": encrypted}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    tls = policy(template, name)["NothingWithoutTls"]
    assert (tls["Effect"], tls["Principal"], tls["Action"]) == ("Deny", "*", "s3:*")
    assert tls["Resource"] == [{"Fn::GetAtt": f"{name}.Arn"}, {"Fn::Sub": f"${{{name}.Arn}}/*"}]
    assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_copies_are_locked_when_they_are_put_and_none_can_be_hidden(template: Template) -> None:
    archive = template["Resources"]["ArchiveBucket"]["Properties"]
    assert archive["ObjectLockEnabled"] is True
    assert "LifecycleConfiguration" not in archive
    denied = policy(template, "ArchiveBucket")
    assert all(statement["Effect"] == "Deny" and statement["Principal"] == "*" for statement in denied.values())
    assert denied["NothingHidden"]["Action"] == "s3:DeleteObject"
    assert denied["NothingWithoutLock"]["Action"] == "s3:PutObject"
    assert denied["NothingWithoutLock"]["Condition"] == {"Null": {"s3:object-lock-mode": "true"}}
    short = denied["NothingForLessThanFiveMonths"]["Condition"]["NumericLessThan"]
    # The code asks for more, whatever the rule pack says: clocks differ, and what is asked for is already past a bit.
    assert timedelta(days=int(short["s3:object-lock-remaining-retention-days"])) < MIN_RETENTION


def test_only_staged_objects_of_the_log_expire(template: Template) -> None:
    rules = template["Resources"]["LogBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    expiring = [rule for rule in rules if "ExpirationInDays" in rule]
    assert [(rule["Prefix"], rule["ExpirationInDays"]) for rule in expiring] == [("staging/", 365)]
    (replaced,) = [rule for rule in rules if rule not in expiring]
    assert replaced["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}


def test_the_stream_and_the_clock_wake_the_sequencer(template: Template, functions: dict[str, Template]) -> None:
    function = functions["SequenceFunction"]
    assert function["Events"] == {"Clock": {"Type": "Schedule", "Properties": {"Schedule": "rate(1 minute)"}}}
    assert template["Resources"]["Table"]["Properties"]["StreamSpecification"] == {
        "StreamViewType": "NEW_AND_OLD_IMAGES"
    }
    (wakes,) = of_type(template, "AWS::Lambda::EventSourceMapping").values()
    assert wakes["FunctionName"] == {"Ref": "SequenceFunction"}
    assert wakes["EventSourceArn"] == {"Fn::GetAtt": "Table.StreamArn"}
    assert wakes["MaximumBatchingWindowInSeconds"] == 1
    # Wakes that fail must not pile up: a shard waits for each.
    assert wakes["MaximumRetryAttempts"] <= 3
    assert wakes["MaximumRecordAgeInSeconds"] <= 3600
    (pattern,) = wakes["FilterCriteria"]["Filters"]
    assert json.loads(pattern["Pattern"]) == {
        "eventName": ["INSERT", "MODIFY"],  # the expiry of a record is not logged
        "dynamodb": {"Keys": {"pk": {"S": [{"prefix": prefix} for prefix in ("X#", "S#", "P#", "K#", "Z#")]}}},
    }


def test_wakes_that_fail_are_kept_and_wake_somebody(template: Template, functions: dict[str, Template]) -> None:
    dead = {"Fn::GetAtt": "DeadWakes.Arn"}
    (wakes,) = of_type(template, "AWS::Lambda::EventSourceMapping").values()
    assert wakes["DestinationConfig"] == {"OnFailure": {"Destination": dead}}
    by_clock = functions["SequenceFunction"]["EventInvokeConfig"]
    assert by_clock["DestinationConfig"] == {"OnFailure": {"Type": "SQS", "Destination": dead}}
    sends = [
        statement
        for entry in functions["SequenceFunction"]["Policies"]
        for statement in entry["Statement"]
        if statement["Action"] == ["sqs:SendMessage"]
    ]
    assert [statement["Resource"] for statement in sends] == [dead]


def test_a_log_that_is_behind_or_reports_nothing_has_an_alarm(template: Template) -> None:
    alarms = of_type(template, "AWS::CloudWatch::Alarm")
    lag = alarms["LogLagAlarm"]
    assert (lag["MetricName"], lag["Threshold"], lag["TreatMissingData"]) == ("LogLagSeconds", 300, "breaching")
    # The clock's wakes tell it, so several must be missing before silence counts.
    assert lag["Period"] >= 120
    for name in ("LogDivergedAlarm", "LogGapAlarm", "UnreadableAlarm"):
        assert (alarms[name]["Threshold"], alarms[name]["TreatMissingData"]) == (0, "notBreaching")
    for name in ("LogLagAlarm", "LogDivergedAlarm", "LogGapAlarm", "UnreadableAlarm", "DeadWakesAlarm"):
        assert "Condition" not in template["Resources"][name]


def test_a_table_older_than_its_log_has_an_alarm_of_its_own(template: Template) -> None:
    alarm = of_type(template, "AWS::CloudWatch::Alarm")["LogDivergedAlarm"]
    assert (alarm["MetricName"], alarm["Statistic"]) == ("LogDiverged", "Sum")
    assert alarm["Dimensions"] == [{"Name": "service", "Value": "sequence"}]
    assert "docs/restore.md" in alarm["AlarmDescription"]


def test_the_sequencer_ends_before_lambda_ends_it(functions: dict[str, Template]) -> None:
    timeout = functions["SequenceFunction"]["Timeout"]
    assert timeout == 120  # functions/sequence/app.py begins another move only while half of it is left


def test_anyone_may_read_the_log_but_not_at_everybody_elses_cost(
    template: Template, functions: dict[str, Template]
) -> None:
    (api,) = of_type(template, "AWS::Serverless::HttpApi").values()
    found = routes({"EvidenceFunction": functions["EvidenceFunction"]})
    for route in ("GET /log/checkpoint", "GET /log/tile/{proxy+}"):
        assert found[route]["Auth"] == {"Authorizer": "NONE"}
        assert api["RouteSettings"][route]["ThrottlingRateLimit"] <= 100
    assert "Auth" not in found["GET /v1/decisions/{id}/bundle"]
    assert api["RouteSettings"]["GET /v1/decisions/{id}/bundle"]["ThrottlingRateLimit"] <= 20
    assert set(api["RouteSettings"]) <= set(routes(functions))
