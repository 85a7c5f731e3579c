"""MiniStack, the local AWS: one process on a loopback port, its state in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

from tools.environments import executable
from tools.steps import Problem, shown, tail

HOST = "127.0.0.1"
REGION = "us-east-1"
# It answers anyone; these are what every local AWS expects, and no credentials of anybody's.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
_STARTS_WITHIN = 60
_STOPS_WITHIN = 30


class MiniStack:
    """`home`: where state, log and process id live. One instance a home and port."""

    def __init__(self, home: Path, port: int) -> None:
        self.home, self.port = home, port
        self.endpoint = f"http://{HOST}:{port}"
        self.log = home / "logs" / "ministack.log"
        self._process_file = home / "ministack.json"

    def environment(self) -> dict[str, str]:
        """What an AWS client needs to talk to it, and to nothing else: no credentials or settings of the user's."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            **CREDENTIALS,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def start(self) -> None:
        """Start it, unless it runs already. Raises Problem where the port is taken or it does not come up."""
        if self.running() and self.answers():
            return
        self.stop()
        if not port_free(self.port):
            raise Problem(
                f"Port {self.port} is in use by another program.\n"
                f"Stop that program, or choose another port: DUECARE_PORT={self.port + 1} make run"
            )
        process = self._spawn()
        until = time.monotonic() + _STARTS_WITHIN
        while not self.answers():
            if process.poll() is not None:
                raise Problem(f"MiniStack stopped while it started:\n\n{tail(self.log)}", self.log)
            if time.monotonic() > until:
                self.stop()
                raise Problem(f"MiniStack did not answer within {_STARTS_WITHIN} s:\n\n{tail(self.log)}", self.log)
            time.sleep(0.1)
        process.returncode = 0  # disowned: it outlives this program, which is no reason for a ResourceWarning

    def stop(self) -> bool:
        """End it and wait, so that its state is written. True if it ran. Ends only the process it started itself."""
        pid = self.running()
        if pid is None:
            self._end_orphans()
            self._process_file.unlink(missing_ok=True)
            return False
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + _STOPS_WITHIN
        while _alive(pid):
            if time.monotonic() > until:
                # Not killed: that would lose what it has not written yet.
                raise Problem(f"MiniStack (process {pid}) does not end within {_STOPS_WITHIN} s; see {shown(self.log)}")
            time.sleep(0.05)
        _end_group(pid)
        self._process_file.unlink(missing_ok=True)
        return True

    def running(self) -> int | None:
        """The process id, if the process that was started still runs; a reused id is not taken for it."""
        try:
            noted = json.loads(self._process_file.read_text())
        except (OSError, ValueError):
            return None
        pid = int(noted["pid"])
        return pid if _alive(pid) and _started(pid) == noted["started"] else None

    def noted_port(self) -> int | None:
        """The port of the process that runs, which may not be the one wanted now."""
        return int(json.loads(self._process_file.read_text())["port"]) if self.running() else None

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=2) as reply:
                return bool(reply.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _end_orphans(self) -> None:
        """The workers of an instance that was killed. While its group has members, no new process can get its id."""
        with suppress(OSError, ValueError, KeyError):
            pid = int(json.loads(self._process_file.read_text())["pid"])
            if not _alive(pid):
                _end_group(pid)

    def _spawn(self) -> subprocess.Popen[bytes]:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        state, files = self.home / "state", self.home / "s3"
        for folder in (state, files):
            folder.mkdir(parents=True, exist_ok=True)
        _begin_streams_anew(state / "lambda.json")
        # Clean: what the caller's environment holds must neither reach the functions nor hide a missing package.
        env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(self.port),
            "IOT_MTLS_ENABLED": "0",  # or it listens on all interfaces
            "PERSIST_STATE": "1",
            "S3_PERSIST": "1",
            "STATE_DIR": str(state),
            "S3_DATA_DIR": str(files),
            "TMPDIR": str(_emptied(self.home / "tmp")),
        }
        with self.log.open("ab") as out:
            process = subprocess.Popen(
                [executable("ministack", "ministack")],
                env=env,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        noted = {"pid": process.pid, "started": _started(process.pid), "port": self.port}
        self._process_file.write_text(json.dumps(noted))
        return process


def port_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _begin_streams_anew(functions: Path) -> None:
    """It keeps how far its pollers had read a table's stream, but not the stream: they would sleep through as many
    changes as there had been."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        kept = json.loads(functions.read_text())
        kept["payload"]["dynamodb_stream_positions"]["data"].clear()
        fresh = functions.with_suffix(".new")
        fresh.write_text(json.dumps(kept))
        fresh.replace(functions)


def _emptied(folder: Path) -> Path:
    """It unpacks code and layer there for every worker, and leaves that behind."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _alive(pid: int) -> bool:
    # A child of our own that has ended stays a zombie until it is waited for.
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _started(pid: int) -> str:
    """When a process began, in whatever form this system tells it: with the id, it names one process for good."""
    try:
        # The 22nd field of /proc/<pid>/stat; the 2nd may hold spaces, and ends with the last bracket.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        told = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return told.stdout.strip()


def _end_group(pid: int) -> None:
    """Whatever of its own process group outlived it: the functions' workers."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGTERM)
