"""The case file: everything about one decision in one file, which anyone with the log's key can check offline.

`check` makes its checks in the order in which they depend on each other: the form of the file, the log's key and
checkpoint; the record in the log, the receipt over the record, the inputs that the record commits to; the
registrations, the signed statements, the rules; and the replay of the decision from all of these. Every byte is bound
by a check, so a file with any change fails. Every statement is bound to the decision too (binding.py), so a file that
the operator composed of others' evidence fails, whatever it signed itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct

from duecare_core.domain.decision.decision import Decision
from duecare_core.domain.facts.party import Party
from duecare_core.domain.facts.statement import SKEW, ReplyStatement, Statement
from duecare_core.domain.portfolio.portfolio import Manifest
from duecare_core.domain.rules.parse import parse as parse_pack
from duecare_core.domain.rules.ruleset import Rules
from duecare_core.domain.validation import validate
from duecare_core.errors import BadEvidence, DuecareError
from duecare_core.evidence import statement as statements
from duecare_core.evidence.canonical import canonical, digest, strict_json
from duecare_core.evidence.casefile import binding, bounds
from duecare_core.evidence.casefile import chains as chain_checks
from duecare_core.evidence.casefile.answered_allows import verify_answer
from duecare_core.evidence.casefile.chain_parts import (
    ChainedStatement,
    LoggedAcknowledgementKey,
    LoggedStatement,
    LoggedVoid,
    RecipientChain,
)
from duecare_core.evidence.casefile.chains import ChainFacts, ChainPlace, VoidVersion
from duecare_core.evidence.casefile.inputs import Inputs
from duecare_core.evidence.casefile.other_engine import OtherEngine
from duecare_core.evidence.casefile.outcome import CaseFileOutcome
from duecare_core.evidence.casefile.places import check_place
from duecare_core.evidence.casefile.registrations import Registration, Registrations
from duecare_core.evidence.casefile.replay import SignedStatement, is_row, recompute
from duecare_core.evidence.casefile.row_proofs import ProvenRow, check_rows, read_manifest
from duecare_core.evidence.casefile.shipped_rules import describe_origin
from duecare_core.evidence.casefile.without_engine import contradiction
from duecare_core.evidence.jose import jws
from duecare_core.evidence.jose.keys import thumbprint
from duecare_core.evidence.log import logproof
from duecare_core.evidence.log.entry import entry
from duecare_core.evidence.log.merkle import leaf_hash, verify_inclusion
from duecare_core.evidence.log.note import Checkpoint, open_checkpoint
from duecare_core.evidence.receipt import TYP, ReceiptKeyRecord, claims
from duecare_core.evidence.record import EngineRecord, Record, recipient_digest, text_digest, whole_seconds
from duecare_core.evidence.record import encode as encode_record
from duecare_core.evidence.statement import StatementRecord

FORMAT: Literal["duecare-case-file/1"] = "duecare-case-file/1"
MEDIA_TYPE = "application/vnd.duecare.bundle+json"
MANIFEST = "upload"  # the kind of a statement whose rows are facts
# The file itself says what no check of it can show. Texts of earlier releases stay here, so that their files stay good.
CANNOT_SHOW = (
    "A later attempt under the same decision, or another answer to the same message: ask the service for the newest "
    "attempt, and compare the receipt that the gateway holds.",
    "A statement that the service never accepted or left out: compare the acknowledgements that the parties hold.",
    "That a registered key is the party's own, and not the operator's: ask the party for the thumbprint of its key.",
    "That the times are true and that the log has one history: only a witness that you name shows that.",
    "The counted contacts and a halt of the service are the operator's record.",
)
_KNOWN_LIMITS = frozenset({CANNOT_SHOW})


class LoggedDecision(Struct, frozen=True, forbid_unknown_fields=True):
    """The record, its receipt and its proof of inclusion."""

    record: Record
    receipt: str
    proof: str


class LoggedParty(Struct, frozen=True, forbid_unknown_fields=True):
    """A version of a registration, valid from `at` until the next version."""

    at: str
    version: int
    record: Party
    proof: str


class LoggedKey(Struct, frozen=True, forbid_unknown_fields=True):
    """A public key that signs receipts, in the log since `at`."""

    at: str
    record: ReceiptKeyRecord
    proof: str


class LoggedEngine(Struct, frozen=True, forbid_unknown_fields=True):
    """The engine that decided, in the log since `at`."""

    at: str
    record: EngineRecord
    proof: str


class LogNames(Struct, frozen=True, forbid_unknown_fields=True):
    """The log's name and keys. `verifier_key` and `witnesses`: verifier keys of c2sp.org/signed-note.

    The witnesses are those whose signatures are under the checkpoint. As the file names them, they prove nothing.
    """

    origin: str
    verifier_key: str
    witnesses: tuple[str, ...]


class CaseFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The file. Its bytes are its RFC 8785 form.

    `statements`: in the order in which the record relies on them. `chains`: the recipient's, as the record names them.
    `voids`: sorted by party, id and version. `allows`: those that are answered by the STARTs that the decision relies
    on. `rows`: the rows of files that it relies on, of files whose manifest has a `rows_root`. `parties`: sorted by id
    and version. `cannot_show`: CANNOT_SHOW.
    """

    bundle: Literal["duecare-case-file/1"]
    issuer: str
    decision: LoggedDecision
    inputs: Inputs
    statements: tuple[LoggedStatement, ...]
    chains: tuple[RecipientChain, ...]
    voids: tuple[LoggedVoid, ...]
    allows: tuple[LoggedDecision, ...]
    parties: tuple[LoggedParty, ...]
    receipt_keys: tuple[LoggedKey, ...]
    acknowledgement_keys: tuple[LoggedAcknowledgementKey, ...]
    engine: LoggedEngine
    rules: dict[str, Any]
    log: LogNames
    checkpoint: str
    cannot_show: tuple[str, ...]
    rows: tuple[ProvenRow, ...] = ()


class Check(NamedTuple):
    """The result of one check. `detail`: what was verified, or what is wrong. `other_engine`: this engine cannot make
    the check, because another one made the decision and this one gives another answer."""

    name: str
    ok: bool
    detail: str
    other_engine: bool = False


class Verdict(NamedTuple):
    """`case`: None if the file could not be read. `facts`: None unless every check passed."""

    outcome: CaseFileOutcome
    checks: tuple[Check, ...]
    case: CaseFile | None
    facts: ChainFacts | None = None

    @property
    def ok(self) -> bool:
        """Whether every check was made and passed, under a log key that the caller named."""
        return self.outcome is CaseFileOutcome.GOOD

    def with_checks(self, more: Iterable[Check]) -> Verdict:
        """The verdict after more checks."""
        more = tuple(more)
        failed = not all(one.ok for one in more)
        return self._replace(outcome=CaseFileOutcome.FAILED if failed else self.outcome, checks=(*self.checks, *more))


class _CheckFailed(Exception):
    """A failed check. The message says what is wrong."""


def encode(case: CaseFile) -> bytes:
    """The bytes of a case file."""
    return canonical(msgspec.to_builtins(case))


def check(data: bytes, verifier_key: str | None = None) -> Verdict:
    """Make every check. `verifier_key`: the log's, from a trusted source. Without it the key in the file is used, and
    then nothing shows whose log it is: the outcome is never GOOD."""
    try:
        case, raw = _read(data)
    except (DuecareError, msgspec.MsgspecError, _CheckFailed) as error:
        return Verdict(CaseFileOutcome.FAILED, (Check("form", False, str(error)),), None)
    checks = [Check("form", True, "one JSON object in its canonical form, with the members of a case file")]
    steps = _Checks(case, raw, verifier_key or case.log.verifier_key)
    for name in CHECKS:
        if name in {REPLAY, PLACE} and not all(one.ok or one.other_engine for one in checks):
            checks.append(Check(name, False, "not made again, because of what is wrong above"))
        else:
            checks.append(_made(name, getattr(steps, f"check_{name}")))
    outcome = _outcome(checks, named=verifier_key is not None)
    return Verdict(outcome, tuple(checks), case, None if outcome is CaseFileOutcome.FAILED else steps.facts())


def _made(name: str, step: Callable[[], str]) -> Check:
    try:
        return Check(name, True, step())
    except OtherEngine as error:
        return Check(name, False, str(error), other_engine=True)
    except (DuecareError, _CheckFailed, ValueError, LookupError, TypeError, ArithmeticError, RecursionError) as error:
        return Check(name, False, str(error) or type(error).__name__)


def _outcome(checks: Iterable[Check], *, named: bool) -> CaseFileOutcome:
    if not all(one.ok or one.other_engine for one in checks):
        return CaseFileOutcome.FAILED
    if not all(one.ok for one in checks):
        return CaseFileOutcome.OTHER_ENGINE
    return CaseFileOutcome.GOOD if named else CaseFileOutcome.UNNAMED_LOG


REPLAY, PLACE = "replay", "place"
CHECKS = (
    "log",
    "record",
    "engine",
    "receipt",
    "inputs",
    "parties",
    "statements",
    "rows",
    "starts",
    "chains",
    "rules",
    REPLAY,
    PLACE,
)


def _read(data: bytes) -> tuple[CaseFile, dict[str, Any]]:
    bounds.check_size(len(data))
    try:
        value = strict_json(data)
    except BadEvidence as error:
        raise _CheckFailed(f"this is not a case file, which is JSON: {error}") from error
    if not isinstance(value, dict) or value.get("bundle") != FORMAT:
        raise _CheckFailed(f'this is not a case file: it is JSON without the member "bundle": "{FORMAT}"')
    bounds.check_shape(value)
    case = msgspec.convert(value, CaseFile)
    bounds.check_text(case.inputs.text)
    if canonical(value) != data:
        raise _CheckFailed(
            "the file is not in its canonical form (RFC 8785): something was added, or written differently"
        )
    if case.cannot_show not in _KNOWN_LIMITS:
        raise _CheckFailed("the member cannot_show does not say what no check of a case file can show")
    return case, value


class _Checks:
    """The checks of `check`. Each returns what it verified, or raises."""

    def __init__(self, case: CaseFile, raw: dict[str, Any], verifier_key: str) -> None:
        self._case = case
        self._raw = raw
        self._key = verifier_key
        self._record = case.decision.record
        self._checkpoint: Checkpoint | None = None
        self._registrations: Registrations | None = None
        self._parties: dict[str, Party] = {}
        self._signed: list[SignedStatement] = []
        self._manifests: dict[str, Manifest] = {}
        self._places: dict[str, ChainPlace] = {}
        self._chained: list[SignedStatement] = []
        self._rules: Rules | None = None
        self._replayed: Decision | None = None

    def check_log(self) -> str:
        log = self._case.log
        if log.verifier_key != self._key:
            raise _CheckFailed("the file names another log's key than the one that is trusted")
        checkpoint = open_checkpoint(self._case.checkpoint, self._key, log.witnesses, strict=True)
        if checkpoint.origin != log.origin:
            raise _CheckFailed("the checkpoint is of another log")
        self._checkpoint = checkpoint
        claimed = f"; the file names {len(log.witnesses)} witnesses, which are not counted" if log.witnesses else ""
        return f"{log.origin} signed its {checkpoint.size} entries{claimed}"

    def check_engine(self) -> str:
        logged, raw = self._case.engine, self._raw["engine"]
        name = logged.record.engine
        index = self._log_index(logged.proof, "engine", name, digest(canonical(raw["record"])), logged.at)
        if name != self._record.engine:
            raise _CheckFailed("the engine is not the one that the record names")
        return f"{name}, released in entry {index} of the log"

    def check_record(self) -> str:
        raw = self._raw["decision"]["record"]
        proof = self._case.decision.proof
        index = self._log_index(proof, "decision", self._record.decision_id, digest(canonical(raw)), raw["at"])
        if encode_record(self._record) != canonical(raw):
            raise _CheckFailed("the record has members that a record does not have")
        return f"the record is entry {index} of the log"

    def check_receipt(self) -> str:
        kids = [one.record.kid for one in self._case.receipt_keys]
        if kids != sorted(set(kids)):
            raise _CheckFailed("the receipt keys are not in the order of their ids, each once")
        for logged, raw in zip(self._case.receipt_keys, self._raw["receipt_keys"], strict=True):
            if thumbprint(logged.record.jwk) != logged.record.kid:
                raise _CheckFailed("a receipt key is not the one that it is called")
            record_sha256 = digest(canonical(raw["record"]))
            self._log_index(logged.proof, "receipt-key", logged.record.kid, record_sha256, logged.at)
        kid = self._check_receipt_of(self._case.decision)
        return f"signed by the service's key {kid}, which is in the log, and says what the record says"

    def _check_receipt_of(self, decision: LoggedDecision) -> str:
        """The id of the key that signed the receipt."""
        read = jws.read(decision.receipt)
        key = next((one.record for one in self._case.receipt_keys if one.record.kid == read.kid), None)
        if key is None:
            raise _CheckFailed("the receipt is signed by a key that is not in the file")
        jws.verify(decision.receipt, key.jwk)
        if read.typ != TYP or canonical(read.payload) != canonical(claims(decision.record, self._case.issuer)):
            raise _CheckFailed("the receipt says something else than the record")
        return read.kid

    def check_inputs(self) -> str:
        record, inputs = self._record, self._case.inputs
        if digest(canonical(self._raw["inputs"])) != record.inputs_sha256:
            raise _CheckFailed("the inputs are not those that the record commits to")
        if recipient_digest(bytes.fromhex(record.salt), inputs.number) != record.recipient_digest:
            raise _CheckFailed("the telephone number is not the one that was asked about")
        if text_digest(inputs.text) != record.text_sha256:
            raise _CheckFailed("the text is not the one that was asked about")
        if whole_seconds(inputs.at) != record.at:
            raise _CheckFailed("the time is not the record's")
        return "number, text and time are those that the record commits to"

    def check_parties(self) -> str:
        for logged, raw in zip(self._case.parties, self._raw["parties"], strict=True):
            name = f"{logged.record.id}/{logged.version}"
            self._log_index(logged.proof, "party", name, digest(canonical(raw["record"])), logged.at)
        registrations = Registrations(
            [Registration(datetime.fromisoformat(one.at), one.version, one.record) for one in self._case.parties]
        )
        registrations.check_keys()
        record, inputs = self._record, self._case.inputs
        self._parties = registrations.parties_at(
            inputs.parties, (record.gateway, record.creditor, record.collector), inputs.at
        )
        binding.check_circumstances(record, inputs, self._parties)
        issuers = {one.record.issuer for one in (*self._case.statements, *self._chained_in_file())}
        others = registrations.names() - issuers - set(inputs.parties)
        if others:
            raise _CheckFailed(f"{min(others)} has no part in the decision and stated nothing that it relies on")
        self._registrations = registrations
        return f"{len(self._case.parties)} registrations, each in the log, those of the decision in force at its time"

    def check_statements(self) -> str:
        if self._registrations is None:
            raise _CheckFailed("not checked against the registrations, which are not good")
        relied_on = list(dict.fromkeys(name.partition("#")[0] for name in self._record.relied_on))
        found = [statements.statement_id(one.jws) for one in self._case.statements]
        if found != relied_on:
            raise _CheckFailed("the statements are not those that the record names, each once and in its order")
        for name, logged, raw in zip(found, self._case.statements, self._raw["statements"], strict=True):
            payload = self._signature(self._registrations, logged)
            self._log_index(
                logged.proof, "statement", name, digest(canonical(raw["record"])), raw["record"]["received_at"]
            )
            self._bind(self._registrations, name, logged.record, payload)
        signed = {one.statement_id: one.statement for one in self._signed}
        binding.check_rows(self._record, self._case.inputs, signed, self._manifests)
        binding.check_shown(self._record, self._case.inputs)
        return self._signed_summary()

    def _bind(self, parties: Registrations, name: str, on_file: StatementRecord, payload: dict[str, Any]) -> None:
        """Put the statement with the others. Raises unless it is about this decision, by a party that may state it."""
        registered = [one.party for one in parties.in_force(on_file.issuer, on_file.received_at)]
        if on_file.kind == MANIFEST:
            manifest = validate(payload, Manifest)
            binding.check_manifest(self._record, manifest, registered)
            self._manifests[name] = manifest
            return
        self._signed.append(self._bound_statement(parties, name, on_file, payload))

    def _bound_statement(
        self, parties: Registrations, name: str, on_file: StatementRecord, payload: dict[str, Any]
    ) -> SignedStatement:
        """The statement of a fact. Raises unless it is about this decision, by a party that may state it."""
        registered = [one.party for one in parties.in_force(on_file.issuer, on_file.received_at)]
        kind = statements.kind_of(on_file.kind + statements.SUFFIX)
        if kind is None:
            raise _CheckFailed(f"a statement is of the unknown kind {on_file.kind}")
        statement: Statement = statements.parse(kind, payload)
        binding.check_subject(self._record, self._case.inputs, kind, statement)
        binding.check_entitled(self._record, kind, statement, registered)
        return SignedStatement(name, statement, on_file.received_at)

    def check_rows(self) -> str:
        files = [one for one in self._case.statements if one.record.kind == MANIFEST]
        manifests = [read_manifest(one.jws, one.record.received_at) for one in files]
        singles = {one.statement_id: one.statement for one in self._signed}
        proven, others = check_rows(self._case.rows, self._record, self._case.inputs, manifests, singles)
        found = [f"{proven} rows of files, each signed by its creditor with its file"] if proven else []
        if others:
            found.append(
                f"{others} facts are rows of files whose creditor signed the file's digest and not the row alone, or "
                "are left out of a file: only the file shows them (--portfolio)"
            )
        return "; ".join(found) or "none"

    def check_starts(self) -> str:
        starts = self._case.inputs.starts
        allows = {one.record.decision_id: one for one in self._case.allows}
        raws = self._raw["allows"]
        if len(allows) != len(raws) or {one.decision_id for one in starts.values()} != set(allows):
            raise _CheckFailed("the allows are not those that the STARTs answer")
        for logged, raw in zip(self._case.allows, raws, strict=True):
            record = logged.record
            if encode_record(record) != canonical(raw["record"]):
                raise _CheckFailed("the record of an allow has members that a record does not have")
            self._log_index(
                logged.proof, "decision", record.decision_id, digest(encode_record(record)), raw["record"]["at"]
            )
            self._check_receipt_of(logged)
        signed = {one.statement_id: one for one in self._signed}
        for name, answered in starts.items():
            reply = signed[name].statement if name in signed else None
            if not isinstance(reply, ReplyStatement) or self._registrations is None:
                raise _CheckFailed("a START is not among the statements that are good")
            registered = self._registrations.in_force(reply.iss, signed[name].accepted_at)
            if all(one.party.state != "active" for one in registered):
                raise _CheckFailed(f"{reply.iss} was suspended when its START was accepted")
            verify_answer(
                reply, answered, allows[answered.decision_id].record, self._case.inputs.number, self._record.creditor
            )
        return f"{len(starts)} that count, each in reply to a message that was allowed" if starts else "none"

    def _signed_summary(self) -> str:
        rows = sum(map(is_row, self._record.relied_on)) - len(self._case.rows)
        count = len(self._case.statements)
        summary = f"{count} of {count} about this message, signed by the party that answers for it, and in the log"
        if rows <= 0:
            return summary
        return f"{summary}; {rows} facts are rows of files, whose digest their creditor signed, and not the row alone"

    def _signature(self, parties: Registrations, logged: LoggedStatement) -> dict[str, Any]:
        """The payload. Raises if its issuer did not sign it with a key that was registered when it was received."""
        read = jws.read(logged.jws)
        on_file = logged.record
        if read.typ != on_file.kind + statements.SUFFIX or read.kid != on_file.kid:
            raise _CheckFailed("a statement is not of the kind, or not by the key, that was put on file")
        if read.payload.get("iss") != on_file.issuer or read.payload.get("aud") != self._case.issuer:
            raise _CheckFailed("a statement is not by the party, or not to the service, that was put on file")
        key = parties.signing_key(on_file.issuer, on_file.kid, on_file.received_at)
        jws.verify(logged.jws, key.jwk)
        if on_file.received_at > self._case.inputs.at + SKEW:
            raise _CheckFailed("a statement was received after the decision that rests on it")
        return read.payload

    def _chained_in_file(self) -> list[LoggedStatement]:
        """The statements of the chains that are shown whole."""
        return [link.statement for chain in self._case.chains for link in chain.links if link.statement]

    def check_chains(self) -> str:
        case, record = self._case, self._record
        if self._registrations is None:
            raise _CheckFailed("not checked against the registrations, which are not good")
        self._check_acknowledgement_keys()
        self._places = chain_checks.chain_places(record, case.chains)
        relied_on = {statements.statement_id(one.jws): one.record for one in case.statements}
        chain_checks.check_relied_on(relied_on, self._places, case.chains)
        voids = self._voids()
        shown = Counter[str]()
        for chain, raw in zip(case.chains, self._raw["chains"], strict=True):
            for link, raw_link in zip(chain.links, raw["links"], strict=True):
                shown[self._check_link(self._registrations, link, raw_link, relied_on, voids)] += 1
        return chain_checks.summary(record, shown, voids)

    def _check_link(
        self,
        parties: Registrations,
        link: ChainedStatement,
        raw: dict[str, Any],
        relied_on: dict[str, StatementRecord],
        voids: list[VoidVersion],
    ) -> str:
        """How the statement is shown; `voided` if a void keeps it out of the decision. Raises if anything about it is
        wrong."""
        name, place = link.statement_id, self._places[link.statement_id]
        if (link.statement is None, link.entry is None) != chain_checks.MEMBERS_MISSING[link.shown]:
            raise _CheckFailed(f"the link {name} has not the members of one that is {link.shown}")
        if link.entry is not None:
            if link.shown == "withheld" and self._record.decision == "allow":
                raise _CheckFailed(f"the file of an allow shows every statement of the chains, and {name} is withheld")
            self._log_index(link.entry.proof, "statement", name, link.entry.record_sha256, link.entry.at)
            return link.shown
        if link.statement is None:
            known = next((one for one in self._signed if one.statement_id == name), None)
            if known is None:
                raise _CheckFailed(f"the statement {name} is not good, so it has no place in a chain")
            chain_checks.check_place(name, relied_on[name], known.statement, place, self._record.creditor)
            self._chained.append(known)
            return link.shown
        logged = link.statement
        if statements.statement_id(logged.jws) != name:
            raise _CheckFailed(f"the statement at the place of {name} is another one")
        payload = self._signature(parties, logged)
        raw_record = raw["statement"]["record"]
        self._log_index(logged.proof, "statement", name, digest(canonical(raw_record)), raw_record["received_at"])
        read = self._bound_statement(parties, name, logged.record, payload)
        chain_checks.check_place(name, logged.record, read.statement, place, self._record.creditor)
        if chain_checks.voiding(voids, logged.record, self._case.inputs.at):
            return "voided"
        self._chained.append(read)
        return link.shown

    def _voids(self) -> list[VoidVersion]:
        """The voids, each in the log. Raises if one of them covers no statement of the chains."""
        for one, raw in zip(self._case.voids, self._raw["voids"], strict=True):
            name = f"{one.record.party}/{one.id}/{one.version}"
            self._log_index(one.proof, "void", name, digest(canonical(raw["record"])), one.at)
        voids = chain_checks.void_versions(self._case.voids)
        shown = [one.record for one in self._chained_in_file()]
        for void in voids:
            if not any(void.record.covers(one.issuer, one.kind, one.received_at) for one in shown):
                raise _CheckFailed(f"the void {void.id} of {void.record.party} covers no statement of the chains")
        return voids

    def _check_acknowledgement_keys(self) -> None:
        keys = self._case.acknowledgement_keys
        kids = [one.record.kid for one in keys]
        if kids != sorted(set(kids)):
            raise _CheckFailed("the acknowledgement keys are not in the order of their ids, each once")
        for logged, raw in zip(keys, self._raw["acknowledgement_keys"], strict=True):
            if thumbprint(logged.record.jwk) != logged.record.kid:
                raise _CheckFailed("an acknowledgement key is not the one that it is called")
            record_sha256 = digest(canonical(raw["record"]))
            self._log_index(logged.proof, "acknowledgement-key", logged.record.kid, record_sha256, logged.at)

    def check_rules(self) -> str:
        data = canonical(self._case.rules)
        pack = parse_pack(data)
        if pack.data != data or pack.digest != self._record.rules_sha256 or pack.version != self._record.rules_version:
            raise _CheckFailed("the rules are not those that the record names")
        origin = describe_origin(pack)
        self._rules = Rules(pack=pack)
        return f"version {pack.version}, {len(pack.rows)} rows, as the record names them: {origin}"

    def check_replay(self) -> str:
        if self._rules is None:
            raise _CheckFailed("not made again, because of what is wrong above")
        of_another: OtherEngine | None = None
        try:
            self._replayed = recompute(self._record, self._case.inputs, self._signed, self._parties, self._rules)
        except OtherEngine as error:
            of_another = error
        # The service writes the engine's label itself, so it excuses nothing that can be checked without an engine.
        wrong = (None if of_another else chain_checks.omission(self.facts())) or contradiction(self.facts())
        if wrong:
            raise _CheckFailed(wrong)
        if of_another:
            raise of_another
        return "made again from the inputs, the statements and the rules it is the same, to every reason"

    def check_place(self) -> str:
        """The replay takes the recipient's place from the inputs; this compares it with the tables of this machine."""
        check_place(self._record, self._case.inputs, self._replayed)
        return "the recipient's place and clocks are those of this machine's number tables and time zones too"

    def facts(self) -> ChainFacts:
        """Everything that the decision is recomputed from. Raises unless the rules are good."""
        if self._rules is None:
            raise _CheckFailed("the rules are not good")
        record, hidden = self._record, chain_checks.hidden_links(self._record, self._case.chains)
        return ChainFacts(record, self._case.inputs, self._signed, self._chained, self._parties, self._rules, hidden)

    def _log_index(self, proof: str, kind: str, name: str, record_sha256: str, at: str) -> int:
        """Verify that this record is in the log, under the file's checkpoint, and return its index."""
        if self._checkpoint is None:
            raise _CheckFailed("not looked for in the log, whose checkpoint is not good")
        leaf = entry(kind, name, record_sha256, at)
        parsed = logproof.parse(proof)
        if parsed.checkpoint != self._case.checkpoint or logproof.encode(*parsed) != proof:
            raise _CheckFailed(f"the proof of the {kind} {name} is of another checkpoint")
        try:
            verify_inclusion(leaf_hash(leaf), parsed.index, self._checkpoint.size, parsed.hashes, self._checkpoint.root)
        except DuecareError as error:
            raise _CheckFailed(f"the {kind} {name} as it is here is not in the log: {error}") from error
        return parsed.index
