"""Acknowledgements of statements, made when a statement is accepted and made again when it is repeated.

Nothing secret is stored for this: the salt is derived from the statement's id under the pepper, and the record has the
other members. The statement itself, or one of the same content, brings the number.
"""

from __future__ import annotations

from collections.abc import Callable

from duecare.ports import Documents
from duecare.usecases import table
from duecare_core.domain.facts.party import Party
from duecare_core.domain.facts.statement import Statement
from duecare_core.domain.location.phone import canonical_number, todays_number
from duecare_core.evidence.acknowledgement import AcknowledgementKey, claims
from duecare_core.evidence.pseudonyms import Pseudonyms
from duecare_core.evidence.statement import StatementRecord

# Called for each acknowledgement, so that a replaced key stops signing. It is on file before it signs.
HeldKey = Callable[[], AcknowledgementKey]


class Acknowledge:
    def __init__(self, documents: Documents, pseudonyms: Pseudonyms, key: HeldKey) -> None:
        self._documents = documents
        self._pseudonyms = pseudonyms
        self._key = key

    def __call__(self, statement_id: str, record: StatementRecord, statement: Statement) -> str:
        """The acknowledgement of a statement with this record. Equal arguments give equal bytes, as long as the key is
        the same. Raises SecretsFailed, StoreFailed."""
        number = getattr(statement, "recipient", None)
        salt = self._pseudonyms.recipient_salt(statement_id)
        # The number as the facts have it: an old spelling was accepted as that of today.
        recipient = None if number is None else (todays_number(number) or canonical_number(number), salt)
        return self._key().sign(claims(statement_id, record, recipient))

    def readable(self, party: Party, statement_id: str | None) -> str | None:
        """This id, if the party may read that statement; otherwise None. Raises StoreFailed."""
        if statement_id is None or "auditor" in party.roles:
            return statement_id
        signed = statement_id.partition("#")[0]  # a row of a file has the id of the signed manifest
        record = self.record_of(signed)
        return statement_id if record and record.issuer == party.id else None

    def record_of(self, statement_id: str) -> StatementRecord | None:
        """The record of a statement; None if the table does not have it, or not any longer. Raises StoreFailed."""
        key = table.statement(statement_id)
        return table.find(self._documents.get([key]), key, StatementRecord)
