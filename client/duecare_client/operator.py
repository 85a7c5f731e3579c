"""What the operator does, with AWS credentials and never over the public API: parties, halt, and the receipt key.

Parties and switches go through the `admin` function (lambda:InvokeFunction); the receipt key is rotated with the
operator's own rights on its secret. Both are found from the outputs of the stack.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from duecare_client.aws import aws_errors
from duecare_client.errors import BadAnswer, BadSettings, Conflict, request_error
from duecare_client.keyfile import published
from duecare_core.evidence.jose.keys import private_jwk

Json = dict[str, Any]
# A label of our own: a new version is put under it first, and becomes the current one in a second, conditional step.
_NEXT = "DUECARE_NEXT"


class Operator:
    """`client(service)` gives a boto3 client (duecare_client.aws); `stack` is the CloudFormation stack's name.

    Every method raises RequestError, CannotDecide or BadSettings.
    """

    def __init__(self, client: Callable[[str], Any], stack: str) -> None:
        self._client = client
        self._stack = stack
        self._outputs: dict[str, str] | None = None

    def operate(self, request: Json) -> Json:
        """Ask the admin function; its `result`."""
        function = self._output("AdminFunction")
        with aws_errors(f"invoke {function}"):
            reply = self._client("lambda").invoke(FunctionName=function, Payload=json.dumps(request).encode())
            payload = reply["Payload"].read()
        if reply.get("FunctionError"):
            raise BadAnswer(f"the function {function} failed; its log says why")
        try:
            answer = json.loads(payload)
            status, result, problem = answer["status"], answer.get("result"), answer.get("problem")
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BadAnswer(f"the function {function} did not answer as the admin function does") from None
        if isinstance(problem, dict) and isinstance(status, int):
            if status >= 500:
                raise BadAnswer(f"the function {function} could not do it: {problem.get('detail')}")
            raise request_error(status, problem)
        if not isinstance(result, dict):
            raise BadAnswer(f"the function {function} did not answer as the admin function does")
        return result

    def rotate_receipt_key(self, now: datetime) -> Json:
        """A new receipt key; the old one stays published. `{kid, retired: {kid, retired_at}}`.

        The new version becomes the current one only if the version that was read is still the current one. Two
        rotations at once would otherwise each retire the same key, and lose the one that signed in between.
        """
        name = self._output("ReceiptKeySecret")
        store = self._client("secretsmanager")
        with aws_errors(f"read the secret {name}"):
            current = store.get_secret_value(SecretId=name, VersionStage="AWSCURRENT")
        old_public, retired = _receipt_key(current["SecretString"], name)
        seed = secrets.token_hex(32)
        new_public = _public(seed)
        left = {**old_public, "retired_at": now.astimezone(UTC).isoformat(timespec="seconds")}
        with aws_errors(f"write the secret {name}"):
            put = store.put_secret_value(
                SecretId=name,
                SecretString=json.dumps({"seed": seed, "retired": [*retired, left]}),
                VersionStages=[_NEXT],
            )
        try:
            with aws_errors(f"make the new version of {name} the current one"):
                store.update_secret_version_stage(
                    SecretId=name,
                    VersionStage="AWSCURRENT",
                    MoveToVersionId=put["VersionId"],
                    RemoveFromVersionId=current["VersionId"],
                )
        except Conflict:
            raise Conflict("somebody else rotated the receipt key at the same time; nothing was changed here") from None
        return {"kid": new_public["kid"], "retired": {"kid": left["kid"], "retired_at": left["retired_at"]}}

    def store(self) -> tuple[Callable[[str], Any], str, str]:
        """`service name -> boto3 client`, and the names of the stack's table and archive."""
        return self._client, self._output("TableName"), self._output("ArchiveBucket")

    def _output(self, key: str) -> str:
        if self._outputs is None:
            with aws_errors(f"find the stack {self._stack}"):
                stacks = self._client("cloudformation").describe_stacks(StackName=self._stack)["Stacks"]
            outputs = stacks[0].get("Outputs", []) if stacks else []
            self._outputs = {output["OutputKey"]: output["OutputValue"] for output in outputs}
        if key not in self._outputs:
            raise BadSettings(f"the stack {self._stack} has no output {key}; is it a duecare stack? Set DUECARE_STACK")
        return self._outputs[key]


def _receipt_key(secret: str, name: str) -> tuple[dict[str, str], list[Json]]:
    """The public key of the seed that signs now, and the retired ones."""
    try:
        held = json.loads(secret)
        retired = held["retired"]
        if not isinstance(retired, list):
            raise TypeError
        return _public(held["seed"]), retired
    except (ValueError, KeyError, TypeError):
        # `from None`: a parser's words would show the seed.
        raise BadSettings(f"the secret {name} does not hold a receipt key; nothing was changed") from None


def _public(seed: str) -> dict[str, str]:
    return published(private_jwk(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))))
