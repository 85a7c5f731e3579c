"""The rules of this deployment: the shipped pack, tightened by the operator's own pack if there is one.

The operator's pack is the file `rulepack/operator.json` in the same folder as the shipped one, put there before
`sam build`. It is reviewed and deployed as code is, and no function needs a right or a call to read it.
"""

from __future__ import annotations

from pathlib import Path

from duecare_core.domain.rules.parse import parse
from duecare_core.domain.rules.ruleset import Rules
from duecare_core.domain.rules.tighten import tighten
from duecare_core.errors import BadPack, RulesFailed

FOLDER = Path(__file__).parents[1] / "rulepack"


def rules(folder: Path = FOLDER) -> Rules:
    """Raises RulesFailed: without rules nothing can be decided."""
    try:
        pack = parse((folder / "pack.json").read_bytes())
        own = folder / "operator.json"
        return Rules(pack=tighten(pack, parse(own.read_bytes())) if own.exists() else pack)
    except (BadPack, OSError) as error:
        raise RulesFailed(str(error)) from error
