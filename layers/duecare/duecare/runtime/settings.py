"""What the environment says, read once when a function starts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from duecare.adapters.lean_client import Credentials


class Settings(NamedTuple):
    """See template.yaml for what each is. Secrets, keys and the table's stream are ARNs; a function has only those
    that it needs. Buckets are names, `queue` a URL; `witnesses` is as adapters/witness.py reads it."""

    table: str
    issuer: str
    public_url: str
    log_origin: str
    region: str
    credentials: Credentials
    pepper_secret: str
    receipt_key_secret: str
    inputs_secret: str
    log_secret: str
    statement_key: str
    bucket: str
    log_bucket: str
    archive_bucket: str
    queue: str
    stream: str
    table_days: int
    witnesses: str
    endpoints: Mapping[str, str]

    def endpoint(self, service: str) -> str:
        """Where a service answers: as overridden by AWS's own variables, or its regional endpoint."""
        overridden = self.endpoints.get(service) or self.endpoints.get("")
        suffix = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        return overridden or f"https://{service}.{self.region}.{suffix}"

    def streams_endpoint(self) -> str:
        """Where DynamoDB's streams answer: a service of its own, which stand-ins serve with the tables."""
        overridden = self.endpoints.get("dynamodbstreams") or self.override("dynamodb")
        return overridden or self.endpoint("streams.dynamodb")

    def override(self, service: str) -> str | None:
        """The overriding endpoint alone, for clients that know the regional ones themselves."""
        return self.endpoints.get(service) or self.endpoints.get("")


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Raises KeyError where Lambda or the template left something out: the function must not start."""
    prefix = "AWS_ENDPOINT_URL"
    return Settings(
        table=environment["DUECARE_TABLE"],
        issuer=environment["DUECARE_ISSUER"],
        public_url=environment.get("DUECARE_PUBLIC_URL", "").rstrip("/"),
        log_origin=environment.get("DUECARE_LOG_ORIGIN", ""),
        region=environment.get("AWS_REGION") or environment["AWS_DEFAULT_REGION"],
        credentials=Credentials(
            environment["AWS_ACCESS_KEY_ID"],
            environment["AWS_SECRET_ACCESS_KEY"],
            environment.get("AWS_SESSION_TOKEN") or None,
        ),
        pepper_secret=environment.get("DUECARE_PEPPER_SECRET", ""),
        receipt_key_secret=environment.get("DUECARE_RECEIPT_KEY_SECRET", ""),
        inputs_secret=environment.get("DUECARE_INPUTS_SECRET", ""),
        log_secret=environment.get("DUECARE_LOG_SECRET", ""),
        statement_key=environment.get("DUECARE_STATEMENT_KEY", ""),
        bucket=environment.get("DUECARE_BUCKET", ""),
        log_bucket=environment.get("DUECARE_LOG_BUCKET", ""),
        archive_bucket=environment.get("DUECARE_ARCHIVE_BUCKET", ""),
        queue=environment.get("DUECARE_QUEUE", ""),
        stream=environment.get("DUECARE_STREAM", ""),
        table_days=int(environment.get("DUECARE_TABLE_DAYS", "180")),
        witnesses=environment.get("DUECARE_WITNESSES", ""),
        endpoints={
            name.removeprefix(prefix).removeprefix("_").lower().replace("_", ""): url
            for name, url in environment.items()
            if name.startswith(prefix) and url
        },
    )
