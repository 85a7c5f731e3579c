"""`python -m tools.other_python`: the unit, golden and property tests on the other supported Pythons of a machine."""

from __future__ import annotations

import subprocess

from tools.build import TEMPLATE_PYTHON, python_for, running_python
from tools.checks import PURE, PYTEST
from tools.environments import executable
from tools.steps import ROOT, ToolError, main

SUPPORTED = ("python3.11", TEMPLATE_PYTHON)


def test() -> None:
    """Raises ToolError if a test fails. A Python that this machine does not have is named and left out."""
    failed = []
    for runtime in SUPPORTED:
        if runtime == running_python():
            continue
        python = python_for(runtime)
        if python is None:
            print(
                f"{runtime} is not on this machine: the unit, golden and property tests run on {running_python()} only"
            )
            continue
        print(f"Testing on {runtime}:", flush=True)
        subprocess.run([python, ROOT / "tools" / "environments.py", "other"], cwd=ROOT, check=True)
        pytest = [executable("other", "pytest"), *PYTEST, *PURE]
        if subprocess.run(pytest, cwd=ROOT, check=False).returncode:
            failed.append(runtime)
    if failed:
        raise ToolError(f"Failed on {', '.join(failed)}.")


if __name__ == "__main__":
    main(test)
