"""The settings of each function, read from the environment once, when the function starts.

Every member is one environment variable: `inputs_secret` is DUECARE_INPUTS_SECRET. template.yaml gives each function
exactly the variables of its own class, and a test compares the two.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TypeVar

import msgspec
from msgspec import Struct

from duecare.adapters.lean_client import Credentials
from duecare_core.errors import DuecareError

S = TypeVar("S", bound="Settings")
PREFIX = "DUECARE_"
_ENDPOINT = "AWS_ENDPOINT_URL"
_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


class SettingsError(DuecareError):
    """The environment lacks variables, or has some that cannot be read. The message names all of them."""


class AwsSettings(Struct, frozen=True, kw_only=True):
    """The region and credentials that Lambda provides. `endpoints`: AWS's own AWS_ENDPOINT_URL variables, by service;
    the one for every service is under the empty name."""

    region: str
    credentials: Credentials
    endpoints: Mapping[str, str] = {}

    def endpoint(self, service: str) -> str:
        """The service's URL: the override, or the regional endpoint."""
        suffix = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        return self.override(service) or f"https://{service}.{self.region}.{suffix}"

    def streams_endpoint(self) -> str:
        """The URL of DynamoDB Streams, a service of its own. Local engines serve it together with the tables."""
        overridden = self.endpoints.get("dynamodbstreams") or self.override("dynamodb")
        return overridden or self.endpoint("streams.dynamodb")

    def override(self, service: str) -> str | None:
        """The overriding URL alone, for clients that know the regional endpoints themselves."""
        return self.endpoints.get(service) or self.endpoints.get("")


class Settings(Struct, frozen=True, kw_only=True):
    """The settings of every function. Secrets, keys and streams are ARNs; buckets and tables are names."""

    aws: AwsSettings
    table: str


class AuthorizeSettings(Settings, frozen=True, kw_only=True):
    issuer: str


class VerifySettings(Settings, frozen=True, kw_only=True):
    """`public_url`: where callers reach the API; empty means the domain that API Gateway served the request on.
    `party_rate`: messages a second that a party may ask about in each process; 0 for no limit."""

    issuer: str
    public_url: str = ""
    log_origin: str
    pepper_secret: str
    receipt_key_secret: str
    inputs_secret: str
    party_rate: int = 0


class StateSettings(Settings, frozen=True, kw_only=True):
    """`party_rate`: as for verify, of statements."""

    issuer: str
    party_rate: int = 0
    pepper_secret: str
    acknowledgement_key_secret: str
    statement_key: str


class EvidenceSettings(Settings, frozen=True, kw_only=True):
    """`public_url` as for verify; `witnesses` in the form that adapters/witnesses.py reads, empty for none."""

    issuer: str
    public_url: str = ""
    inputs_secret: str
    statement_key: str
    log_bucket: str
    archive_bucket: str
    bucket: str
    witnesses: str = ""


class ReconcileSettings(Settings, frozen=True, kw_only=True):
    issuer: str
    receipt_key_secret: str


class UploadSettings(Settings, frozen=True, kw_only=True):
    issuer: str
    statement_key: str
    bucket: str


class ImportSettings(Settings, frozen=True, kw_only=True):
    """Of both steps of an import. ingest has no others."""

    pepper_secret: str
    statement_key: str
    bucket: str
    queue: str


class ImportPartSettings(ImportSettings, frozen=True, kw_only=True):
    """The worker that finishes an import acknowledges its manifest."""

    acknowledgement_key_secret: str


class SequenceSettings(Settings, frozen=True, kw_only=True):
    """`table_days`: how long logged records stay in the table; `witnesses` as for evidence."""

    log_origin: str
    log_secret: str
    log_bucket: str
    archive_bucket: str
    stream: str
    table_days: int
    witnesses: str = ""


class AdminSettings(Settings, frozen=True, kw_only=True):
    pepper_secret: str
    archive_bucket: str
    bucket: str


class VoidSettings(Settings, frozen=True, kw_only=True):
    """`table_days` as for sequence."""

    pepper_secret: str
    statement_key: str
    archive_bucket: str
    table_days: int


OF_FUNCTION: dict[str, type[Settings]] = {
    "admin": AdminSettings,
    "authorize": AuthorizeSettings,
    "evidence": EvidenceSettings,
    "import_part": ImportPartSettings,
    "ingest": ImportSettings,
    "reconcile": ReconcileSettings,
    "sequence": SequenceSettings,
    "state": StateSettings,
    "upload": UploadSettings,
    "verify": VerifySettings,
    "void": VoidSettings,
}


def variables(kind: type[Settings]) -> dict[str, str]:
    """The environment variable of each member, by the member's name."""
    return {name: PREFIX + name.upper() for name in kind.__struct_fields__ if name != "aws"}


def read(kind: type[S], environment: Mapping[str, str] = os.environ) -> S:
    """These settings from the environment. Raises SettingsError, naming every variable that is missing or empty."""
    own = variables(kind)
    required = [own[field.name] for field in msgspec.structs.fields(kind) if field.required and field.name in own]
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    needed = {name: environment.get(name) for name in (*_CREDENTIALS, *required)} | {"AWS_REGION": region}
    if missing := sorted(name for name, value in needed.items() if not value):
        raise SettingsError(f"Environment variables that must be set and are not: {', '.join(missing)}.")
    aws = AwsSettings(
        region=str(region),
        credentials=Credentials(
            environment["AWS_ACCESS_KEY_ID"],
            environment["AWS_SECRET_ACCESS_KEY"],
            environment.get("AWS_SESSION_TOKEN") or None,
        ),
        endpoints=_endpoints(environment),
    )
    values = {name: environment[variable] for name, variable in own.items() if environment.get(variable)}
    if "public_url" in values:
        values["public_url"] = values["public_url"].rstrip("/")
    if "table_days" in values and not values["table_days"].isdecimal():
        raise SettingsError("DUECARE_TABLE_DAYS must be a number of days, such as 180.")
    if "party_rate" in values and not values["party_rate"].isdecimal():
        raise SettingsError("DUECARE_PARTY_RATE must be a number of messages a second, such as 50; 0 for no limit.")
    return msgspec.convert({"aws": aws, **values}, kind, strict=False)


def _endpoints(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(_ENDPOINT).removeprefix("_").lower().replace("_", ""): url
        for name, url in environment.items()
        if name.startswith(_ENDPOINT) and url
    }
