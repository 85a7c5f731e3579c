"""template.yaml, deployed to MiniStack as it would be to AWS, and the few things that MiniStack leaves out."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

import boto3

from tools import routes
from tools.build import SOURCES, architecture, build, parameters, running_python, sam_environment
from tools.environments import executable
from tools.ministack import CREDENTIALS, REGION, MiniStack
from tools.steps import ROOT, ToolError, digest, run, step, tail, wait_for

STACK = "duecare"
# MiniStack gives an API the id that this tag names, so that its URL is known before it exists.
API_ID = "duecare"
_BUCKET = "duecare-artifacts"
# Each is a process of its own here.
_PARTS_AT_ONCE = 2
# The sources of a deployment besides the built functions.
_STEPS = (ROOT / "tools" / "routes.py", ROOT / "tools" / "deploy.py")


class Deployed(NamedTuple):
    """`url`: where the API answers, no slash at the end. `outputs`: the stack's."""

    url: str
    outputs: dict[str, str]


def api_url(stack: MiniStack) -> str:
    return f"{stack.endpoint}/_aws/execute-api/{API_ID}"


def client(stack: MiniStack, service: str) -> Any:
    """A boto3 client for the local AWS, whatever the user's own settings say."""
    return boto3.client(
        service,
        endpoint_url=stack.endpoint,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )


def deploy(stack: MiniStack) -> Deployed:
    """Build and deploy what has changed since the last time; nothing if nothing has. Raises ToolError."""
    note = stack.home / "deployed.json"
    wanted = digest([*SOURCES, *_STEPS], running_python(), architecture(), stack.endpoint)
    if _is_deployed(stack, note, wanted):
        return Deployed(api_url(stack), _outputs(stack))
    with step("build the functions and their layer"):
        built = build(running_python())
    with step("deploy template.yaml"):
        note.unlink(missing_ok=True)
        _sam_deploy(stack, built)
        outputs = _outputs(stack)
        _create_routes(stack)
        _limit_pollers(stack)
        _lock_archive(stack, outputs["ArchiveBucket"])
        _wait_until_it_answers(stack)
    note.write_text(json.dumps({"digest": wanted}))
    return Deployed(api_url(stack), outputs)


def table_id(stack: MiniStack, name: str) -> str:
    """Distinguishes a table from a later one with the same name."""
    return str(client(stack, "dynamodb").describe_table(TableName=name)["Table"]["TableId"])


def _is_deployed(stack: MiniStack, note: Path, wanted: str) -> bool:
    try:
        deployed = json.loads(note.read_text())["digest"] == wanted
    except (OSError, ValueError, KeyError):
        return False
    return deployed and _status(stack) == 200


def _sam_deploy(stack: MiniStack, built: Path) -> None:
    _make_bucket(stack)
    _remove_failed(stack)
    command = [
        *(executable("sam", "sam"), "deploy", "--template-file", str(built / "template.yaml")),
        *("--stack-name", STACK, "--s3-bucket", _BUCKET, "--region", REGION, "--capabilities", "CAPABILITY_IAM"),
        *("--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"),
        *("--tags", f"ms-custom-id={API_ID}"),
        *("--parameter-overrides", *parameters(running_python()), "Stage=local", "DeletionProtection=false"),
        *(f"PublicUrl={api_url(stack)}", f"PartsAtOnce={_PARTS_AT_ONCE}"),
    ]
    log = stack.home / "logs" / "deploy.log"
    # In a folder of its own: a samconfig.toml of the user's must not decide where this goes.
    env = {**sam_environment(), **stack.environment(), "SAM_CLI_POLL_DELAY": "1"}
    try:
        run(command, log, env=env, cwd=stack.home)
    except ToolError as problem:
        raise ToolError(
            f"template.yaml could not be deployed. {problem}\n\nTo start anew: make clean, then make run", log
        ) from None


def _make_bucket(stack: MiniStack) -> None:
    s3 = client(stack, "s3")
    if _BUCKET not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=_BUCKET)


def _remove_failed(stack: MiniStack) -> None:
    """A stack whose creation failed cannot be updated; it holds nothing."""
    cloudformation = client(stack, "cloudformation")
    stacks = cloudformation.list_stacks(StackStatusFilter=["ROLLBACK_COMPLETE", "CREATE_FAILED"])["StackSummaries"]
    if any(one["StackName"] == STACK for one in stacks):
        cloudformation.delete_stack(StackName=STACK)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})


def _create_routes(stack: MiniStack) -> None:
    cloudformation = client(stack, "cloudformation")
    template = cloudformation.get_template(StackName=STACK, TemplateStage="Processed")["TemplateBody"]
    described = cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
    physical = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in described}
    routes.create(client(stack, "apigatewayv2"), template, physical)


def _limit_pollers(stack: MiniStack) -> None:
    """MiniStack keeps a parameter of the template as text, and its poller fails over a limit that is no number."""
    functions = client(stack, "lambda")
    for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
        limit = mapping.get("ScalingConfig", {}).get("MaximumConcurrency")
        if limit is not None:
            functions.update_event_source_mapping(
                UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": int(limit)}
            )


def _lock_archive(stack: MiniStack, bucket: str) -> None:
    """MiniStack leaves out that the template makes this bucket with Object Lock."""
    enabled = {"ObjectLockEnabled": "Enabled"}
    client(stack, "s3").put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=enabled)


def _outputs(stack: MiniStack) -> dict[str, str]:
    described = client(stack, "cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
    return {one["OutputKey"]: one["OutputValue"] for one in described["Outputs"]}


def _wait_until_it_answers(stack: MiniStack) -> None:
    if not wait_for(lambda: _status(stack) == 200, 60, every=0.3):
        raise ToolError(
            f"The stack is deployed, but GET {api_url(stack)}/v1/status answers {_status(stack) or 'nothing'}:\n\n"
            f"{tail(stack.log)}",
            stack.log,
        )


def _status(stack: MiniStack) -> int | None:
    try:
        with urllib.request.urlopen(f"{api_url(stack)}/v1/status", timeout=10) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None
