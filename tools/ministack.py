"""MiniStack, the local AWS: one process on a loopback port, its state in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

from tools.environments import executable
from tools.processes import HOST, end_group, port_free, spawn, wait_until_ready
from tools.steps import ToolError, shown, wait_for

REGION = "us-east-1"
# It answers anyone; these are what every local AWS expects, and no credentials of anybody's.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
LOST_STATE = (
    "the local AWS did not end with `make stop` once (it was killed, or the machine went down), so it has lost what it "
    "had not saved.\n  To start anew without what it holds: make clean, then make run"
)
_STARTS_WITHIN = 60
_STOPS_WITHIN = 30


class MiniStack:
    """`home`: where state, log and process id live. One instance a home and port."""

    def __init__(self, home: Path, port: int) -> None:
        self.home, self.port = home, port
        self.endpoint = f"http://{HOST}:{port}"
        self.log = home / "logs" / "ministack.log"
        self._process_file = home / "ministack.json"
        self._port_file = home / "port"
        self._lost_mark = home / "unclean"

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
        """Start it, unless it runs already. Raises ToolError where the port is taken or it does not come up."""
        if self.running() and self.answers():
            return
        if self.running() is None and self._process_file.exists():
            self._lost_mark.touch()
        self.stop()
        self.need_port()
        process = self._spawn()
        try:
            wait_until_ready("MiniStack", process, self.answers, self.log, _STARTS_WITHIN)
            self._port_file.write_text(str(self.port))
        except BaseException:
            self.stop()
            raise
        finally:
            process.returncode = 0  # disowned: it may outlive this program, which is no reason for a ResourceWarning

    def need_port(self) -> None:
        """Raises ToolError if another program listens on the port."""
        if not port_free(self.port):
            raise ToolError(
                f"Port {self.port} is in use by another program.\n"
                f"Stop that program, or choose another port: DUECARE_PORT={self.port + 1} make run"
            )

    def stop(self) -> bool:
        """End it and wait, so that its state is written. True if it ran. Ends only the process it started itself."""
        pid = self.running()
        if pid is None:
            self._end_orphans()
            self._process_file.unlink(missing_ok=True)
            return False
        self._read_streams()
        os.kill(pid, signal.SIGTERM)
        if not wait_for(lambda: not _alive(pid), _STOPS_WITHIN, every=0.05):
            # Not killed: that would lose what it has not written yet.
            raise ToolError(f"MiniStack (process {pid}) does not end within {_STOPS_WITHIN} s; see {shown(self.log)}")
        # The functions' workers may outlive it.
        end_group(pid, signal.SIGTERM)
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

    def last_port(self) -> int | None:
        """The port on which it ran last, or runs now."""
        try:
            return int(self._port_file.read_text())
        except (OSError, ValueError):
            return None

    def lost_state(self) -> bool:
        """Whether it was once killed since its state began: what it had not saved is lost, and the rest may not fit."""
        return self._lost_mark.exists()

    def forget_loss(self) -> None:
        """The state has proved good."""
        self._lost_mark.unlink(missing_ok=True)

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=2) as reply:
                return bool(reply.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _read_streams(self) -> None:
        """Let the log's sequencer read its stream to the end.

        MiniStack forgets a stream when it ends, and a record whose change is lost has no entry until the daily sweep.
        """
        functions = f"http://{HOST}:{self.noted_port()}/2015-03-31/functions"
        with suppress(OSError, ValueError, KeyError):
            with urllib.request.urlopen(f"{functions}/", timeout=5) as reply:
                names = [one["FunctionName"] for one in json.loads(reply.read())["Functions"]]
            for name in (one for one in names if "SequenceFunction" in one):
                urllib.request.urlopen(f"{functions}/{name}/invocations", data=b"{}", timeout=_STOPS_WITHIN).close()

    def _end_orphans(self) -> None:
        """The workers of an instance that was killed. While its group has members, no new process can get its id."""
        with suppress(OSError, ValueError, KeyError):
            pid = int(json.loads(self._process_file.read_text())["pid"])
            if not _alive(pid):
                end_group(pid, signal.SIGTERM)

    def _spawn(self) -> subprocess.Popen[bytes]:
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
        process = spawn([executable("ministack", "ministack")], self.log, env=env, cwd=self.home)
        noted = {"pid": process.pid, "started": _started(process.pid), "port": self.port}
        self._process_file.write_text(json.dumps(noted))
        return process


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
    """When a process began, in this system's own form. Together with the id it identifies one process."""
    try:
        # The 22nd field of /proc/<pid>/stat; the 2nd may hold spaces, and ends with the last bracket.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        told = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return told.stdout.strip()
