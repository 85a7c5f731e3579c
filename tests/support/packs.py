"""The shipped rule pack, and small ones to test with."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from duecare_core.domain.rules.pack import Pack
from duecare_core.domain.rules.parse import parse
from duecare_core.domain.rules.ruleset import Rules

PATH = Path(__file__).parents[2] / "layers" / "duecare" / "duecare" / "rulepack" / "pack.json"
PACK = parse(PATH.read_bytes())
RULES = Rules(pack=PACK)


def contents() -> Any:
    return json.loads(PATH.read_bytes())


def packed(*rows: dict[str, Any], **members: Any) -> Pack:
    return parse(json.dumps({"version": "test", "rows": list(rows)} | members).encode())


def row(kind: str, **members: Any) -> dict[str, Any]:
    return {
        "id": "x-row",
        "jurisdiction": "CN",
        "kind": kind,
        "rule": "A rule.",
        "channels": ["sms"],
        "source": "a source",
        "read": "2026-11-23",
        "confidence": "default",
    } | members


def hours(*windows: str, **members: Any) -> dict[str, Any]:
    """`hours("08:00-21:00")`: permitted; `hours("22:00-08:00", quiet=True)`."""
    member = "quiet" if members.pop("quiet", False) else "permitted"
    spans = [dict(zip(("from", "to"), window.split("-"), strict=True)) for window in windows]
    return row("quiet_hours", **{member: spans}, **members)


def cap(number: int, **members: Any) -> dict[str, Any]:
    return row("cap", **({"max": number, "window": "rolling", "per": "recipient", "across": "all"} | members))


def at(text: str, zone: str = "UTC", fold: int = 0) -> datetime:
    """A wall time in a time zone, as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)
