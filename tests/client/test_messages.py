"""The catalogues of messages: both languages say everything, and nothing is in them that nobody says."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

import duecare_client
from duecare_client.messages import CATALOGUES, Messages, both, label
from duecare_client.messages.en import TEXTS as EN
from duecare_client.messages.zh import TEXTS as ZH
from duecare_core.domain.facts.statement import STATED_BY

PACKAGE = Path(duecare_client.__file__).parent
TEMPLATE = (PACKAGE / "report" / "templates" / "report.html.j2").read_text()
SOURCE = "".join(path.read_text() for path in PACKAGE.rglob("*.py") if path.parent.name != "messages")
# Groups whose names come from a case file: `label` looks them up.
NAMES = {
    "check",
    "effect",
    "kind",
    "member",
    "value",
    "method",
    "part",
    "party_state",
    "fault",
    "lack",
    "topic",
    "confidence",
    "read",
    "region",
    "zone",
    "passed",
    "failed",
    "rule",
    "rule_whom",
    "rule_exceptions",
    "rule_source",
    "rule_note",
}


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def used() -> set[str]:
    """The keys that the template and the code name."""
    page = {f"page.{key}" for key in re.findall(r'\b(?:w|p|h2|page)\("([a-z0-9_]+)"', TEMPLATE)}
    return page | {key for key in re.findall(r'"([a-z_]+\.[a-z_.]+)"', SOURCE) if key in EN}


def test_both_catalogues_have_the_same_keys_in_the_same_order() -> None:
    assert list(EN) == list(ZH)


@pytest.mark.parametrize("key", EN)
def test_both_texts_of_a_key_are_there_and_have_the_same_placeholders(key: str) -> None:
    assert EN[key].strip()
    assert ZH[key].strip()
    assert placeholders(EN[key]) == placeholders(ZH[key])
    assert not re.search(r"[\u4e00-\u9fff]", EN[key])


def test_every_key_that_is_used_is_in_the_catalogues() -> None:
    assert used() <= EN.keys()


def test_every_sentence_in_the_catalogues_is_used() -> None:
    sentences = {key for key in EN if key.split(".")[0] not in NAMES}
    assert sentences - used() == set()


def test_every_language_has_a_catalogue() -> None:
    assert CATALOGUES == {"en": EN, "zh-CN": ZH}
    assert Messages("zh-CN").text("cli.speaks_as", party="mou-zichan", source="profile local") == (
        "以 mou-zichan 的身份（profile local）"
    )


def test_a_text_shows_braces_and_other_values_as_they_are() -> None:
    assert both("page.entry", place="{x}").en == "entry {x} of the log"


def test_a_name_without_a_label_has_none() -> None:
    assert label("member", "no_such_member") is None
    assert label("value", "x.y") is None


def test_every_kind_of_statement_has_a_label() -> None:
    assert [kind for kind in STATED_BY if label("kind", kind) is None] == []
