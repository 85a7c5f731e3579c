"""The acknowledgement key in the functions that accept statements."""

from __future__ import annotations

from collections.abc import Callable

from duecare.ports import Clock, DecisionStore
from duecare.runtime import telemetry
from duecare.usecases.statements.acknowledgement_keys import put_on_file
from duecare_core.errors import CannotDecide
from duecare_core.evidence.acknowledgement import AcknowledgementKey

# A replaced key may sign for this long after the replacement: the table keeps its public part, so both verify.
SIGNING_SECONDS = 300.0


class HeldAcknowledgementKey:
    """The key as it was read at most SIGNING_SECONDS ago. If it cannot be read again, the held one goes on signing."""

    def __init__(
        self,
        read: Callable[[], AcknowledgementKey],
        decisions: DecisionStore,
        clock: Clock,
        monotonic: Callable[[], float],
    ) -> None:
        self._read = read
        self._decisions = decisions
        self._clock = clock
        self._monotonic = monotonic
        self._held: AcknowledgementKey | None = None
        self._since = 0.0

    def __call__(self) -> AcknowledgementKey:
        """Raises CannotDecide if no key has been read and put on file yet."""
        if self._held is not None and self._monotonic() - self._since <= SIGNING_SECONDS:
            return self._held
        try:
            key = self._read()
            # Before it signs anything, so that whoever checks an acknowledgement later finds the key in the log.
            put_on_file(self._decisions, key, self._clock())
            self._held = key
        except CannotDecide as error:
            if self._held is None:
                raise
            telemetry.failed(error)
        self._since = self._monotonic()
        return self._held
