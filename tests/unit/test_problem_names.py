"""`ProblemName` holds the names that the code uses, and no other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from duecare_core.errors import ProblemName, RequestError

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(file for folder in ("layers", "functions", "client") for file in (ROOT / folder).rglob("*.py"))
NAMES = frozenset(get_args(ProblemName))


def error_types(kind: type[RequestError] = RequestError) -> Iterator[str]:
    yield kind.__name__
    for other in kind.__subclasses__():
        yield from error_types(other)


def literals(tree: ast.AST) -> Iterator[str]:
    """Every string in a module but those that only list the names."""
    listed = {
        id(node)
        for statement in ast.walk(tree)
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "ProblemName"
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in listed:
            yield node.value


def names_given(tree: ast.AST) -> Iterator[str]:
    """The names that calls of error types give: `name="…"`, or the first argument of FileRefused."""
    types = set(error_types())
    for call in ast.walk(tree):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in types):
            continue
        given = [keyword.value for keyword in call.keywords if keyword.arg == "name"]
        given += call.args[:1] if call.func.id == "FileRefused" else []
        yield from (node.value for node in given if isinstance(node, ast.Constant))


@pytest.fixture(scope="module")
def trees() -> list[ast.AST]:
    return [ast.parse(file.read_text("utf-8")) for file in SOURCES]


def test_every_name_that_an_error_is_given_is_listed(trees: list[ast.AST]) -> None:
    assert {name for tree in trees for name in names_given(tree)} <= NAMES


def test_every_listed_name_is_used(trees: list[ast.AST]) -> None:
    assert set() == NAMES - {text for tree in trees for text in literals(tree)}
