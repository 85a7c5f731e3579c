"""`make test`: every check there is; `make check`: those that need no engine, with few examples (`--quick`).

All checks run even if one fails; then the exit code is 1. A missing engine (Java, npm, Go, a second Python) skips its
tests and is named; with CI=true it is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from tools import dynamodb_local, openapi_lint, programs, rie
from tools.build import TEMPLATE_PYTHON, build, python_for, running_python, sam_environment
from tools.environments import executable
from tools.steps import ROOT, ToolError, main, step

CI = os.environ.get("CI") == "true"
# Without network, engines or deployment.
PURE = ("tests/unit", "tests/golden", "tests/properties")
PYTEST = ("-n", "auto", "-q", "-r", "fEs")


def check() -> None:
    """Raises ToolError naming what failed. pytest's own arguments may follow (`python -m tools.checks tests/unit`)."""
    failed = _lint(sam=True)
    print("Preparing the engines of the tests:")
    lacking = _prepare()
    for one in lacking:
        print(f"  MISSING: {one}; its tests {'fail' if CI else 'are skipped'}")
    if openapi_lint.missing() is None:
        try:
            openapi_lint.check()
        except ToolError as problem:
            print(problem)
            failed.append("the OpenAPI document")
    if not _pytest("--durations=25", *sys.argv[1:]):
        failed.append("pytest")
    if CI and lacking:
        failed.append("missing engines")
    _report(failed)
    print("All checks passed." if not lacking else "All checks passed except those that were skipped (MISSING above).")


def quick() -> None:
    """Raises ToolError naming what failed."""
    failed = _lint(sam=False)
    if not _pytest("--hypothesis-profile=quick", *PURE):
        failed.append("pytest")
    _report(failed)
    print("The quick checks passed; `make test` runs all of them.")


def _lint(*, sam: bool) -> list[str]:
    print("Checking the code:")
    return [name for name, command in _commands(sam=sam).items() if not _passes(name, command)]


def _pytest(*arguments: str) -> bool:
    print("Testing:", flush=True)
    return subprocess.run([executable("dev", "pytest"), *PYTEST, *arguments], cwd=ROOT, check=False).returncode == 0


def _report(failed: list[str]) -> None:
    if failed:
        raise ToolError(f"Failed: {', '.join(failed)}.")


def _commands(*, sam: bool) -> dict[str, list[str]]:
    commands = {
        "ruff": [executable("dev", "ruff"), "check", "."],
        "ruff format": [executable("dev", "ruff"), "format", "--check", "."],
        "mypy": [executable("dev", "mypy")],
        "import-linter": [executable("dev", "lint-imports")],
    }
    if sam:
        commands["sam validate"] = [executable("sam", "sam"), "validate", "--lint", "--template", "template.yaml"]
    return commands


def _passes(name: str, command: list[str]) -> bool:
    try:
        with step(name):
            env = sam_environment() if name == "sam validate" else None
            subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    except subprocess.CalledProcessError as failure:
        print(failure.stdout, failure.stderr, sep="\n")
        return False
    return True


def _prepare() -> list[str]:
    """Fetch and build what the tests would otherwise wait for; returns what this machine lacks."""
    openssl = None if shutil.which("openssl") else "The check of a case file with public tools needs openssl"
    go = programs.missing("go", "The check of the log by Go")
    wanted = (dynamodb_local.missing(), rie.missing(), go, openapi_lint.missing(), openssl)
    lacking = [one for one in wanted if one is not None]
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
    main(quick if sys.argv[1:] == ["--quick"] else check)
