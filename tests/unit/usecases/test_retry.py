"""The retry after a write conflict: bounded, and with a backoff between the attempts only."""

from __future__ import annotations

import pytest

from duecare.usecases.retry import retry_on_conflict
from duecare_core.errors import Contention, StoreFailed, VersionConflict


class Attempts:
    """Raises these errors, one an attempt, then returns "done"."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.made = 0
        self.waits: list[int] = []

    def __call__(self) -> str:
        self.made += 1
        if self._errors:
            raise self._errors.pop(0)
        return "done"


def retried(attempts: Attempts) -> str:
    return retry_on_conflict(attempts, attempts=3, contention="too many", backoff=attempts.waits.append)


@pytest.mark.parametrize("conflicts", [0, 1, 2])
def test_an_attempt_is_repeated_until_there_is_no_conflict(conflicts: int) -> None:
    attempts = Attempts(*[VersionConflict("x")] * conflicts)
    assert retried(attempts) == "done"
    assert (attempts.made, attempts.waits) == (conflicts + 1, list(range(conflicts)))


def test_conflicts_at_every_attempt_end_in_contention_without_a_last_wait() -> None:
    attempts = Attempts(*[VersionConflict("x")] * 3)
    with pytest.raises(Contention, match="too many"):
        retried(attempts)
    assert (attempts.made, attempts.waits) == (3, [0, 1])


def test_any_other_error_is_raised_at_once() -> None:
    attempts = Attempts(StoreFailed("x"))
    with pytest.raises(StoreFailed):
        retried(attempts)
    assert attempts.made == 1
