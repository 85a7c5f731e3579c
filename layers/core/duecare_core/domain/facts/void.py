"""A void: the operator takes statements of one party out of force. The statements, the log and the chains stay."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from duecare_core.domain.facts.statement import StatementKind


class Void(Struct, frozen=True, kw_only=True):
    """The operator voids the statements of one party that were accepted from `since` to `until`, or those of one kind.

    Each version is logged. `state`: `active`, or `undone` at `undone_at`. `until` is the time at which the operator
    last asked for it.
    """

    party: str
    since: datetime
    until: datetime
    kind: StatementKind | None = None
    state: Literal["active", "undone"] = "active"
    undone_at: datetime | None = None

    def covers(self, issuer: str, kind: str, received_at: datetime) -> bool:
        """Whether a statement is among those that this void is about, active or undone."""
        return issuer == self.party and self.kind in (None, kind) and self.since <= received_at <= self.until
