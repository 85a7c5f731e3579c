"""`sam build`, only when something that goes into it has changed."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from tools.environments import executable
from tools.steps import HOME, LOGS, ROOT, digest, locked, need, run

SOURCES = (ROOT / "template.yaml", ROOT / "functions", ROOT / "layers")
TEMPLATE_PYTHON = "python3.13"


def running_python() -> str:
    """The runtime that this Python is, as the template's parameter names it."""
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def architecture() -> str:
    """This machine's, as the template's parameter names it."""
    return "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"


def parameters(runtime: str) -> list[str]:
    """The template's parameters that build and deploy must agree on."""
    return [f"PythonRuntime={runtime}", f"Architecture={architecture()}"]


def python_for(runtime: str) -> Path | None:
    """The interpreter of a runtime: this one, one on PATH, or one of pyenv's. None where the machine has none."""
    if runtime == running_python():
        return Path(sys.executable)
    version = runtime.removeprefix("python")
    roots = [Path(root) for root in (os.environ.get("PYENV_ROOT", ""), str(Path.home() / ".pyenv")) if root]
    pyenv = sorted((path for root in roots for path in root.glob(f"versions/{version}.*/bin/{runtime}")), reverse=True)
    on_path = shutil.which(runtime)
    # What is on PATH may be a pyenv shim that only says that it would not run, or a Python without pip.
    return next((path for path in [*([Path(on_path)] if on_path else []), *pyenv] if _works(path)), None)


def build(runtime: str) -> Path:
    """The folder with the built template, functions and layer for that runtime. Raises ToolError with SAM's own words.

    The digest is written last, so that a build that was cut short is not used.
    """
    need("make", "make", "runs the project")
    place = HOME / "build" / f"{runtime}-{architecture()}"
    stamp = place / ".digest"
    # One lock for all runtimes: SAM keeps what it downloaded in one place.
    with locked(HOME / "build.lock"):
        wanted = digest(SOURCES, runtime, architecture())
        if stamp.is_file() and stamp.read_text() == wanted:
            return place
        _sam_build(runtime, place)
        stamp.write_text(wanted)
    return place


def _sam_build(runtime: str, place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    for stale in [*ROOT.glob("layers/**/__pycache__"), *ROOT.glob("functions/**/__pycache__")]:
        # SAM copies the sources as they lie there; these would travel along.
        shutil.rmtree(stale, ignore_errors=True)
    python = None if runtime == running_python() else python_for(runtime)
    command = [
        *(executable("sam", "sam"), "build", "--template", str(ROOT / "template.yaml"), "--build-dir", str(place)),
        *("--cached", "--cache-dir", str(HOME / "cache" / place.name)),
        *("--parameter-overrides", *parameters(runtime)),
    ]
    run(command, LOGS / f"build-{runtime}.log", env=sam_environment(python))


def sam_environment(python: Path | None = None) -> dict[str, str]:
    """SAM's environment: without the user's AWS settings; `python` is the interpreter to build for, if not this one."""
    # SAM runs `pythonX.Y -m pip`, which Debian's own Python does not have; the environments' Python always does.
    path = [str(Path(executable("sam", "sam")).parent)]
    if python is not None:
        path.append(str(python.parent))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "VIRTUAL_ENV", "PYTHON"))}
    return {
        **kept,
        "PATH": os.pathsep.join([*path, os.environ.get("PATH", os.defpath)]),
        "SAM_CLI_TELEMETRY": "0",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def _works(python: Path) -> bool:
    return subprocess.run([str(python), "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0
