"""Decisions of another engine: an old release may give another answer, which is no sign of tampering."""

from __future__ import annotations

from duecare_core.engine import engine, is_engine, requirements
from duecare_core.errors import BadEvidence
from duecare_core.evidence.record import Record


class OtherEngine(BadEvidence):
    """The decision was made by another engine than this one, which gives another answer. This is no sign of tampering:
    the release that made the decision gives its answer again."""


def another_answer(record: Record, problem: str) -> BadEvidence:
    """Why a recomputation gives another answer. `problem`: how it differs, or why it cannot be made."""
    if not is_engine(record.engine):
        return BadEvidence(f"{problem}, and the record names no release of the engine: {record.engine[:80]!r}")
    if record.engine == engine():
        return BadEvidence(problem)
    return OtherEngine(
        f"{problem} with {engine()}. The decision was made by {record.engine}. That release gives its answer again: "
        f"pip install {requirements(record.engine)}"
    )
