"""`python -m tools.openapi_lint`: docs/openapi.json checked by openapi-spec-validator and by Redocly's linter.

Redocly's linter is an npm package. Warnings count as failures.
"""

from __future__ import annotations

import json
import os
import re

from openapi_spec_validator import validate
from openapi_spec_validator.validation.exceptions import OpenAPIValidationError

from tools import programs
from tools.steps import LOGS, ROOT, ToolError, main, run, step, tail

PATH = ROOT / "docs" / "openapi.json"
REDOCLY = "@redocly/cli@2.77.0"
LOG = LOGS / "openapi-lint.log"


def missing() -> str | None:
    """What this machine lacks for Redocly's linter, or None."""
    return programs.missing("npm", "Redocly's linter, an npm package,")


def check() -> None:
    """Raises ToolError with the findings."""
    with step("openapi-spec-validator"):
        try:
            validate(json.loads(PATH.read_text(encoding="utf-8")))
        except OpenAPIValidationError as error:
            raise ToolError(f"{PATH.name} is not valid: {error.message}") from None
    if lacking := missing():
        raise ToolError(lacking)
    lint = ["exec", "--yes", f"--package={REDOCLY}", "--", "redocly", "lint", str(PATH.relative_to(ROOT))]
    quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_COLOR": "1"}
    with step(REDOCLY):
        run([*programs.command("npm"), *lint], LOG, env={**os.environ, **programs.npm_environment(), **quiet})
        if re.search(r"^You have \d+ warning", LOG.read_text(encoding="utf-8"), re.MULTILINE):
            raise ToolError(f"Redocly's linter warns:\n\n{tail(LOG)}", LOG)


if __name__ == "__main__":
    main(check)
