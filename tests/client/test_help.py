"""`--help` explains every command and every parameter, in whole lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from duecare_client.cli.main import app


def commands(command: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, *path, name)


ALL = dict(commands(get_command(app)))


def test_the_commands_are_listed_in_the_order_of_use() -> None:
    assert list(ALL[()].commands)[:5] == ["verify", "state", "upload", "decision", "reconcile"]


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_help_describes_the_command_and_each_parameter(path: tuple[str, ...]) -> None:
    command = ALL[path]
    assert (command.help or "").strip()
    for parameter in command.params:
        assert getattr(parameter, "help", None), parameter.name
        if parameter.param_type_name == "argument":
            assert parameter.metavar, f"{parameter.name} is shown by its name in Python"


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_help_shows_every_paragraph_whole(path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    monkeypatch.setenv("TERMINAL_WIDTH", "1000")
    result = CliRunner().invoke(app, [*path, "--help"])
    assert result.exit_code == 0
    shown = [" ".join(line.split()) for line in result.stdout.splitlines()]
    for paragraph in (ALL[path].help or "").strip().split("\n\n"):
        assert " ".join(paragraph.replace("`", "").split()) in shown


def test_the_exit_codes_are_in_the_help_of_the_root_command() -> None:
    epilog = str(ALL[()].epilog)
    assert all(f"{code} " in epilog for code in (0, 1, 2, 3, 130))
