"""State: what a party says becomes a fact. Verify → parse → seal → one transaction of state and statement → answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from duecare.ports import Clock, Documents, Sealer
from duecare.usecases import table
from duecare.usecases.access.caller import Caller, check_caller
from duecare.usecases.statements.effects import Effect, StatementEffects, VerifiedStatement
from duecare_core.domain.facts.party import Party
from duecare_core.domain.facts.statement import PROTECTIVE, STATED_BY, Statement, StatementKind, check
from duecare_core.domain.location.phone import canonical_number
from duecare_core.domain.rules.ruleset import Rules
from duecare_core.errors import (
    BadEvidence,
    Contention,
    NotAllowed,
    RequestError,
    StoreFailed,
    Unacceptable,
    VersionConflict,
    Violation,
)
from duecare_core.evidence import statement as statements
from duecare_core.evidence.jose import jws
from duecare_core.evidence.pseudonyms import Pseudonyms

MAX_ATTEMPTS = 5
TIME_LIMIT = timedelta(seconds=18)  # of the 28 that Lambda grants; one statement may take its time too


class Statements(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /v1/statements`: compact JWS, one a statement."""

    statements: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=16384)]], Meta(min_length=1, max_length=100)
    ]


class StatementResult(NamedTuple):
    """What became of one statement: `accepted`, `unchanged` (already known) or `rejected` (with its problem).

    `same_as` names the statement that already said so, where this one repeats it under another id.
    """

    statement_id: str
    status: str
    problem: RequestError | None = None
    read_as: str | None = None
    same_as: str | None = None


class AcceptStatements:
    def __init__(
        self,
        *,
        documents: Documents,
        sealer: Sealer,
        pseudonyms: Pseudonyms,
        rules: Rules,
        issuer: str,
        clock: Clock,
    ) -> None:
        self._documents = documents
        self._sealer = sealer
        self._pseudonyms = pseudonyms
        self._issuer = issuer
        self._clock = clock
        self._merge = StatementEffects(documents, pseudonyms, rules)

    def __call__(self, caller: Caller, tokens: Sequence[str]) -> list[StatementResult]:
        """One result a statement, in order. Raises NotAllowed for the call as a whole, and CannotDecide."""
        now = self._clock()
        party = check_caller(
            caller, table.find_party(self._documents.get([table.party(caller.party)]), caller.party), now
        )
        if party.state != "active" and not any(_protects(token) for token in tokens):
            raise NotAllowed(
                "This party is suspended; it may state only what protects a recipient.", name="party-suspended"
            )
        results = []
        for token in tokens:
            if self._clock() - now > TIME_LIMIT:
                # Sent again, what is on file by now is known at once, so every try gets further.
                raise StoreFailed("the store is too slow for this many statements")
            results.append(self._one(party, token, now))
        return results

    def _one(self, party: Party, token: str, now: datetime) -> StatementResult:
        statement_id = statements.statement_id(token)
        try:
            stated, kid = self._read(party, token, statement_id, now)
            effect = self._write(party, stated, kid, token, now)
        except RequestError as problem:
            return StatementResult(statement_id, "rejected", problem)
        return StatementResult(statement_id, effect.status, read_as=effect.read_as, same_as=effect.same_as)

    def _read(self, party: Party, token: str, statement_id: str, now: datetime) -> tuple[VerifiedStatement, str]:
        """Verify the signature against the party's keys, then the members. Raises RequestError."""
        try:
            parts = jws.read(token)
            kind = statements.kind_of(parts.typ)
            key = party.key(parts.kid)
            if kind is None:
                raise _bad("/typ", "unknown-kind", "typ names no kind of statement")
            if key is None:
                raise _bad("/kid", "unknown-key", "kid is no active key of the calling party")
            jws.verify(token, key.jwk)
        except BadEvidence as error:
            raise _bad("", "bad-signature", str(error)) from error
        statement = statements.parse(kind, parts.payload)
        self._entitled(party, kind, statement)
        check(kind, statement, now)
        pseudonym = None
        recipient = getattr(statement, "recipient", None)
        if recipient is not None:
            pseudonym = self._pseudonyms.recipient(canonical_number(recipient))
        content = self._pseudonyms.content(statements.content(statement))
        return VerifiedStatement(kind, statement, statement_id, content, pseudonym), parts.kid

    def _entitled(self, party: Party, kind: StatementKind, statement: Statement) -> None:
        """Raises RequestError unless the calling party states this itself, to this service, in a role that may."""
        if statement.iss != party.id:
            raise NotAllowed(
                "A party states only what is its own: iss must be the calling party.", name="not-the-issuer"
            )
        if statement.aud != self._issuer:
            raise _bad("/aud", "wrong-audience", "aud must be the issuer from discovery")
        if not STATED_BY[kind] & set(party.roles):
            raise NotAllowed(f"A {kind} statement is not for this party's roles.", name="wrong-role")
        if party.state != "active" and kind not in PROTECTIVE:
            raise NotAllowed(
                "This party is suspended; it may state only what protects a recipient.", name="party-suspended"
            )

    def _write(self, party: Party, stated: VerifiedStatement, kid: str, token: str, now: datetime) -> Effect:
        """Merge and store, or find that nothing changes. Another writer in between means: read again."""
        on_file = table.statement(stated.statement_id)
        for _ in range(MAX_ATTEMPTS):
            if on_file in self._documents.get([on_file]):
                return self._merge.known(stated)
            effect = self._merge(party, stated)
            if not effect.documents and effect.status == "unchanged":
                return effect
            sealed = self._sealer.seal(token.encode())
            summary = statements.statement_record(stated.kind, party.id, kid, now, sealed, stated.recipient)
            kept = table.write(on_file, None, summary, sealed)
            try:
                self._documents.commit([*effect.documents, kept])
            except VersionConflict:
                continue
            return effect
        raise Contention("others kept stating about the same recipient")


def _protects(token: str) -> bool:
    """Whether a statement says that it is of a protective kind; what it says is verified when it is read."""
    try:
        return statements.kind_of(jws.read(token).typ) in PROTECTIVE
    except BadEvidence:
        return False


def _bad(pointer: str, code: str, message: str) -> Unacceptable:
    return Unacceptable("The statement cannot be accepted.", errors=(Violation(pointer, code, message),))
