"""The resources of an upload: the bucket, the queue and the dead-letter queues."""

from __future__ import annotations

from tests.template.conftest import Template, of_type

NAME = {"Fn::Sub": "duecare-${Stage}-uploads-${AWS::AccountId}-${AWS::Region}"}


def test_the_bucket_is_private_encrypted_and_spoken_to_by_tls_alone(template: Template) -> None:
    name, bucket = "Bucket", of_type(template, "AWS::S3::Bucket")["Bucket"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    encrypted = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Fn::GetAtt": "StoreKey.Arn"}}
    assert rule == {"BucketKeyEnabled": True, "ServerSideEncryptionByDefault": encrypted}
    policy = of_type(template, "AWS::S3::BucketPolicy")["BucketPolicy"]
    assert policy["Bucket"] == {"Ref": name}
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [{"Fn::GetAtt": f"{name}.Arn"}, {"Fn::Sub": "${Bucket.Arn}/*"}]


def test_nothing_in_the_clear_lasts_in_the_bucket_and_nothing_of_it_is_kept(template: Template) -> None:
    bucket = of_type(template, "AWS::S3::Bucket")["Bucket"]
    rules = {rule.get("Prefix"): rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    days = {prefix: rule.get("ExpirationInDays") for prefix, rule in rules.items()}
    assert days == {"uploads/": 1, "parts/": 1, "rejects/": 7, None: None}
    assert rules[None]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert all(rule["Status"] == "Enabled" for rule in rules.values())
    # With old versions kept, what expires or is erased would still be there.
    assert "VersioningConfiguration" not in bucket


def test_the_evidence_of_rows_does_not_expire_and_outlives_the_stack(template: Template) -> None:
    bucket = of_type(template, "AWS::S3::Bucket")["Bucket"]
    prefixes = [rule.get("Prefix") for rule in bucket["LifecycleConfiguration"]["Rules"] if "ExpirationInDays" in rule]
    assert prefixes
    assert all(prefix and not "rows/".startswith(prefix) for prefix in prefixes)
    assert template["Resources"]["Bucket"]["DeletionPolicy"] == "RetainExceptOnCreate"


def test_bucket_and_function_do_not_wait_for_each_other(template: Template, functions: dict[str, Template]) -> None:
    """The bucket's notification needs the function: whatever the function needs of the bucket is its name."""
    ingest = functions["IngestFunction"]
    assert ingest["Events"]["Arrived"]["Properties"]["Bucket"] == {"Ref": "Bucket"}
    needed = {key: value for key, value in ingest.items() if key != "Events"}
    assert "'Ref': 'Bucket'" not in str(needed)
    assert "Bucket.Arn" not in str(needed)
    assert template["Resources"]["Bucket"]["Properties"]["BucketName"] == NAME
    assert needed["Environment"]["Variables"]["DUECARE_BUCKET"] == NAME
    # The longest stage and region that there are.
    longest = "duecare-${Stage}-uploads-${AWS::AccountId}-${AWS::Region}"
    longest = longest.replace("${Stage}", "s" * 16).replace("${AWS::AccountId}", "1" * 12)
    assert len(longest.replace("${AWS::Region}", "ap-southeast-1")) <= 63


def test_only_uploaded_files_trigger_ingest(functions: dict[str, Template]) -> None:
    (event,) = functions["IngestFunction"]["Events"].values()
    assert event["Type"] == "S3"
    assert event["Properties"]["Events"] == "s3:ObjectCreated:*"
    rules = event["Properties"]["Filter"]["S3Key"]["Rules"]
    assert rules == [{"Name": "prefix", "Value": "uploads/"}]


def test_each_part_is_imported_and_retried_alone(template: Template, functions: dict[str, Template]) -> None:
    (event,) = functions["ImportPartFunction"]["Events"].values()
    assert event["Type"] == "SQS"
    assert event["Properties"] == {
        "Queue": {"Fn::GetAtt": "Parts.Arn"},
        "BatchSize": 1,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": {"Ref": "PartsAtOnce"}},
    }
    queue = template["Resources"]["Parts"]["Properties"]
    # AWS's own advice: a message must not come back while its worker may still be at work, or be throttled.
    assert queue["VisibilityTimeout"] >= 6 * functions["ImportPartFunction"]["Timeout"]
    assert queue["RedrivePolicy"] == {"deadLetterTargetArn": {"Fn::GetAtt": "DeadParts.Arn"}, "maxReceiveCount": 5}
    # Lambda takes no less than 2.
    assert template["Parameters"]["PartsAtOnce"]["MinValue"] == 2


def test_every_final_failure_is_kept_and_has_an_alarm(template: Template, functions: dict[str, Template]) -> None:
    queues = of_type(template, "AWS::SQS::Queue")
    assert all(queue["SqsManagedSseEnabled"] is True for queue in queues.values())
    dead = {"DeadParts", "DeadFiles", "DeadWakes"}
    assert all(queues[name]["MessageRetentionPeriod"] == 14 * 24 * 3600 for name in dead)
    failing = functions["IngestFunction"]["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]
    assert failing == {"Type": "SQS", "Destination": {"Fn::GetAtt": "DeadFiles.Arn"}}
    watched = {
        alarm["Dimensions"][0]["Value"]["Fn::GetAtt"].partition(".")[0]
        for alarm in of_type(template, "AWS::CloudWatch::Alarm").values()
        if alarm.get("MetricName") == "ApproximateNumberOfMessagesVisible"
    }
    assert watched == dead
    assert "Condition" not in template["Resources"]["DeadPartsAlarm"]


def test_the_index_of_open_debts_is_sparse(template: Template) -> None:
    table = template["Resources"]["Table"]["Properties"]
    (index,) = table["GlobalSecondaryIndexes"]
    assert (index["IndexName"], index["KeySchema"]) == ("open", [{"AttributeName": "open_of", "KeyType": "HASH"}])
    assert {"AttributeName": "open_of", "AttributeType": "S"} in table["AttributeDefinitions"]
