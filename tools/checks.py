"""`make test`: every check there is. What fails is shown, and everything else still runs; exit code 1 if anything did.

A missing engine (Java, npm, a second Python) skips its tests and says so; with CI=true it is a failure. Without Go, by
which the log is verified, tests fail everywhere.
"""

from __future__ import annotations

import os
import subprocess
import sys

from tools import dynamodb_local, rie
from tools.build import TEMPLATE_PYTHON, build, python_for, running_python, sam_environment
from tools.environments import executable
from tools.steps import ROOT, Problem, main, step

CI = os.environ.get("CI") == "true"


def check() -> None:
    """Raises Problem naming what failed. pytest's own arguments may follow (`python -m tools.checks tests/unit`)."""
    print("Checking the code:")
    failed = [name for name, command in _commands().items() if not _passes(name, command)]
    print("Preparing the engines of the tests:")
    lacking = _prepare()
    for one in lacking:
        print(f"  MISSING: {one}; its tests {'fail' if CI else 'are skipped'}")
    print("Testing:", flush=True)
    pytest = [executable("dev", "pytest"), "-n", "auto", "-q", "-r", "fEs", *sys.argv[1:]]
    if subprocess.run(pytest, cwd=ROOT, check=False).returncode:
        failed.append("pytest")
    if CI and lacking:
        failed.append("missing engines")
    if failed:
        raise Problem(f"Failed: {', '.join(failed)}.")
    print("All checks passed." if not lacking else "All checks passed but those that were skipped (see MISSING above).")


def _commands() -> dict[str, list[str]]:
    return {
        "ruff": [executable("dev", "ruff"), "check", "."],
        "ruff format": [executable("dev", "ruff"), "format", "--check", "."],
        "mypy": [executable("dev", "mypy")],
        "import-linter": [executable("dev", "lint-imports")],
        "sam validate": [executable("sam", "sam"), "validate", "--lint", "--template", "template.yaml"],
    }


def _passes(name: str, command: list[str]) -> bool:
    try:
        with step(name):
            subprocess.run(command, cwd=ROOT, env=sam_environment(), capture_output=True, text=True, check=True)
    except subprocess.CalledProcessError as failure:
        print(failure.stdout, failure.stderr, sep="\n")
        return False
    return True


def _prepare() -> list[str]:
    """Fetch and build what the tests would otherwise wait for; what this machine lacks."""
    lacking = [one for one in (dynamodb_local.missing(), rie.missing()) if one is not None]
    if dynamodb_local.missing() is None:
        with step("DynamoDB Local"):
            dynamodb_local.install()
    runtimes = {running_python(), TEMPLATE_PYTHON}
    for runtime in sorted(runtimes):
        if python_for(runtime) is None:
            print(f"  {runtime} is not on this machine: the built functions are tested with {running_python()} alone")
            continue
        with step(f"build for {runtime}"):
            build(runtime)
    return lacking


if __name__ == "__main__":
    main(check)
