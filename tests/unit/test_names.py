"""One class name, one meaning: no name is defined twice, and none is a bare participle."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("layers", "client", "functions", "integrations", "benchmarks", "tools", "tests/support")

# A type is named for what it is, not for when it happened.
PARTICIPLES = """
    Allowed Answered Asked Bare Begun Bound Called Checked Counted Decided Described Done Erased Failed Filled
    Found Given Held Kept Known Listed Logged Looked Made Marked Met Metered Named Opened Opening Packed Parsed
    Passed Pending Placed Posted Read Reached Received Refused Said Sealed Seen Sent Shown Signed Skipped Spent
    Staged Standing Stated Stored Swept Taken Timed Told Typed Verified Versioned Written
"""


def classes() -> Iterator[tuple[str, str]]:
    """The name of every class, with the place of its definition."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if ".aws-sam" in path.parts or "build" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    yield node.name, f"{path.relative_to(ROOT)}:{node.lineno}"


def test_no_class_name_is_defined_twice() -> None:
    places = defaultdict(list)
    for name, place in classes():
        places[name].append(place)
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_no_class_is_named_by_a_bare_participle() -> None:
    participles = set(PARTICIPLES.split())
    assert [(name, place) for name, place in classes() if name.lstrip("_") in participles] == []
