"""`make rules PACK=FILE`: check whether an operator's rule pack may be deployed, and list its changes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from duecare_core.domain.rules.pack import Pack
from duecare_core.domain.rules.parse import parse
from duecare_core.domain.rules.rule_types import AnyRow
from duecare_core.domain.rules.tighten import tighten
from duecare_core.errors import BadPack
from tools.rules_page import PACK, value
from tools.steps import ToolError, main, shown

OPERATOR = PACK.with_name("operator.json")


def check(file: Path, *, as_json: bool) -> None:
    """Raises ToolError, which names the row and the member that is invalid or would loosen a rule."""
    try:
        shipped = parse(PACK.read_bytes())
        effective = tighten(shipped, parse(file.read_bytes()))
    except OSError as error:
        raise ToolError(f"{file} cannot be read: {error.strerror}") from error
    except BadPack as error:
        raise ToolError(f"{file} cannot be used: {error}") from error
    changes = list(_changes(shipped, effective))
    if as_json:
        listed = [{"id": row.id, "change": change, "is": value(row)} for change, row in changes]
        print(json.dumps({"version": effective.version, "sha256": effective.digest, "changes": listed}, indent=2))
        return
    for change, row in changes:
        print(f"  {change:<8} {row.id} ({row.jurisdiction}): {value(row)}")
    print(f"version {effective.version}, digest {effective.digest}")
    if file.resolve() != OPERATOR:
        print(f"It loosens nothing. Put it at {shown(OPERATOR)} and deploy: every receipt then names this digest.")


def _changes(shipped: Pack, effective: Pack) -> list[tuple[str, AnyRow]]:
    before = {row.id: row for row in shipped.rows}
    return [("tighter" if row.id in before else "new", row) for row in effective.rows if before.get(row.id) != row]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="one JSON value on stdout")
    arguments = parser.parse_args()
    main(lambda: check(arguments.file, as_json=arguments.json))
