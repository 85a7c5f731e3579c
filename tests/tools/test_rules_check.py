"""`make rules PACK=FILE`: an operator learns what a pack changes, or what is wrong with it, before it is deployed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from duecare.runtime import rulebook
from duecare_core.errors import RulesFailed
from tests.support.packs import PACK, cap, hours
from tools.rules_check import check
from tools.steps import ToolError


def written(folder: Path, *rows: dict[str, Any]) -> Path:
    file = folder / "operator.json"
    file.write_text(json.dumps({"version": "mine", "rows": rows}), encoding="utf-8")
    return file


def test_the_changes_of_a_pack_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, cap(1, id="one-a-week", days=7), hours("09:00-18:00", id="office"))
    check(file, as_json=False)
    said = capsys.readouterr().out
    assert "new      one-a-week (CN): ≤ 1 in any 7 × 24 hours" in said
    assert "rulepack/operator.json and deploy" in said
    check(file, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert [change["id"] for change in told["changes"]] == ["one-a-week", "office"]
    assert told["version"] == f"{PACK.version}+mine"


def test_a_pack_that_loosens_a_rule_is_refused_and_the_row_named(tmp_path: Path) -> None:
    looser = cap(9, id="cn-sms-day", window="calendar_day")
    with pytest.raises(ToolError, match="row cn-sms-day, member max: lets more through"):
        check(written(tmp_path, looser), as_json=False)


def test_a_file_that_is_not_there_or_no_pack_is_named(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="cannot be read: No such file"):
        check(tmp_path / "none.json", as_json=False)
    (tmp_path / "none.json").write_text("{")
    with pytest.raises(ToolError, match="cannot be used"):
        check(tmp_path / "none.json", as_json=False)


def deployed(folder: Path, own: str) -> Path:
    """What a function finds: the shipped pack, and the operator's beside it."""
    (folder / "pack.json").write_bytes((rulebook.FOLDER / "pack.json").read_bytes())
    (folder / "operator.json").write_text(own, encoding="utf-8")
    return folder


def test_the_functions_decide_by_the_operators_pack_where_there_is_one(tmp_path: Path) -> None:
    own = written(tmp_path, cap(1, id="one-a-week", days=7)).read_text(encoding="utf-8")
    rules = rulebook.rules(deployed(tmp_path, own))
    assert rules.version == f"{PACK.version}+mine"
    assert rules.digest != PACK.digest
    assert "one-a-week" in {row.id for row in rules.pack.rows}


@pytest.mark.parametrize("own", ["", "{", '{"version": "mine", "rows": [{"id": "x"}]}'])
def test_functions_with_a_pack_that_cannot_be_used_decide_nothing_and_say_why(tmp_path: Path, own: str) -> None:
    with pytest.raises(RulesFailed) as failed:
        rulebook.rules(deployed(tmp_path, own))
    assert failed.value.part == "rules"
