"""Every test can fail: it asserts, expects an exception, or calls a function of the tests that does."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tools.steps import ROOT

Function = ast.FunctionDef | ast.AsyncFunctionDef
# What raises if its arguments are wrong: pytest's, the validator's of OpenAPI documents, and another Merkle tree's.
RAISING = {"raises", "fail", "validate", "verify_consistency"}
# Methods of the tests' own worlds that assert.
CHECKING = {"settled", "settle"}


def functions() -> Iterator[tuple[str, Function]]:
    """Every function under tests/, with the file that has it."""
    for file in sorted((ROOT / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, Function):
                yield str(file.relative_to(ROOT)), node


def called(function: Function) -> set[str]:
    """The functions that it calls by their names, and the methods that are known to assert."""
    calls = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
    methods = {call.attr for call in calls if isinstance(call, ast.Attribute)}
    return {call.id for call in calls if isinstance(call, ast.Name)} | methods & (RAISING | CHECKING)


def test_every_test_asserts_something() -> None:
    every = list(functions())
    asserting = {
        function.name for _, function in every if any(isinstance(node, ast.Assert) for node in ast.walk(function))
    }
    asserting |= RAISING | CHECKING
    known = 0
    while known != len(asserting):
        known = len(asserting)
        asserting |= {function.name for _, function in every if called(function) & asserting}
    tests = [(file, function) for file, function in every if function.name.startswith("test_")]
    idle = [f"{file}:{function.lineno} {function.name}" for file, function in tests if function.name not in asserting]
    assert len(tests) > 1000
    assert idle == []
