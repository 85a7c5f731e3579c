"""The rule packs that duecare has shipped, and the proof that a pack is one of them or tightens one.

`rulepacks` has every shipped pack, under the name of its version, so that the case file of an old decision is judged by
the rules of its time. A pack stays there for good.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TypeVar

from msgspec import structs

from duecare_core.domain.rules.pack import Pack
from duecare_core.domain.rules.parse import parse
from duecare_core.domain.rules.rule_types import PackContents
from duecare_core.domain.rules.tighten import tighten
from duecare_core.errors import BadEvidence, BadPack

FOLDER = Path(__file__).parent / "rulepacks"
Value = TypeVar("Value")
JOINT = "+"  # between the version of a shipped pack and that of the operator's pack that tightens it


@cache
def shipped_packs() -> tuple[Pack, ...]:
    """Every shipped pack, the newest first."""
    return tuple(parse(file.read_bytes()) for file in sorted(FOLDER.glob("*.json"), reverse=True))


def describe_origin(pack: Pack) -> str:
    """How the pack relates to a shipped one. Raises BadEvidence if it is neither shipped nor a tightening."""
    for shipped in shipped_packs():
        if pack.digest == shipped.digest:
            return f"the rules that duecare ships as {shipped.version}"
    why = "no shipped pack has this version or one that it begins with"
    for shipped in shipped_packs():
        if pack.version.startswith(shipped.version):
            try:
                _check_tightens(shipped, pack)
            except BadPack as error:
                why = str(error)
                continue
            return f"the rules that duecare ships as {shipped.version}, tightened by the operator"
    raise BadEvidence(
        f"the rules, version {pack.version}, are neither a pack that duecare ships nor a tightening of one: {why}"
    )


def _check_tightens(shipped: Pack, pack: Pack) -> None:
    """Tighten the shipped pack by all that differs in the other one: the result must be the other one. Raises
    BadPack."""
    base, contents = shipped.contents, pack.contents
    prefix = base.version + JOINT
    if not contents.version.startswith(prefix):
        raise BadPack(f"the version is not {prefix}…, and the rules are not those of {base.version}")
    known = {row.id: row for row in base.rows}
    own = PackContents(
        version=contents.version.removeprefix(prefix),
        cities=_differing(base.cities, contents.cities),
        territories=_differing(base.territories, contents.territories),
        rows=tuple(structs.replace(row, operator=False) for row in contents.rows if known.get(row.id) != row),
        holidays=_differing(base.holidays, contents.holidays),
    )
    if tighten(shipped, Pack(own)).digest != pack.digest:
        raise BadPack(f"a row or a day of the rules shipped as {base.version} is missing")


def _differing(base: dict[str, Value], other: dict[str, Value]) -> dict[str, Value]:
    return {name: value for name, value in other.items() if base.get(name) != value}
