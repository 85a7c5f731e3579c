"""What `--help` says: every command and everything that can be given to it is explained, in words of whole lines."""

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


def test_the_commands_stand_in_the_order_in_which_one_comes_to_need_them() -> None:
    assert list(ALL[()].commands)[:5] == ["verify", "state", "upload", "decision", "reconcile"]


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_it_says_what_the_command_does_and_what_each_thing_given_to_it_is(path: tuple[str, ...]) -> None:
    command = ALL[path]
    assert (command.help or "").strip()
    for parameter in command.params:
        assert getattr(parameter, "help", None), parameter.name
        if parameter.param_type_name == "argument":
            assert parameter.metavar, f"{parameter.name} is shown by its name in Python"


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_it_is_shown_and_no_line_ends_before_its_time(path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    monkeypatch.setenv("TERMINAL_WIDTH", "1000")
    result = CliRunner().invoke(app, [*path, "--help"])
    assert result.exit_code == 0
    shown = [" ".join(line.split()) for line in result.stdout.splitlines()]
    for paragraph in (ALL[path].help or "").strip().split("\n\n"):
        assert " ".join(paragraph.replace("`", "").split()) in shown


def test_the_exit_codes_are_told_at_the_top() -> None:
    epilog = str(ALL[()].epilog)
    assert all(f"{code} " in epilog for code in (0, 1, 2, 3, 130))
