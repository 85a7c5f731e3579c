"""Every problem name in the code is listed with its status and its remedy, and no other."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from duecare.runtime.openapi.problems import PROBLEMS
from duecare.runtime.responses import CANNOT_DECIDE
from duecare_core import errors
from duecare_core.errors import FileRefused, RequestError

LAYERS = Path(__file__).parents[2] / "layers"
KINDS = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, RequestError)}


def names_in_the_code() -> dict[str, set[type[RequestError]]]:
    found: dict[str, set[type[RequestError]]] = defaultdict(set)
    for path in sorted(LAYERS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
                kind = KINDS[node.func.id]
                for name in _names(node, kind):
                    found[name].add(kind)
    return found


def _names(call: ast.Call, kind: type[RequestError]) -> Iterator[str]:
    if kind is FileRefused:
        name: ast.expr | None = call.args[0]
    else:
        name = next((keyword.value for keyword in call.keywords if keyword.arg == "name"), None)
    if isinstance(name, ast.Constant):
        yield str(name.value)
    elif name is None:
        yield kind.name
    else:
        assert isinstance(name, ast.Name | ast.Attribute), ast.dump(name)


def test_every_problem_of_the_code_is_listed_and_no_other() -> None:
    assert set(PROBLEMS) == set(names_in_the_code()) | {CANNOT_DECIDE}


@pytest.mark.parametrize("name", sorted(PROBLEMS))
def test_a_problem_has_the_status_of_the_errors_that_carry_it(name: str) -> None:
    entry = PROBLEMS[name]
    if name != CANNOT_DECIDE:
        assert set(entry.kinds) == names_in_the_code()[name]
    assert entry.remedy.endswith(".")
