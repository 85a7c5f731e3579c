"""Voids: which statements a void covers, what was removed by it, and how far it has come."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from typing import Literal, NamedTuple

from msgspec import Struct, field

from duecare.ports import Documents
from duecare.usecases import table
from duecare_core.domain.facts.states import Consent, Debt, DisputeAnswer
from duecare_core.domain.facts.void import Void


class VoidProgress(Struct, frozen=True, kw_only=True):
    """How far the table has been brought in line with a version of a void.

    `phase`: `uploads` looks for the party's files, `states` merges states anew, `done`. `not_before`: when it may
    begin. `cursors`: of the scan of this phase. `scanned`: the pages read in it. `recipients` and `changed`: how many
    recipients were dealt with, and how many states changed. A page that was interrupted may not be counted in full.
    `uploads`: by kind, when the last file was announced whose rows count.
    """

    void_version: int
    phase: Literal["uploads", "states", "done"]
    not_before: datetime
    updated_at: datetime
    cursors: dict[str, str] = {}
    scanned: int = 0
    recipients: int = 0
    changed: int = 0
    uploads: dict[str, datetime] = {}


class VoidReport(Struct, frozen=True, kw_only=True):
    """A void and its progress. `waiting`: why nothing was done now, and until when, if that is known."""

    id: str
    void: Void
    progress: VoidProgress
    waiting: Literal["requests-to-end", "log"] | None = None


class VoidDone(Struct, frozen=True):
    """The states of a scope are in line with this version of a void. So a recipient about whom the party stated a
    thousand things is dealt with once."""

    void_version: int


class RemovedFacts(Struct, frozen=True, omit_defaults=True):
    """The voided consents and debts that were removed from one state, by their statement ids: a row of a file exists
    nowhere else. The answers are by the dispute that they name."""

    debts: dict[str, Debt] = field(default_factory=dict)
    consents: dict[str, Consent] = field(default_factory=dict)
    answers: dict[str, DisputeAnswer] = field(default_factory=dict)


class PartyVoids(NamedTuple):
    """All voids of one party."""

    party: str
    voids: tuple[Void, ...]

    def covers(self, issuer: str, kind: str, received_at: datetime) -> bool:
        """Whether an active void covers this statement."""
        return any(one.state == "active" and one.covers(issuer, kind, received_at) for one in self.voids)


def void_id(party: str, since: datetime, kind: str | None) -> str:
    """26 characters: the same command names the same void."""
    name = f"{party}\0{table.instant(since)}\0{kind or ''}"
    return base64.b32encode(hashlib.sha256(name.encode()).digest()[:16]).decode().rstrip("=").lower()


def reports(documents: Documents, party_id: str) -> list[VoidReport]:
    """All voids of a party, with their progress. Raises StoreFailed."""
    voids = documents.partition(table.voids(party_id), "")
    found = documents.get([table.void_progress(party_id, one.key.sk) for one in voids]) if voids else {}
    listed = []
    for document in voids:
        progress = table.find(found, table.void_progress(party_id, document.key.sk), VoidProgress)
        if progress is not None:
            listed.append(VoidReport(id=document.key.sk, void=table.read(document, Void), progress=progress))
    return listed
