"""The parts of a case file that show the recipient's chains."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from duecare_core.domain.facts.void import Void
from duecare_core.evidence.acknowledgement import AcknowledgementKeyRecord
from duecare_core.evidence.statement import StatementRecord


class LoggedStatement(Struct, frozen=True, forbid_unknown_fields=True):
    """A statement's record, its JWS and the record's proof of inclusion."""

    record: StatementRecord
    jws: str
    proof: str


class LoggedDigest(Struct, frozen=True, forbid_unknown_fields=True):
    """The log entry of a statement that the file does not show, with its proof of inclusion."""

    at: str
    record_sha256: str
    proof: str


class ChainedStatement(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One link of a chain.

    `shown`: `relied-on` if the statement is among those that the decision relies on, `whole` if it is here, `withheld`
    if the reader of this file may not read it, `erased` if the service no longer has it. `statement`: of a link that is
    shown whole. `entry`: of one that is withheld or erased.
    """

    statement_id: str
    shown: Literal["relied-on", "whole", "withheld", "erased"]
    statement: LoggedStatement | None = None
    entry: LoggedDigest | None = None


class RecipientChain(Struct, frozen=True, forbid_unknown_fields=True):
    """The recipient's chain of `of`, a creditor's id or `*`, up to the head that the decision read."""

    of: str
    links: tuple[ChainedStatement, ...]


class LoggedVoid(Struct, frozen=True, forbid_unknown_fields=True):
    """A version of a void, in force from `at` until the next version. `id`: that of the void."""

    at: str
    id: str
    version: int
    record: Void
    proof: str


class LoggedAcknowledgementKey(Struct, frozen=True, forbid_unknown_fields=True):
    """A public key that signs acknowledgements, in the log since `at`."""

    at: str
    record: AcknowledgementKeyRecord
    proof: str
