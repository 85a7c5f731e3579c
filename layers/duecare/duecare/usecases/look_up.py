"""Look up: one decision, for those whom it concerns."""

from __future__ import annotations

import re

from duecare.errors import NotAllowed, NotFound
from duecare.ports import Clock, Reader
from duecare.usecases import table
from duecare.usecases.caller import Caller, admit
from duecare.usecases.decided import Decided, unpack

_ID = re.compile(r"[a-z2-7]{26}\Z")


class LookUp:
    def __init__(self, reader: Reader, clock: Clock) -> None:
        self._reader = reader
        self._clock = clock

    def __call__(self, caller: Caller, decision_id: str) -> Decided:
        """The decision, if the caller is its gateway, its creditor or an auditor; to anyone else it does not exist.

        Raises NotFound, NotAllowed, CannotDecide.
        """
        key, own = table.decision(decision_id), table.party(caller.party)
        found = self._reader.get([key, own] if _ID.match(decision_id) else [own])
        party = admit(caller, table.find_party(found, caller.party), self._clock())
        if party.state != "active":
            raise NotAllowed("This party is suspended.", name="party-suspended")
        document = found.get(key)
        decided = unpack(document) if document else None
        if decided is None or not (
            "auditor" in party.roles or party.id in (decided.record.gateway, decided.record.creditor)
        ):
            raise NotFound("No decision of yours has this id.", name="unknown-decision")
        return decided._replace(replayed=False)
