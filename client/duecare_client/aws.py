"""boto3 for the operator's commands: imported late, for AWS or a local endpoint, with its errors turned into ours."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from duecare_client.errors import BadAnswer, BadSettings, Conflict, NotAllowed, Unavailable, Unreachable
from duecare_client.settings import Profile

_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "ExpiredToken", "ExpiredTokenException",
                     "InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch"})  # fmt: skip
_THROTTLED = frozenset({"Throttling", "ThrottlingException", "TooManyRequestsException", "SlowDown",
                        "ProvisionedThroughputExceededException"})  # fmt: skip
_READ = frozenset({"dynamodb", "s3"})
_CHANGED = frozenset({"InvalidParameterException", "InvalidRequestException"})


def connect(profile: Profile | None, environment: Mapping[str, str]) -> Callable[[str], Any]:
    """`service name -> boto3 client`. The endpoint and region of the profile override those of the environment.

    Raises BadSettings if boto3, a region or a usable AWS profile is missing.
    """
    try:
        boto3 = importlib.import_module("boto3")
        botocore_config = importlib.import_module("botocore.config")
    except ModuleNotFoundError:
        raise BadSettings("the operator's commands need boto3: pip install boto3") from None
    endpoint = profile.aws_endpoint_url if profile else None
    options: dict[str, Any] = {"endpoint_url": endpoint} if endpoint else {}
    if endpoint and not ({"AWS_ACCESS_KEY_ID", "AWS_PROFILE"} & environment.keys()):
        # Dummy credentials: those of this machine must not be sent to a local endpoint.
        options |= {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    with aws_errors("set up the AWS session"):
        session = boto3.Session()
        region = (profile.region if profile else None) or session.region_name
    if not region and (endpoint or environment.get("AWS_ENDPOINT_URL")):
        region = "us-east-1"
    if not region:
        raise BadSettings("no AWS region: set AWS_REGION, or name one in the profile")

    def client(service: str) -> Any:
        # One attempt: the operator wants to know now, and a retried `party add` would report its own first attempt as
        # a conflict. Long reads are retried.
        attempts = 5 if service in _READ else 1
        retries = {"total_max_attempts": attempts, "mode": "standard"}
        # A function may take as long as its Timeout allows (template.yaml).
        patience = 310 if service == "lambda" else 30
        config = botocore_config.Config(connect_timeout=5, read_timeout=patience, retries=retries)
        with aws_errors(f"reach {service}"):
            return session.client(service, region_name=region, config=config, **options)

    return client


@contextmanager
def aws_errors(doing: str) -> Iterator[None]:
    """Turns botocore's errors into ours. `doing`: the action, for the message (`invoke some-function`)."""
    exceptions = importlib.import_module("botocore.exceptions")
    try:
        yield
    except exceptions.ClientError as error:
        raise _explained(error.response.get("Error", {}), doing) from None
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError):
        raise BadSettings(
            "no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        ) from None
    except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
        raise Unreachable(f"could not {doing}: {error}") from None
    except (exceptions.BotoCoreError, ValueError) as error:
        raise BadSettings(f"could not {doing}: {error}") from None


def _explained(error: Mapping[str, str], doing: str) -> Exception:
    code, message = error.get("Code", ""), error.get("Message", "")
    what = f"could not {doing}: {message or code}"
    if code in _DENIED:
        return NotAllowed(what)
    if code in _THROTTLED:
        return Unavailable(what, status=429)
    if code in _CHANGED:
        return Conflict(what)
    if code == "ValidationError" and "does not exist" in message:
        return BadSettings(f"{what}; set DUECARE_STACK, or name the stack in the profile")
    if code in ("ResourceNotFoundException", "NoSuchBucket"):
        return BadSettings(what)
    return BadAnswer(what)
