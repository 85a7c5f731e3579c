"""The outcomes of checking a case file, and the exit code of each."""

from __future__ import annotations

from enum import IntEnum


class CaseFileOutcome(IntEnum):
    """The values are the exit codes of `duecare bundle verify`.

    `GOOD`: every check passed, under a log key that the caller named. `FAILED`: a check failed, or could not be made.
    `UNNAMED_LOG`: every check passed, but nobody named the log's key, so it is not known whose file it is.
    `OTHER_ENGINE`: every check passed but `replay` or `place`, the record names another engine that may explain it, and
    nothing that can be checked without an engine contradicts the answer. It is the outcome without a named key too,
    because it says more: the command then adds that the file itself named the log's key.
    """

    GOOD = 0
    FAILED = 1
    UNNAMED_LOG = 3
    OTHER_ENGINE = 4
