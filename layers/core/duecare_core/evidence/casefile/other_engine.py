"""Decisions of another engine: an old release may give another answer, which is no sign of tampering.

The service itself writes the label of the engine. So it excuses another answer only as far as a release can explain it:
a released version that is not this one, or a newer version, of which this release cannot know whether it exists. A
release of the same version has the same code, and a replay asks no table, so other tables explain another place only.
"""

from __future__ import annotations

import re

from duecare_core.engine import engine, is_engine, requirements
from duecare_core.errors import BadEvidence
from duecare_core.evidence.record import Record
from duecare_core.released import RELEASED

_NUMBERS = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6}){0,3}")  # of a final release, which alone can be newer and published


class OtherEngine(BadEvidence):
    """The decision was made by another engine than this one, which gives another answer. This is no sign of tampering
    by itself: only that engine shows whether it gives the answer."""


def another_answer(record: Record, problem: str, *, of_tables: bool = False) -> BadEvidence:
    """Why a recomputation gives another answer. `problem`: how it differs, or why it cannot be made. `of_tables`: the
    answer follows from number plans and time zones."""
    label = record.engine
    if not is_engine(label):
        return BadEvidence(f"{problem}, and the record names no release of the engine: {label[:80]!r}")
    if label == engine():
        return BadEvidence(problem)
    own, other = core_version(engine()), core_version(label)
    if own == other and not of_tables:
        return BadEvidence(
            f"{problem}. The record names duecare-core {other}, which is this one, with other tables, and this answer "
            "follows from no table"
        )
    if other in RELEASED:
        return OtherEngine(
            f"{problem} with {engine()}. The decision was made by {label}. That release gives its answer again: "
            f"pip install {requirements(label)}"
        )
    if is_newer(other, own):
        return OtherEngine(
            f"{problem} with {engine()}. The record says that the decision was made by {label}, which this release "
            "does not know: check that it is a published release before you install it"
        )
    return BadEvidence(f"{problem}, and the record names duecare-core {other}, which was never released")


def core_version(label: str) -> str:
    """The version of duecare-core in the name of an engine."""
    return label.partition(";")[0].removeprefix("duecare-core ")


def is_newer(version: str, other: str) -> bool:
    """Whether a version is one of a final release, and a later one than the other."""
    if not _NUMBERS.fullmatch(version) or not _NUMBERS.fullmatch(other):
        return False
    return _numbers(version) > _numbers(other)


def _numbers(version: str) -> list[int]:
    numbers = [int(one) for one in version.split(".")]
    return numbers + [0] * (4 - len(numbers))
