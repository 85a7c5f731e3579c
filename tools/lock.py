"""`make lock`: every lock file anew from its .in file. Hashes and versions only; no index and no address gets in."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.steps import HOME, LOGS, ROOT, main, run, step

OLDEST = "3.11"
LOCKS = {
    "layer.in": ROOT / "layers" / "duecare" / "requirements.txt",
    "dev.in": ROOT / "requirements" / "dev.txt",
    "sam.in": ROOT / "requirements" / "sam.txt",
    "ministack.in": ROOT / "requirements" / "ministack.txt",
    "engines.in": ROOT / "requirements" / "engines.txt",
    "microburst.in": ROOT / "requirements" / "microburst.txt",
}


def lock() -> None:
    uv = _uv()
    for name, target in LOCKS.items():
        # Not --upgrade: what is locked stays, until its .in file or `rm` of the lock says otherwise.
        options = ["--universal", "--python-version", OLDEST, "--generate-hashes", "--no-header", "--no-annotate"]
        with step(f"lock {name}"):
            command = [uv, "pip", "compile", *options, "--no-emit-index-url", "--no-emit-find-links", "--quiet"]
            run([*command, "-o", str(target), str(ROOT / "requirements" / name)], LOGS / "lock.log")
    versions = {line.split(" ")[0] for line in LOCKS["layer.in"].read_text().splitlines() if "==" in line}
    strange = versions - {line.split(" ")[0] for line in LOCKS["dev.in"].read_text().splitlines()}
    if strange:
        print(f"dev.txt pins other versions than the layer: {', '.join(sorted(strange))}; lock once more")


def _uv() -> str:
    """uv, as found on PATH or installed into an environment of its own; nothing but this needs it."""
    if found := shutil.which("uv"):
        return found
    place = HOME / "tools" / "uv"
    if not (place / "bin" / "uv").exists():
        venv.create(place, with_pip=True)
        subprocess.run([place / "bin" / "pip", "install", "--quiet", "uv"], check=True)
    return str(place / "bin" / "uv")


if __name__ == "__main__":
    main(lock)
