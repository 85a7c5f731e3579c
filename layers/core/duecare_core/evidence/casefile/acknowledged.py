"""Compares an acknowledgement with a case file: was the acknowledged statement there when the decision was made?

The acknowledgement names the place of the statement in the recipient's chain: its `seq`, and the head after it. A
decision that was made more than 60 s later must have read a chain that has the statement at this place.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta, Struct

from duecare_core.domain.facts.chain import ChainHead, head_of
from duecare_core.domain.facts.merge import EVERY
from duecare_core.domain.facts.statement import SKEW
from duecare_core.errors import BadEvidence, DuecareError
from duecare_core.evidence import statement as statements
from duecare_core.evidence.acknowledgement import SALT_BYTES, TYP
from duecare_core.evidence.casefile.bundle import CaseFile, Verdict
from duecare_core.evidence.casefile.chain_parts import ChainedStatement
from duecare_core.evidence.casefile.chains import ChainFacts, difference_with, may_be_lifted, says_something
from duecare_core.evidence.casefile.outcome import CaseFileOutcome
from duecare_core.evidence.casefile.replay import SignedStatement
from duecare_core.evidence.jose import jws
from duecare_core.evidence.jose.keys import unb64
from duecare_core.evidence.record import recipient_digest

Sha256 = Annotated[str, Meta(pattern=r"^sha256:[0-9a-f]{64}\Z")]


class Acknowledgement(Struct, frozen=True, kw_only=True):
    """The payload of an acknowledgement, as far as it is compared."""

    statement_id: Sha256
    kind: str
    party: str
    iat: Annotated[int, Meta(ge=0, lt=1 << 36)]
    effect: str
    recipient: str | None = None
    recipient_salt: str | None = None
    chain: ChainHead | None = None

    @property
    def accepted_at(self) -> datetime:
        return datetime.fromtimestamp(self.iat, UTC)


class Presence(StrEnum):
    """Whether the acknowledged statement was there.

    `INCLUDED`: at its place in the chain, or among the statements relied on. `LATER`: accepted after the decision, or
    so shortly before that the decision need not have read it. `NOT_READ`: the decision says nothing about the
    recipient. `IGNORED`: at its place, but the file does not show it, and with it the answer is another. `LEFT_OUT`:
    the decision was made more than 60 s later, and its chain ends before this place. `CONTRADICTED`: the chain has
    something else at this place. `UNKNOWN`: it cannot be known from this file.
    """

    INCLUDED = "included"
    LATER = "later"
    NOT_READ = "not-read"
    IGNORED = "ignored"
    LEFT_OUT = "left-out"
    CONTRADICTED = "contradicted"
    UNKNOWN = "unknown"

    @property
    def ok(self) -> bool:
        return self in (Presence.INCLUDED, Presence.LATER, Presence.NOT_READ)


class AnswerWith(NamedTuple):
    """Whether the answer would have differed with the statement; None if that is not known. `detail`: a sentence."""

    differs: bool | None
    detail: str


class AcknowledgementResult(NamedTuple):
    """`detail`: a sentence. `answer`: only where the statement was not there, or is not shown."""

    presence: Presence
    detail: str
    answer: AnswerWith | None = None


class AcknowledgedStatements(NamedTuple):
    """An acknowledgement as it was given, and the statement itself if it was given too."""

    token: str
    claims: Acknowledgement
    statement: SignedStatement | None


def read(text: str) -> AcknowledgedStatements:
    """Reads a compact JWS of an acknowledgement, with or without that of the statement, separated by white space.
    Raises BadEvidence."""
    tokens = text.split()
    acknowledgements = [one for one in tokens if jws.read(one).typ == TYP]
    if len(acknowledgements) != 1 or len(tokens) > 2:
        raise BadEvidence(f"one acknowledgement (a compact JWS, typ {TYP}) is expected, and at most its statement")
    token = acknowledgements[0]
    try:
        claims = msgspec.convert(jws.read(token).payload, Acknowledgement)
    except msgspec.ValidationError as error:
        raise BadEvidence(f"the acknowledgement has not the members of one: {error}") from error
    others = [one for one in tokens if one != token]
    return AcknowledgedStatements(token, claims, _statement(others[0], claims) if others else None)


def _statement(token: str, claims: Acknowledgement) -> SignedStatement:
    """The service signed the digest of this JWS, so its own signature is not needed to know what was accepted."""
    unverified = jws.read(token)
    kind = statements.kind_of(unverified.typ)
    if kind is None or statements.statement_id(token) != claims.statement_id:
        raise BadEvidence("the statement beside the acknowledgement is another one than the acknowledged")
    try:
        parsed = statements.parse(kind, unverified.payload)
    except DuecareError as error:
        raise BadEvidence(f"the statement beside the acknowledgement is malformed: {error}") from error
    return SignedStatement(claims.statement_id, parsed, claims.accepted_at)


def compare(verdict: Verdict, given: AcknowledgedStatements) -> AcknowledgementResult:
    """Whether the decision of this case file read the acknowledged statement. `verdict`: of a file that did not
    fail."""
    case, facts, claims = verdict.case, verdict.facts, given.claims
    if case is None or facts is None:
        return AcknowledgementResult(Presence.UNKNOWN, "not compared, because a check of the case file failed")
    unknown = _signature(case, given.token) or _subject(case, claims)
    if unknown:
        return AcknowledgementResult(Presence.UNKNOWN, f"not compared: {unknown}")
    if claims.chain is None:
        return _outside_chains(case, claims)
    links = next((one.links for one in case.chains if one.of == claims.chain.of), ())
    compared = verdict.outcome is not CaseFileOutcome.OTHER_ENGINE
    found = _at_place(facts, given, claims.chain, links, compared=compared)
    return found or _absent(facts, given, claims.chain, len(links), compared=compared)


def _outside_chains(case: CaseFile, claims: Acknowledgement) -> AcknowledgementResult:
    if claims.statement_id in case.decision.record.relied_on:
        return AcknowledgementResult(Presence.INCLUDED, f"the decision relies on this {claims.kind}")
    return AcknowledgementResult(
        Presence.UNKNOWN,
        f"the decision does not rely on this {claims.kind}. It is in no chain, because it is not what a recipient did, "
        "so nothing here shows whether it was there: a newer one may have replaced it",
    )


def _at_place(
    facts: ChainFacts,
    given: AcknowledgedStatements,
    place: ChainHead,
    links: Sequence[ChainedStatement],
    *,
    compared: bool,
) -> AcknowledgementResult | None:
    """The result if the chain reaches this place; None if it ends before."""
    name, ids = given.claims.statement_id, [link.statement_id for link in links]
    if head_of(place.of, ids[: place.seq]) == place and ids[place.seq - 1] == name:
        return _included(facts, given, place, links[place.seq - 1], compared=compared)
    if name not in ids and len(ids) < place.seq:
        return None
    return AcknowledgementResult(
        Presence.CONTRADICTED,
        f"CONTRADICTION: the service acknowledged it at {_words(place)}, and the case file has another history there",
        _answer_with(facts, given, compared=compared) if name not in ids else None,
    )


def _included(
    facts: ChainFacts, given: AcknowledgedStatements, place: ChainHead, link: ChainedStatement, *, compared: bool
) -> AcknowledgementResult:
    """`compared`: whether this engine made the answer again, and so compared it with every statement shown."""
    where = f"it is at {_words(place)}"
    if link.shown == "relied-on":
        return AcknowledgementResult(Presence.INCLUDED, f"{where}, and the decision relies on it")
    if any(one.statement_id == link.statement_id for one in facts.chained):
        if not compared:
            return AcknowledgementResult(
                Presence.INCLUDED,
                f"{where}, and this engine did not compare the answer, because another one made the decision",
            )
        return AcknowledgementResult(Presence.INCLUDED, f"{where}, and the answer is the same with it and without it")
    if link.shown == "whole":
        return AcknowledgementResult(
            Presence.INCLUDED, f"{where}, and the operator voided it: see the void in the file"
        )
    answer = _answer_with(facts, given, compared=compared)
    presence = Presence.IGNORED if answer.differs else Presence.INCLUDED
    return AcknowledgementResult(presence, f"{where}, and the case file does not show it ({link.shown})", answer)


def _absent(
    facts: ChainFacts, given: AcknowledgedStatements, place: ChainHead, read_by_then: int, *, compared: bool
) -> AcknowledgementResult:
    """The result if the chain ends before this place."""
    at, accepted_at = facts.record.at, given.claims.accepted_at
    seconds = f"{abs((at - accepted_at).total_seconds()):.0f} s"
    if at <= accepted_at:
        return AcknowledgementResult(Presence.LATER, f"it was accepted {seconds} after the decision")
    if at - accepted_at <= SKEW:
        return AcknowledgementResult(
            Presence.LATER, f"it was accepted {seconds} before the decision, which need not include it for 60 s"
        )
    if not says_something(facts.record):
        return AcknowledgementResult(
            Presence.NOT_READ, "the decision says nothing about the recipient and names no chain: it was denied anyway"
        )
    return AcknowledgementResult(
        Presence.LEFT_OUT,
        f"LEFT OUT: it was accepted {seconds} before the decision, at {_words(place)}, and the decision read "
        f"{read_by_then} statements of this chain",
        _answer_with(facts, given, compared=compared),
    )


def _words(place: ChainHead) -> str:
    return f"place {place.seq} of the recipient's chain of {place.of}"


def _signature(case: CaseFile, token: str) -> str | None:
    """Why it is not known that the service made this acknowledgement; None if it did."""
    kid = jws.read(token).kid
    key = next((one.record for one in case.acknowledgement_keys if one.record.kid == kid), None)
    if key is None:
        return (
            f"it is signed by the key {kid}, which is not among the acknowledgement keys in this file. A later case "
            "file or the log may show the key; until then it is not known whether the service made it"
        )
    try:
        jws.verify(token, key.jwk)
    except BadEvidence:
        return f"its signature is not by the service's key {kid}, so the service did not make it"
    return None


def _subject(case: CaseFile, claims: Acknowledgement) -> str | None:
    """Why the decision need not know this statement; None if it is about the same recipient and creditor."""
    record = case.decision.record
    if claims.chain is not None and claims.chain.of not in (record.creditor, EVERY):
        return f"it concerns the creditor {claims.chain.of}, and the decision is about {record.creditor}"
    if claims.recipient is None or claims.recipient_salt is None:
        return None if claims.statement_id in record.relied_on else f"a {claims.kind} is about no recipient"
    try:
        salt = unb64(claims.recipient_salt)
    except DuecareError:
        return "its salt is not base64url"
    if len(salt) != SALT_BYTES or recipient_digest(salt, case.inputs.number) != claims.recipient:
        return "it is about another telephone number"
    return None


def _answer_with(facts: ChainFacts, given: AcknowledgedStatements, *, compared: bool) -> AnswerWith:
    """Without the statement itself, or of another engine's answer, only of some kinds is it known what they change."""
    if given.statement is not None and compared:
        if may_be_lifted(facts, given.statement):
            return AnswerWith(None, "a START that the case file does not show may have lifted this stop")
        difference = difference_with(facts, given.statement)
        return AnswerWith(difference is not None, difference or "with it the answer is the same")
    claims = given.claims
    if claims.effect == "in_force" and facts.record.decision == "allow":
        if claims.kind == "number-reassignment":
            return AnswerWith(True, "with it the answer is deny: the number had changed hands")
        if claims.kind == "opt-out" and not facts.has_start_after(claims.accepted_at):
            return AnswerWith(True, "with it the answer is deny (OPTED_OUT)")
    if not compared:
        return AnswerWith(None, "whether it changes the answer was not compared, because another engine decided")
    return AnswerWith(
        None, "whether it changes the answer follows from the statement itself: give its JWS on a second line"
    )
