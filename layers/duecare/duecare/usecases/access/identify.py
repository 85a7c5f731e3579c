"""Identify: tell a caller who it is here, whether it may act, and how its clock compares with ours."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from duecare.ports import Clock, DocumentReader
from duecare.usecases import table
from duecare.usecases.access.caller import Caller, check_caller, check_token
from duecare_core.domain.facts.party import Party


class CallerStatus(NamedTuple):
    """The caller's registration, the key that signed its token, when the token expires, and the service's clock."""

    party: Party
    kid: str
    expires_at: datetime
    now: datetime


class Identify:
    def __init__(self, reader: DocumentReader, clock: Clock) -> None:
        self._reader = reader
        self._clock = clock

    def __call__(self, caller: Caller) -> CallerStatus:
        """Also for a suspended party. Raises BadToken, NotAllowed, CannotDecide."""
        now = self._clock()
        found = self._reader.get([table.party(caller.party)])
        party = check_caller(caller, table.find_party(found, caller.party), now)
        return CallerStatus(party, caller.kid, check_token(caller, now), now)
