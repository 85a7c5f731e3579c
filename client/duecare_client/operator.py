"""The operator's actions: parties, halt and the receipt key, with AWS credentials and never over the public API.

Parties and switches go through the `admin` function (lambda:InvokeFunction). The receipt key is rotated with the
operator's rights on its secret. The outputs of the stack name both.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from duecare_client.aws import aws_errors
from duecare_client.errors import BadAnswer, BadSettings, Conflict, RequestError, request_error
from duecare_client.keyfile import published
from duecare_core.evidence.jose.keys import private_jwk

Json = dict[str, Any]
# Our own staging label: a new version gets it first, and becomes current in a second, conditional step.
_NEXT = "DUECARE_NEXT"
_WAIT = 2.0  # seconds between two questions whether a void may begin


class Operator:
    """`client(service)` gives a boto3 client (duecare_client.aws); `stack` is the CloudFormation stack's name.

    Every method raises RequestError, CannotDecide or BadSettings.
    """

    def __init__(self, client: Callable[[str], Any], stack: str) -> None:
        self._client = client
        self._stack = stack
        self._outputs: dict[str, str] | None = None

    def operate(self, request: Json) -> Json:
        """Invokes the admin function and returns its `result`."""
        return self._invoke("AdminFunction", request)

    def void(self, request: Json, progressed: Callable[[Json], None], sleep: Callable[[float], None]) -> Json:
        """Voids statements, or undoes a void: invokes the void function until it is done. `request`: the first one.

        `progressed` is called with each report but the last. After an error the same request goes on where it ended.
        """
        report = self._invoke("VoidFunction", request)
        while not _is_done(report):
            progressed(report)
            if report.get("waiting"):
                sleep(_WAIT)
            report = self._invoke("VoidFunction", {"do": "void-step", "party": request["party"], "id": report["id"]})
        return report

    def resume_log(self, size: int, progressed: Callable[[Json], None]) -> list[Json]:
        """Resumes the log over a restored table: invokes the sequencer until its head is the published one, and puts
        the registrations back that the table has lost. Returns the records that have an entry and that the table has
        lost: `{kind, id, at, index, restored}`.

        `size`: the entries of the published log. `progressed` is called with each report. After an error the same
        request goes on where it ended; a registration that was not put back is then to be restored by itself.
        """
        found: list[Json] = []
        done = False
        while not done:
            report = self._invoke("SequenceFunction", {"do": "log-resume", "size": size})
            progressed(report)
            try:
                done = bool(report["done"])
                found += [{**one, "restored": self._put_back(one)} for one in report["lost"]]
            except (KeyError, TypeError, ValueError):
                raise BadAnswer("the sequencer did not say how far it has come") from None
        return found

    def restore_party(self, party_id: str, version: int) -> Json:
        """Puts a version of a registration back, from its copy in the archive; `*`: of the halt of everything."""
        client, _, bucket = self.store()
        name = f"parties/{party_id}/{version}"
        with aws_errors(f"read {name} in {bucket}"):
            copy = client("s3").get_object(Bucket=bucket, Key=name)["Body"].read().decode()
        return self.operate({"do": "party-restore", "copy": copy})

    def _put_back(self, lost: Json) -> bool:
        """Whether a lost record is a registration, and is in the table again."""
        if lost["kind"] != "party":
            return False
        party, _, version = lost["id"].rpartition("/")
        try:
            self.restore_party(party, int(version))
        except RequestError:
            return False  # another version is there; the operator is shown which one is missing
        return True

    def _invoke(self, output: str, request: Json) -> Json:
        function = self._output(output)
        with aws_errors(f"invoke {function}"):
            reply = self._client("lambda").invoke(FunctionName=function, Payload=json.dumps(request).encode())
            payload = reply["Payload"].read()
        if reply.get("FunctionError"):
            raise BadAnswer(f"the function {function} failed; its log says why")
        try:
            answer = json.loads(payload)
            status, result, problem = answer["status"], answer.get("result"), answer.get("problem")
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BadAnswer(f"the function {function} did not answer like the admin function") from None
        if isinstance(problem, dict) and isinstance(status, int):
            if status >= 500:
                raise BadAnswer(f"the function {function} could not do it: {problem.get('detail')}")
            raise request_error(status, problem)
        if not isinstance(result, dict):
            raise BadAnswer(f"the function {function} did not answer like the admin function")
        return result

    def rotate_receipt_key(self, now: datetime) -> Json:
        """Makes a new receipt key; the old one stays published. Returns `{kid, retired: {kid, retired_at}}`.

        The new version becomes current only if the version that was read still is. Two rotations at once would
        otherwise both retire the same key, and lose the one that signed in between.
        """
        name = self._output("ReceiptKeySecret")
        store = self._client("secretsmanager")
        with aws_errors(f"read the secret {name}"):
            current = store.get_secret_value(SecretId=name, VersionStage="AWSCURRENT")
        old_public, retired = _receipt_key(current["SecretString"], name)
        seed = secrets.token_hex(32)
        new_public = _public(seed)
        old_retired = {**old_public, "retired_at": now.astimezone(UTC).isoformat(timespec="seconds")}
        with aws_errors(f"write the secret {name}"):
            put = store.put_secret_value(
                SecretId=name,
                SecretString=json.dumps({"seed": seed, "retired": [*retired, old_retired]}),
                VersionStages=[_NEXT],
            )
        try:
            with aws_errors(f"make the new version of {name} current"):
                store.update_secret_version_stage(
                    SecretId=name,
                    VersionStage="AWSCURRENT",
                    MoveToVersionId=put["VersionId"],
                    RemoveFromVersionId=current["VersionId"],
                )
        except Conflict:
            raise Conflict(
                "someone else rotated the receipt key at the same time; this rotation changed nothing"
            ) from None
        return {
            "kid": new_public["kid"],
            "retired": {"kid": old_retired["kid"], "retired_at": old_retired["retired_at"]},
        }

    def store(self) -> tuple[Callable[[str], Any], str, str]:
        """`service name -> boto3 client`, and the names of the stack's table and archive bucket."""
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


def _is_done(report: Json) -> bool:
    try:
        return bool(report["progress"]["phase"] == "done" or not report["id"])
    except (KeyError, TypeError):
        raise BadAnswer("the void function did not say how far it has come") from None


def _receipt_key(secret: str, name: str) -> tuple[dict[str, str], list[Json]]:
    """The current public key, and the retired ones."""
    try:
        content = json.loads(secret)
        retired = content["retired"]
        if not isinstance(retired, list):
            raise TypeError
        return _public(content["seed"]), retired
    except (ValueError, KeyError, TypeError):
        # `from None`: a parser's message may repeat the seed.
        raise BadSettings(f"the secret {name} does not hold a receipt key; nothing was changed") from None


def _public(seed: str) -> dict[str, str]:
    return published(private_jwk(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))))
