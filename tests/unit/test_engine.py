"""The engine's name is that of the installed and pinned distributions."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import duecare_core
from duecare_core.engine import engine

ROOT = Path(__file__).parents[2]


def test_the_engine_names_the_core_the_number_plans_and_the_time_zones() -> None:
    expected = "; ".join(
        (
            f"duecare-core {duecare_core.__version__}",
            f"phonenumbers {metadata.version('phonenumbers')}",
            f"tzdata {metadata.version('tzdata')}",
        )
    )
    assert engine() == expected
    assert re.fullmatch(r"duecare-core [0-9.]+; phonenumbers [0-9.]+; tzdata [0-9.]+", engine())


def test_the_engines_data_are_those_that_lambda_gets() -> None:
    lock = (ROOT / "layers/duecare/requirements.txt").read_text("utf-8")
    for name, version in re.findall(r"(phonenumbers|tzdata) ([0-9.]+)", engine()):
        assert f"{name}=={version} " in lock


def test_the_distribution_takes_its_version_from_the_constant_that_the_engine_names() -> None:
    project = (ROOT / "layers/core/pyproject.toml").read_text("utf-8")
    assert '[tool.hatch.version]\npath = "duecare_core/__init__.py"' in project
