"""Accepts statements: verify → parse → store (store.py: merge, acknowledge, seal, one transaction) → answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Meta, Struct

from duecare.ports import Backoff, Clock, Documents, Sealer
from duecare.usecases import table
from duecare.usecases.access.caller import Caller, check_caller
from duecare.usecases.statements.acknowledge import Acknowledge, HeldKey
from duecare.usecases.statements.effects import StatementEffects, VerifiedStatement
from duecare.usecases.statements.store import StatementResult, StoreStatement
from duecare_core.domain.facts.party import Party
from duecare_core.domain.facts.statement import PROTECTIVE, STATED_BY, ReplyStatement, Statement, StatementKind, check
from duecare_core.domain.location.phone import canonical_number, todays_number
from duecare_core.domain.rules.reply import Reply, read_reply
from duecare_core.domain.rules.ruleset import Rules
from duecare_core.errors import (
    BadEvidence,
    NotAllowed,
    RequestError,
    StoreFailed,
    Unacceptable,
    Violation,
)
from duecare_core.evidence import statement as statements
from duecare_core.evidence.jose import jws
from duecare_core.evidence.pseudonyms import Pseudonyms

TIME_LIMIT = timedelta(seconds=18)  # of Lambda's 28; the last statement needs time too


class Statements(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /v1/statements`: one compact JWS per statement."""

    statements: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=16384)]], Meta(min_length=1, max_length=100)
    ]


class AcceptStatements:
    """Verifies statements, merges them into the facts, stores them and acknowledges them."""

    def __init__(
        self,
        *,
        documents: Documents,
        sealer: Sealer,
        pseudonyms: Pseudonyms,
        rules: Rules,
        issuer: str,
        clock: Clock,
        acknowledgement_key: HeldKey,
        backoff: Backoff,
    ) -> None:
        self._documents = documents
        self._pseudonyms = pseudonyms
        self._rules = rules
        self._issuer = issuer
        self._clock = clock
        self._store = StoreStatement(
            documents=documents,
            sealer=sealer,
            effects=StatementEffects(documents, pseudonyms, rules),
            acknowledge=Acknowledge(documents, pseudonyms, acknowledgement_key),
            backoff=backoff,
        )

    def __call__(self, caller: Caller, tokens: Sequence[str]) -> list[StatementResult]:
        """One result per statement, in order. Raises BadToken and NotAllowed for the whole call, and CannotDecide.

        The caller's key and state are read again for every statement, so none is accepted once a revocation or a
        suspension is acknowledged. The statements accepted before keep their results.
        """
        now = self._clock()
        party: Party | None = self._registered(caller)
        results = []
        for token in tokens:
            if self._clock() - now > TIME_LIMIT:
                # If the call is repeated, the statements stored by now are found at once, so every attempt gets
                # further.
                raise StoreFailed("the store is too slow for this many statements")
            results.append(self._accept(caller, party, token, now))
            party = None
        return results

    def _registered(self, caller: Caller) -> Party:
        """The caller as it is registered now. Raises BadToken, NotAllowed."""
        found = self._documents.get([table.party(caller.party)])
        return check_caller(caller, table.find_party(found, caller.party), self._clock())

    def _accept(self, caller: Caller, party: Party | None, token: str, now: datetime) -> StatementResult:
        """`party`: the caller, if it has just been read."""
        statement_id = statements.statement_id(token)
        try:
            party = party or self._registered(caller)
            verified, kid = self._read(party, token, statement_id, now)
            return self._store(party, verified, kid, token)
        except RequestError as problem:
            return StatementResult(statement_id, "rejected", problem)

    def _read(self, party: Party, token: str, statement_id: str, now: datetime) -> tuple[VerifiedStatement, str]:
        """Verify the signature against the party's keys, then the members. Raises RequestError."""
        try:
            parts = jws.read(token)
            kind = statements.kind_of(parts.typ)
            key = party.key(parts.kid)
            if kind is None:
                raise _invalid("/typ", "unknown-kind", "typ names no kind of statement")
            if key is None:
                raise _invalid("/kid", "unknown-key", "kid is no active key of the calling party")
            jws.verify(token, key.jwk)
        except BadEvidence as error:
            raise _invalid("", "bad-signature", str(error)) from error
        statement = statements.parse(kind, parts.payload)
        self._check_entitled(party, kind, statement)
        check(kind, statement, now)
        recipient_key = None
        recipient = getattr(statement, "recipient", None)
        if recipient is not None:
            # A statement that protects may give an old spelling of the number; `check` accepted it.
            todays = todays_number(recipient) if kind in PROTECTIVE else None
            recipient_key = self._pseudonyms.recipient_key(todays or canonical_number(recipient))
        content = self._pseudonyms.content(statements.content(statement))
        return VerifiedStatement(kind, statement, statement_id, content, recipient_key, now), parts.kid

    def _check_entitled(self, party: Party, kind: StatementKind, statement: Statement) -> None:
        """Raises RequestError unless the calling party issued this statement, for this service, in an entitled role."""
        if statement.iss != party.id:
            raise NotAllowed(
                "A party states only what is its own: iss must be the calling party.", name="not-the-issuer"
            )
        if statement.aud != self._issuer:
            raise _invalid("/aud", "wrong-audience", "aud must be the issuer from discovery")
        if not any(map(party.acts_as, STATED_BY[kind])):
            raise NotAllowed(f"A {kind} statement is not for this party's roles.", name="wrong-role")
        if party.state != "active" and not self._protects(kind, statement):
            raise NotAllowed(
                "This party is suspended; it may state only what protects a recipient.", name="party-suspended"
            )

    def _protects(self, kind: StatementKind, statement: Statement) -> bool:
        """Whether a statement protects its recipient, so that even a suspended party may state it. A reply does so only
        if it is an opt-out: another one might open the way for messages."""
        if isinstance(statement, ReplyStatement):
            return read_reply(statement.text, self._rules, statement.received_at) is Reply.OPT_OUT
        return kind in PROTECTIVE


def _invalid(pointer: str, code: str, message: str) -> Unacceptable:
    return Unacceptable("The statement cannot be accepted.", errors=(Violation(pointer, code, message),))
