"""A new table for each test, on any engine that speaks DynamoDB over HTTP, and the adapters on it."""

from __future__ import annotations

import uuid
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from duecare.adapters.dynamodb.bulk import DynamoDBBulkStore
from duecare.adapters.dynamodb.decision_store import DynamoDBDecisionStore
from duecare.adapters.dynamodb.documents import DynamoDBDocuments
from duecare.adapters.dynamodb.log_index import DynamoDBLogIndex
from duecare.adapters.dynamodb.stream import DynamoDBStream
from duecare.adapters.dynamodb.table_scan import DynamoDBTableScan
from duecare.adapters.lean_client import Credentials, Wire
from duecare.adapters.s3.archive import S3Archive
from duecare.adapters.s3.log_files import S3LogFiles

REGION = "us-east-1"
ACCESS_KEY, SECRET_KEY = "testing", "testing"
_STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


@cache
def client(service: str, endpoint: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(retries={"mode": "standard", "total_max_attempts": 3}),
    )


def create(endpoint: str, *, stream: bool = False) -> str:
    """The name of a new, empty table with the template's keys. Without its stream unless a test reads that: DynamoDB
    Local scans a stream's records at every write."""
    name = f"duecare-{uuid.uuid4().hex}"
    client("dynamodb", endpoint).create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk", "open_of")],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "open",
                "KeySchema": [{"AttributeName": "open_of", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        StreamSpecification=_STREAM if stream else {"StreamEnabled": False},
    )
    return name


def bucket(endpoint: str, *, locks: bool = False) -> str:
    """The name of a new, empty bucket; `locks`: versioned, and with Object Lock."""
    name = f"duecare-{uuid.uuid4().hex}"
    client("s3", endpoint).create_bucket(Bucket=name, ObjectLockEnabledForBucket=locks)
    return name


def queue(endpoint: str) -> str:
    """The URL of a new, empty queue."""
    return str(client("sqs", endpoint).create_queue(QueueName=f"duecare-{uuid.uuid4().hex}")["QueueUrl"])


def items(endpoint: str, table: str) -> list[dict[str, Any]]:
    """All items of a table, sorted by key."""
    pages = client("dynamodb", endpoint).get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    found = [item for page in pages for item in page["Items"]]
    return sorted(found, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))


def stream_arn(endpoint: str, table: str) -> str:
    return str(client("dynamodb", endpoint).describe_table(TableName=table)["Table"]["LatestStreamArn"])


def wire(endpoint: str, target: str = "DynamoDB_20120810", **limits: Any) -> Wire:
    return Wire(
        service="dynamodb",
        target=target,
        json_version="1.0",
        region=REGION,
        endpoint=endpoint,
        credentials=Credentials(ACCESS_KEY, SECRET_KEY),
        **limits,
    )


def decision_store(endpoint: str, table: str, **limits: Any) -> DynamoDBDecisionStore:
    return DynamoDBDecisionStore(wire(endpoint, **limits), table)


def bulk(endpoint: str, table: str, **limits: Any) -> DynamoDBBulkStore:
    return DynamoDBBulkStore(wire(endpoint, **limits), table)


def stream(endpoint: str, table: str, **limits: Any) -> DynamoDBStream:
    return DynamoDBStream(wire(endpoint, "DynamoDBStreams_20120810", **limits), stream_arn(endpoint, table))


def log_index(endpoint: str, table: str, **limits: Any) -> DynamoDBLogIndex:
    return DynamoDBLogIndex(wire(endpoint, **limits), table, backoff=lambda _: None)


def table_scan(endpoint: str, table: str, **limits: Any) -> DynamoDBTableScan:
    return DynamoDBTableScan(wire(endpoint, **limits), table)


def log_files(endpoint: str, bucket: str) -> S3LogFiles:
    return S3LogFiles(bucket, REGION, Credentials(ACCESS_KEY, SECRET_KEY), endpoint)


def archive(endpoint: str, bucket: str) -> S3Archive:
    return S3Archive(bucket, REGION, Credentials(ACCESS_KEY, SECRET_KEY), endpoint)


def documents(endpoint: str, table: str) -> DynamoDBDocuments:
    """PynamoDB takes its credentials from the environment: see the fixture `aws_environment`."""
    return DynamoDBDocuments(table, REGION, endpoint)
