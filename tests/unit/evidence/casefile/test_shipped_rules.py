"""The core has every rule pack that was shipped: a case file is judged by the rules of its time."""

from __future__ import annotations

import json

import pytest

from duecare_core.domain.rules.parse import parse
from duecare_core.domain.rules.tighten import tighten
from duecare_core.errors import BadEvidence
from duecare_core.evidence.casefile.shipped_rules import FOLDER, describe_origin, shipped_packs
from tests.support import packs


def test_the_rules_of_the_service_are_among_the_shipped_ones() -> None:
    """After a change of rulepack/pack.json: give it a new version, and copy it to rulepacks/VERSION.json."""
    assert (FOLDER / f"{packs.PACK.version}.json").read_bytes() == packs.PATH.read_bytes()


def test_each_file_is_named_after_its_version() -> None:
    assert [pack.version for pack in shipped_packs()] == sorted((one.stem for one in FOLDER.iterdir()), reverse=True)


def test_a_shipped_pack_is_named() -> None:
    assert describe_origin(packs.PACK) == f"the rules that duecare ships as {packs.PACK.version}"


@pytest.mark.parametrize(
    "own",
    [
        packs.packed(packs.cap(1, id="own-cap"), version="1"),
        packs.packed(packs.hours("09:00-12:00", id="own-hours"), version="1"),
        packs.packed(
            packs.hours("09:00-12:00", id="own-hours", holidays="own"), version="1", holidays={"own": {"2026": "0101"}}
        ),
        packs.packed(packs.cap(1, id="own-cap"), version="1", holidays={"cn": {"2026": "1231"}}),
        packs.packed(packs.cap(1, id="own-cap"), version="1", cities={"CN-SZX": "CN-GD"}),
    ],
    ids=["a cap", "hours", "holidays of its own", "a further holiday", "a city"],
)
def test_every_tightening_is_recognised(own: packs.Pack) -> None:
    assert describe_origin(tighten(packs.PACK, own)).endswith("tightened by the operator")


@pytest.mark.parametrize("member", ["cities", "territories", "holidays"])
def test_a_pack_without_a_member_of_the_shipped_one_is_not_a_tightening(member: str) -> None:
    contents = json.loads(packs.PACK.data) | {"version": f"{packs.PACK.version}+own"}
    if member == "holidays":
        contents[member] = {
            name: {year: days[:4] for year, days in years.items()} for name, years in contents[member].items()
        }
    else:
        contents[member] = {}
    with pytest.raises(BadEvidence, match="neither a pack that duecare ships nor a tightening"):
        describe_origin(parse(json.dumps(contents).encode()))
