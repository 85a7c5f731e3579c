"""A built function with its layer, run by Amazon's own Lambda runtime: what `sam local invoke` does inside a container.

    with Runtime("VerifyFunction", "python3.13", environment) as verify:
        answer = verify.invoke(event)

The runtime interface emulator comes with SAM's CLI, the runtime's client (awslambdaric) from PyPI. The interpreter is
started without its site-packages: what is missing from the layer is missing here as well.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.build import architecture, build, python_for
from tools.environments import PLACES
from tools.processes import HOST, Server, free_port, port_free
from tools.steps import HOME, LOGS, ROOT, ToolError, digest, locked, run

HANDLER = "app.handler"
_CLIENT = ("awslambdaric", "simplejson", "snapshot-restore-py")


class Runtime(Server):
    """One function, warm from its first `invoke` on, as one instance on Lambda would be."""

    def __init__(self, function: str, runtime: str, environment: Mapping[str, str]) -> None:
        """`function`: its logical id in template.yaml. `environment`: all that it sees besides Lambda's own variables.

        Raises ToolError if the build fails or this machine has no interpreter of that runtime.
        """
        python = python_for(runtime)
        if python is None:
            raise ToolError(f"There is no {runtime} on this machine")
        built = build(runtime)
        task, layers = built / function, [built / name / "python" for name in ("CoreLayer", "DuecareLayer")]
        self._port = free_port()
        command = [
            *(str(_emulator()), "--runtime-interface-emulator-address", f"{HOST}:{self._port}"),
            *("--runtime-api-address", f"{HOST}:{free_port()}", "--log-level", "warn"),
            # -S: no site-packages.
            *("/usr/bin/env", str(_base(python)), "-S", "-B", "-m", "awslambdaric", HANDLER),
        ]
        super().__init__(
            "The runtime interface emulator",
            command,
            LOGS / "rie" / f"{function}-{os.getpid()}.log",
            ready=lambda: not port_free(self._port),
            within=20,
            env=_lambda_environment(function, task, [task, *layers, _client(runtime, python)]) | dict(environment),
            cwd=task,
        )

    def invoke(self, event: Mapping[str, Any], timeout: float = 30) -> Any:
        """The function's answer to one event; an unhandled error is Lambda's `{errorMessage, errorType, …}`."""
        request = urllib.request.Request(
            f"http://{HOST}:{self._port}/2015-03-31/functions/function/invocations", data=json.dumps(event).encode()
        )
        with urllib.request.urlopen(request, timeout=timeout) as reply:
            return json.loads(reply.read())

    def said(self) -> str:
        """What the function wrote to its log so far."""
        return self.log.read_text(errors="replace")


def _lambda_environment(function: str, task: Path, path: list[Path]) -> dict[str, str]:
    return {
        "PATH": os.defpath,
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "LAMBDA_TASK_ROOT": str(task),
        "AWS_LAMBDA_FUNCTION_NAME": function,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "10",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def missing() -> str | None:
    """What this machine lacks to run it, or None."""
    try:
        _emulator()
    except ToolError as problem:
        return str(problem)
    return "the runtime interface emulator runs on Linux only" if sys.platform != "linux" else None


def _emulator() -> Path:
    """The one that fits this machine, out of SAM's environment."""
    found = [*PLACES["sam"].glob(f"lib/python*/site-packages/samcli/local/rapid/aws-lambda-rie-{architecture()}")]
    if not found:
        raise ToolError("Amazon's runtime interface emulator comes with SAM, which is not installed: run `make setup`")
    if not os.access(found[0], os.X_OK):
        found[0].chmod(0o755)
    return found[0]


def _client(runtime: str, python: Path) -> Path:
    """The folder with awslambdaric for that runtime, as it is pinned in requirements/dev.txt."""
    place = HOME / "tools" / f"awslambdaric-{runtime}"
    lock = ROOT / "requirements" / "dev.txt"
    with locked(HOME / "awslambdaric.lock"):
        stamp, wanted = place / ".stamp", digest([lock], runtime)
        if stamp.is_file() and stamp.read_text() == wanted:
            return place
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        pinned = place / "requirements.txt"
        pinned.write_text("".join(_pins(lock.read_text(), _CLIENT)))
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--no-deps", "--require-hashes"]
        run([*pip, "--only-binary", ":all:", "--target", str(place), "-r", str(pinned)], LOGS / "awslambdaric.log")
        stamp.write_text(wanted)
    return place


def _pins(lock: str, names: tuple[str, ...]) -> list[str]:
    """The entries of these packages: their line, and the indented lines of hashes below it."""
    entries = re.findall(r"^\S.*\n(?:[ \t]+.*\n)*", lock, re.MULTILINE)
    return [entry for entry in entries if entry.split("==")[0] in names]


def _base(python: Path) -> Path:
    """The interpreter itself, where `python` is a virtual environment's."""
    asked = [str(python), "-c", "import sys; print(sys._base_executable)"]
    return Path(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip())
