"""The documents name files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.steps import ROOT

PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "client" / "README.md"]
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_architecture_page_answers_where_the_groups_of_the_code_are() -> None:
    """A new group of the domain, the evidence or the use cases has its place in the package's own description."""
    for package in (
        "layers/core/duecare_core/domain",
        "layers/core/duecare_core/evidence",
        "layers/duecare/duecare/usecases",
    ):
        folder = ROOT / package
        described = (folder / "__init__.py").read_text(encoding="utf-8")
        groups = [path.parent.name for path in folder.glob("*/__init__.py")]
        assert groups
        assert [name for name in groups if not re.search(rf"\b{name}\b", described)] == []
