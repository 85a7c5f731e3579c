"""The rules of this deployment: the pack that ships, tightened by the operator's own where there is one.

The operator's pack is a file beside the shipped one, `rulepack/operator.json`, put there before `sam build`: it is
reviewed and deployed as code is, and no function needs a right or a call to read it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from duecare_core.domain.rules.parse import parse
from duecare_core.domain.rules.ruleset import Rules
from duecare_core.domain.rules.tighten import tighten
from duecare_core.errors import BadPack, RulesFailed

FOLDER = Path(__file__).parents[1] / "rulepack"


@cache
def rules(folder: Path = FOLDER) -> Rules:
    """Read once a process. Raises RulesFailed: without rules nothing can be decided."""
    try:
        pack = parse((folder / "pack.json").read_bytes())
        own = folder / "operator.json"
        return Rules(pack=tighten(pack, parse(own.read_bytes())) if own.exists() else pack)
    except (BadPack, OSError) as error:
        raise RulesFailed(str(error)) from error
