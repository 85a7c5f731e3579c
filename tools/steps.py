"""Long steps that can be watched, and failures that say what to do. Standard library only: `make setup` starts here."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / ".duecare"
LOGS = HOME / "logs"
TAIL = 25
Found = TypeVar("Found")


class ToolError(Exception):
    """What went wrong and what to do about it, for a person to read; `log` is the file that says more."""

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message)
        self.log = log


@contextmanager
def step(label: str) -> Iterator[None]:
    """`label ... 12 s`, the seconds once it is done."""
    began = time.monotonic()
    print(f"  {label} ...", end="", flush=True)
    try:
        yield
    except KeyboardInterrupt:
        print(" interrupted", flush=True)
        raise
    except BaseException:
        print(" failed", flush=True)
        raise
    print(f" {time.monotonic() - began:.1f} s", flush=True)


def run(command: Sequence[str], log: Path, *, env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> None:
    """Run to the end with all output in `log`. Raises ToolError with the log's tail."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        try:
            code = subprocess.run(
                command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False
            ).returncode
        except OSError as error:
            raise ToolError(f"{command[0]} cannot be started: {error.strerror}") from None
    if code:
        name = " ".join([Path(command[0]).name, *command[1:2]])
        raise ToolError(f"`{name}` failed with exit code {code}:\n\n{tail(log)}", log)


def wait_for(what: Callable[[], Found], seconds: float, *, every: float = 0.1) -> Found:
    """Call `what` until it returns something true, for that many seconds at most; returns the last result."""
    until = time.monotonic() + seconds
    while not (found := what()) and time.monotonic() < until:
        time.sleep(every)
    return found


def tail(log: Path, lines: int = TAIL) -> str:
    return "\n".join("    " + line for line in log.read_text(errors="replace").splitlines()[-lines:])


def need(tool: str, package: str, why: str) -> str:
    """The tool's path. Raises ToolError, naming what to install."""
    found = shutil.which(tool)
    if found is None:
        raise ToolError(f"{tool} is missing: it {why}. Install it, on Debian with: apt-get install {package}")
    return found


def digest(paths: Iterable[Path], *more: str) -> str:
    """SHA-256 over the names and contents of these files and of all files under these folders, caches left out."""
    total = hashlib.sha256("\0".join(more).encode())
    for path in sorted(file for given in paths for file in _files(given)):
        content = path.read_bytes()
        total.update(f"\0{path.relative_to(ROOT)}\0{len(content)}\0".encode() + content)
    return total.hexdigest()


def _files(given: Path) -> Iterator[Path]:
    if given.is_file():
        yield given
    for folder, folders, names in os.walk(given):
        folders[:] = [name for name in folders if name != "__pycache__"]
        yield from (Path(folder) / name for name in names)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process at a time; the operating system lets go when the holder dies."""
    import fcntl  # noqa: PLC0415  not on Windows, where `make` fails below with a reason

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def bypass_proxies() -> None:
    """No proxy of the environment comes between this program, or those that it starts, and this machine's own ports."""
    for name in ("no_proxy", "NO_PROXY"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1", "localhost"]))


def main(work: Callable[[], None]) -> None:
    """Run `work`; a Problem becomes a message and exit code 1, Ctrl-C a quiet end."""
    if sys.platform == "win32":
        sys.exit("The local run needs Linux or macOS; on Windows use WSL.")
    bypass_proxies()
    try:
        work()
    except ToolError as problem:
        where = f"\n\nThe whole log: {shown(problem.log)}" if problem.log else ""
        sys.exit(f"\n{problem}{where}")
    except KeyboardInterrupt:
        sys.exit(130)


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
