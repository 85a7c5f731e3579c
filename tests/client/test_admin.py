"""The requests that the operator's commands send to AWS, and how they report its answers. AWS is replaced here."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from typer.testing import CliRunner, Result

from duecare_client.aws import connect
from duecare_client.cli.context import CliContext
from duecare_client.cli.main import app
from duecare_client.keyfile import proven
from duecare_client.settings import Profile

NOW = 1_700_000_000
OUTPUTS = {"AdminFunction": "duecare-admin", "ReceiptKeySecret": "duecare/receipt-key"}


def client_error(code: str, message: str = "words") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")


class Aws:
    """CloudFormation, Lambda and Secrets Manager as far as the operator's commands touch them."""

    def __init__(self, seed: str) -> None:
        self.requests: list[dict[str, Any]] = []
        self.answer: Any = {"status": 200, "result": {"id": "some-asset", "state": "active"}}
        self.failure: Exception | None = None
        self.function_error = False
        self.stacks: list[str] = []
        self.versions = {"v1": json.dumps({"seed": seed, "retired": []})}
        self.current = "v1"
        self.before_promotion: Callable[[], None] = lambda: None

    def __call__(self, profile: Profile | None, environment: Any) -> Callable[[str], Any]:
        return lambda service: self

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803  boto3's name
        self.stacks.append(StackName)
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in OUTPUTS.items()]
        return {"Stacks": [{"Outputs": outputs}]}

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        if self.failure:
            raise self.failure
        assert FunctionName == "duecare-admin"
        self.requests.append(json.loads(Payload))
        answer = self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()
        return {"Payload": io.BytesIO(answer), **({"FunctionError": "Unhandled"} if self.function_error else {})}

    def get_secret_value(self, *, SecretId: str, VersionStage: str) -> dict[str, str]:  # noqa: N803
        assert (SecretId, VersionStage) == ("duecare/receipt-key", "AWSCURRENT")
        return {"SecretString": self.versions[self.current], "VersionId": self.current}

    def put_secret_value(self, *, SecretId: str, SecretString: str, VersionStages: list[str]) -> dict[str, str]:  # noqa: N803
        assert "AWSCURRENT" not in VersionStages
        version = f"v{len(self.versions) + 1}"
        self.versions[version] = SecretString
        return {"VersionId": version}

    def update_secret_version_stage(self, **asked: str) -> None:
        self.before_promotion()
        if asked["RemoveFromVersionId"] != self.current:
            raise client_error("InvalidParameterException")
        assert asked["VersionStage"] == "AWSCURRENT"
        self.current = asked["MoveToVersionId"]


@pytest.fixture
def aws(service: Any) -> Aws:
    return Aws(service.receipt_key.seed)


@pytest.fixture
def duecare(aws: Aws, profile: Path) -> Callable[..., Result]:
    def run(*args: str, **environment: str) -> Result:
        cli = CliContext(environment=environment, directory=profile, aws=aws, clock=lambda: NOW)
        return CliRunner().invoke(app, list(args), obj=cli)

    return run


@pytest.fixture
def public(service: Any, tmp_path: Path) -> str:
    path = tmp_path / "pub.jwk"
    path.write_text(json.dumps(proven(service.party.jwk, datetime.fromtimestamp(NOW, UTC))))
    return str(path)


def test_a_party_is_added_with_its_roles_names_and_public_key(
    duecare: Callable[..., Result], aws: Aws, service: Any, public: str
) -> None:
    result = duecare(
        "admin", "party", "add", "some-asset", "--role", "creditor", "--role", "collector", "--name", "某资产有限公司",
        "--sender-name", "某资产", "--sender-name", "某资产公司", "--key", public,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    (request,) = aws.requests
    key = request.pop("key")
    assert request == {
        "do": "party-add",
        "id": "some-asset",
        "roles": ["creditor", "collector"],
        "name": "某资产有限公司",
        "sender_names": ["某资产", "某资产公司"],
        "shadow": False,
        "templates_only": False,
    }
    assert {**key, **service.party.public_jwk} == key
    assert (key["kid"], "proof" in key) == (service.party.kid, True)
    assert "some-asset" in result.stdout


def test_a_private_key_is_never_sent(duecare: Callable[..., Result], aws: Aws, service: Any, tmp_path: Path) -> None:
    path = tmp_path / "key.jwk"
    path.write_text(json.dumps(service.party.jwk))
    for args in (
        ["admin", "party", "add", "x1", "--role", "gateway", "--name", "X", "--key", str(path)],
        ["admin", "key", "add", "x1", "--key", str(path)],
    ):
        result = duecare(*args)
        assert result.exit_code == 2
        assert "private key" in result.stderr
        assert service.party.jwk["d"] not in result.output
    assert aws.requests == []


def test_a_public_key_without_its_proof_is_not_sent(
    duecare: Callable[..., Result], aws: Aws, service: Any, tmp_path: Path
) -> None:
    path = tmp_path / "pub.jwk"
    another = proven(service.receipt_key.jwk, datetime.fromtimestamp(NOW, UTC))["proof"]
    for proof in ({}, {"proof": ""}, {"proof": another}):
        path.write_text(json.dumps(service.party.public_jwk | proof))
        result = duecare("admin", "key", "add", "x1", "--key", str(path))
        assert result.exit_code == 2
        assert "duecare keys show FILE" in result.stderr
        assert "duecare keys new" in result.stderr
    assert aws.requests == []


@pytest.mark.parametrize("jwk", ["", "{}", "[]", '{"kty":"RSA","n":"AQAB","e":"AQAB"}', '{"kty":"oct","k":"AAAA"}'])
def test_only_a_public_key_is_sent(duecare: Callable[..., Result], aws: Aws, tmp_path: Path, jwk: str) -> None:
    path = tmp_path / "pub.jwk"
    path.write_text(jwk)
    assert duecare("admin", "key", "add", "x1", "--key", str(path)).exit_code == 2
    assert aws.requests == []


@pytest.mark.parametrize(
    ("args", "request_sent"),
    [
        (["party", "suspend", "x1"], {"do": "party-suspend", "id": "x1"}),
        (["party", "resume", "x1"], {"do": "party-resume", "id": "x1"}),
        (["party", "show", "x1"], {"do": "party-show", "id": "x1"}),
        (["key", "revoke", "x1", "-d_KID"], {"do": "key-revoke", "id": "x1", "kid": "-d_KID"}),
        (["key", "revoke", "x1", "--KID"], {"do": "key-revoke", "id": "x1", "kid": "--KID"}),
        (["halt", "on"], {"do": "halt", "on": True}),
        (["halt", "off", "--creditor", "c1"], {"do": "halt", "on": False, "creditor": "c1"}),
        (["halt", "on", "--gateway", "g1"], {"do": "halt", "on": True, "gateway": "g1"}),
    ],
)
def test_a_command_asks_for_one_thing(
    duecare: Callable[..., Result], aws: Aws, args: list[str], request_sent: dict[str, Any]
) -> None:
    result = duecare("admin", *args, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == aws.answer["result"]
    assert aws.requests == [request_sent]


def test_halt_takes_a_creditor_or_a_gateway_and_not_both(duecare: Callable[..., Result], aws: Aws) -> None:
    assert duecare("admin", "halt", "on", "--creditor", "c1", "--gateway", "g1").exit_code == 2
    assert aws.requests == []


def test_the_stack_is_the_profiles_or_the_environments_or_the_default(duecare: Callable[..., Result], aws: Aws) -> None:
    duecare("admin", "halt", "on")
    duecare("admin", "halt", "on", DUECARE_STACK="other")
    duecare("admin", "halt", "on", "--profile", "local", DUECARE_STACK="other")
    assert aws.stacks == ["duecare", "other", "duecare"]


def test_a_problem_of_the_function_exits_1(duecare: Callable[..., Result], aws: Aws) -> None:
    aws.answer = {"status": 409, "problem": {"type": "urn:duecare:problem:party-exists", "detail": "It is there."}}
    result = duecare("admin", "party", "show", "x1", "--json")
    assert result.exit_code == 1
    assert "It is there." in result.stderr
    assert json.loads(result.stdout)["problem"]["type"] == "urn:duecare:problem:party-exists"


@pytest.mark.parametrize("answer", [b"", b"null", b"[]", b"{}", b'{"status": 200}', b'{"status": 503, "problem": {}}'])
def test_an_answer_that_says_nothing_is_not_taken_for_done(
    duecare: Callable[..., Result], aws: Aws, answer: bytes
) -> None:
    aws.answer = answer
    assert duecare("admin", "halt", "on").exit_code == 3


def test_a_function_that_failed_exits_3(duecare: Callable[..., Result], aws: Aws) -> None:
    aws.answer, aws.function_error = {"errorMessage": "x"}, True
    result = duecare("admin", "halt", "on")
    assert result.exit_code == 3
    assert "log" in result.stderr


@pytest.mark.parametrize(
    ("failure", "code", "words"),
    [
        (client_error("AccessDeniedException", "not authorized"), 1, "not authorized"),
        (client_error("TooManyRequestsException"), 3, "words"),
        (client_error("ResourceNotFoundException", "no such function"), 2, "no such function"),
        (client_error("ServiceException"), 3, "words"),
        (NoCredentialsError(), 2, "AWS_PROFILE"),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), 3, "connect"),
    ],
)
def test_an_error_of_aws_becomes_one_line_and_an_exit_code(
    duecare: Callable[..., Result], aws: Aws, failure: Exception, code: int, words: str
) -> None:
    aws.failure = failure
    result = duecare("admin", "halt", "on")
    assert result.exit_code == code
    assert words in result.stderr
    assert "Traceback" not in result.output


def test_a_rotated_receipt_key_stays_published_and_no_seed_is_shown(
    duecare: Callable[..., Result], aws: Aws, service: Any
) -> None:
    result = duecare("admin", "receipt-key", "rotate", "--json")
    assert result.exit_code == 0, result.output
    held = json.loads(aws.versions[aws.current])
    assert held["seed"] != service.receipt_key.seed
    assert bytes.fromhex(held["seed"])
    (retired,) = held["retired"]
    assert {**retired, **service.receipt_key.public_jwk} == retired
    assert retired["kid"] == service.receipt_key.kid
    assert retired["retired_at"] == datetime.fromtimestamp(NOW, UTC).isoformat()
    assert "d" not in retired
    assert held["seed"] not in result.output
    assert service.receipt_key.seed not in result.output
    assert json.loads(result.stdout)["retired"]["kid"] == service.receipt_key.kid


def test_every_retired_key_is_kept(duecare: Callable[..., Result], aws: Aws) -> None:
    for _ in range(3):
        assert duecare("admin", "receipt-key", "rotate").exit_code == 0
    assert len({key["kid"] for key in json.loads(aws.versions[aws.current])["retired"]}) == 3


def test_of_two_rotations_at_once_one_is_refused_and_no_key_is_lost(duecare: Callable[..., Result], aws: Aws) -> None:
    def somebody_else() -> None:
        aws.before_promotion = lambda: None
        assert duecare("admin", "receipt-key", "rotate").exit_code == 0

    aws.before_promotion = somebody_else
    result = duecare("admin", "receipt-key", "rotate")
    assert result.exit_code == 1
    assert "same time" in result.stderr
    assert len(json.loads(aws.versions[aws.current])["retired"]) == 1


@pytest.mark.parametrize("secret", ["", "{}", '{"seed": "zz", "retired": []}', '{"seed": "00", "retired": []}'])
def test_a_secret_that_holds_no_key_is_left_alone(duecare: Callable[..., Result], aws: Aws, secret: str) -> None:
    aws.versions["v1"] = secret
    assert duecare("admin", "receipt-key", "rotate").exit_code == 2
    assert aws.versions == {"v1": secret}


@pytest.fixture
def no_aws_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
                 "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    return monkeypatch


def test_an_endpoint_and_dummy_credentials_are_enough(no_aws_settings: pytest.MonkeyPatch) -> None:
    given = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    for name, value in given.items():
        no_aws_settings.setenv(name, value)
    made = connect(None, given)("lambda")
    assert (made.meta.endpoint_url, made.meta.region_name) == ("http://127.0.0.1:1", "us-east-1")


def test_a_local_profile_needs_no_credentials_at_all(no_aws_settings: pytest.MonkeyPatch) -> None:
    profile = Profile(aws_endpoint_url="http://127.0.0.1:1", region="eu-west-1")
    made = connect(profile, {})("lambda")
    assert (made.meta.endpoint_url, made.meta.region_name) == ("http://127.0.0.1:1", "eu-west-1")
    assert made._request_signer._credentials.access_key == "test"


def test_without_a_region_nothing_is_guessed(no_aws_settings: pytest.MonkeyPatch, profile: Path) -> None:
    cli = CliContext(environment={}, directory=profile)
    result = CliRunner().invoke(app, ["admin", "halt", "on"], obj=cli)
    assert result.exit_code == 2
    assert "AWS_REGION" in result.stderr
