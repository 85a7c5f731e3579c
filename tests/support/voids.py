"""Voids in a test world with a log."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from duecare.ports import Document
from duecare.usecases import table
from duecare.usecases.operator.void import REQUESTS_END, VoidDeps, VoidStatements
from duecare.usecases.operator.void_records import VoidReport
from duecare.usecases.operator.void_sources import StatementSource, StatementSourceDeps
from duecare.usecases.operator.void_states import VoidStatesDeps
from duecare_core.domain.fields import E164
from duecare_core.evidence.item_keys import CHAIN_HEAD, CONTACTS
from tests.support.logs import TABLE_RETENTION, LoggedWorld
from tests.support.world import RECIPIENT

MINUTE = timedelta(minutes=1)


def voiding(world: LoggedWorld, documents: Any = None) -> VoidStatements:
    """The use case in this world. `documents`: another adapter for the writes of a void."""
    documents = documents or world.table
    source = StatementSource(StatementSourceDeps(documents, world.archive, world.sealer, world.pseudonyms))
    states = VoidStatesDeps(documents, source, world.pseudonyms, world.rules, world.clock, world.backoff)
    return VoidStatements(VoidDeps(documents, world.table, source, states, world.clock, world.backoff, TABLE_RETENTION))


class VoidWorld(LoggedWorld):
    """A world whose operator voids statements."""

    def voiding(self, documents: Any = None) -> VoidStatements:
        return voiding(self, documents)

    def log_all(self) -> None:
        """The log catches up with everything stated so far, and is seen to have."""
        self.now += MINUTE
        self.sequenced()

    def void(self, party: str, since: datetime, kind: Any = None) -> VoidReport:
        """Void, to the end."""
        self.log_all()
        report = self.voiding().start(party, since, kind)
        self.now += REQUESTS_END
        return self.finish(report)

    def undo(self, party: str, since: datetime, kind: Any = None) -> VoidReport:
        self.log_all()
        return self.finish(self.voiding().undo(party, since, kind))

    def finish(self, report: VoidReport, documents: Any = None) -> VoidReport:
        done = self.voiding(documents).step(report.void.party, report.id, lambda: True)
        assert (done.progress.phase, done.waiting) == ("done", None), done
        return done

    def states(self, *numbers: str) -> dict[tuple[str, str], bytes]:
        """The states about these recipients as they are stored, and all mandates and routes."""
        keys = [table.recipient(self.pseudonyms.recipient_key(E164(one))) for one in numbers or (RECIPIENT,)]
        return {
            tuple(one.key): one.body
            for one in self.table.everything()
            if (one.key.pk in keys or one.key.pk.startswith(("M#", "T#"))) and not _is_no_state(one)
        }

    def heads(self) -> dict[tuple[str, str], bytes]:
        return {tuple(one.key): one.body for one in self.table.everything() if one.key.sk.startswith(f"{CHAIN_HEAD}#")}


def _is_no_state(document: Document) -> bool:
    return table.is_removed(document) or document.key.sk == CONTACTS or document.key.sk.startswith(f"{CHAIN_HEAD}#")
