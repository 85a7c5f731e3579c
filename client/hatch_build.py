"""Puts the pure part of the layer into the wheel, so that whoever has it checks evidence with the code that made it.

Not into an editable install: a copy there would shadow the layer's source, and soon be older than it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PURE = ("__init__.py", "errors.py", "domain", "evidence")


class PureLayer(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "standard":
            return
        layer = Path(self.root).parent / "layers" / "duecare" / "duecare"
        if not layer.is_dir():
            raise FileNotFoundError(f"{layer} is missing: the wheel is built from a checkout of the repository")
        build_data["force_include"].update({str(layer / name): f"duecare/{name}" for name in PURE})
