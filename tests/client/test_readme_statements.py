"""client/README.md lists every statement as the code has it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec

from duecare_core.domain.facts.statement import KINDS, STATED_BY
from duecare_core.domain.validation import validate

README = (Path(__file__).resolve().parents[2] / "client" / "README.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([a-z-]+)` \| ([a-z, ]+) \| (`.*`) \|$", re.MULTILINE)
COMMON = {"iss", "aud", "iat"}


def test_every_kind_has_its_members_and_its_speakers() -> None:
    listed = {
        kind: (set(who.split(", ")), set(re.findall("`([^`]+)`", members)))
        for kind, who, members in ROW.findall(README)
    }
    for kind, statement in KINDS.items():
        fields = msgspec.structs.fields(statement)
        members = {field.encode_name + ("" if field.required else "?") for field in fields} - COMMON
        assert listed.pop(kind) == (set(STATED_BY[kind]), members), kind
    assert not listed


def test_the_examples_are_good_statements() -> None:
    section = README.partition("## Statements")[2].partition("\n## ")[0]
    examples = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", section, re.DOTALL)]
    for kind, example in zip(("mandate", "route", "dispute"), examples, strict=True):
        validate({"iss": "my-bank", "aud": "x", "iat": 1, **example}, KINDS[kind])
