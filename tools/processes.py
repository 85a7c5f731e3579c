"""Servers on a loopback port: start one, wait until it answers, end it. Standard library only: `make stop` uses it.

with Server("a server", ["server", "--port", "8000"], log, ready=lambda: answers("http://127.0.0.1:8000")):
    ...
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.steps import ROOT, ToolError, tail, wait_for

HOST = "127.0.0.1"
_ENDS_WITHIN = 10


def spawn(
    command: Sequence[str], log: Path, *, env: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> subprocess.Popen[bytes]:
    """Start a program in a process group of its own; its output is appended to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        return subprocess.Popen(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )


def wait_until_ready(
    name: str, process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path, within: float
) -> None:
    """Raises ToolError with the end of the log if the process ends first or is not ready in time."""
    if not wait_for(lambda: process.poll() is not None or ready(), within):
        raise ToolError(f"{name} did not answer within {within:.0f} s:\n\n{tail(log)}", log)
    if process.returncode is not None:
        raise ToolError(f"{name} stopped while it started:\n\n{tail(log)}", log)


def end_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to all processes of a group; a group that has ended is no error."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def answers(url: str) -> bool:
    """Whether an HTTP server answers there, with any status."""
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except urllib.error.HTTPError as error:
        error.close()
    except OSError:
        return False
    return True


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


class Server:
    """A server that lives as long as its `with` block. Holds no state worth keeping: what does not end is killed."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        ready: Callable[[], bool],
        within: float,
        env: Mapping[str, str] | None = None,
        cwd: Path = ROOT,
    ) -> None:
        """`ready`: whether it answers yet. `within`: how many seconds it may take to. `log`: written anew."""
        self._name, self._command, self._ready, self._within = name, command, ready, within
        self._env, self._cwd, self.log = env, cwd, log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Raises ToolError if it does not come up."""
        self.log.unlink(missing_ok=True)
        self._process = spawn(self._command, self.log, env=self._env, cwd=self._cwd)
        try:
            wait_until_ready(self._name, self._process, self._ready, self.log, self._within)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        if self._process is None:
            return
        end_group(self._process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_ENDS_WITHIN)
        # It may leave children behind.
        end_group(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
