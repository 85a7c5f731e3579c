"""The case file: everything about one decision in one file, which anyone with the log's key can check offline.

`check` makes its checks in the order in which they depend on each other: the form of the file, the log's key and
checkpoint; the record in the log, the receipt over the record, the inputs that the record commits to; the
registrations, the signed statements, the rules; and the replay of the decision from all of these. Every byte is bound
by a check, so a file with any change fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct

from duecare_core.domain.decision.decision import Decision
from duecare_core.domain.facts.party import Party, PartyKey
from duecare_core.domain.facts.statement import ReplyStatement
from duecare_core.domain.rules.parse import parse as parse_pack
from duecare_core.domain.rules.ruleset import Rules
from duecare_core.errors import BadEvidence, DuecareError
from duecare_core.evidence import statement as statements
from duecare_core.evidence.canonical import canonical, digest, strict_json
from duecare_core.evidence.casefile.answered_allows import verify_answer
from duecare_core.evidence.casefile.inputs import Inputs
from duecare_core.evidence.casefile.other_engine import OtherEngine
from duecare_core.evidence.casefile.places import check_place
from duecare_core.evidence.casefile.replay import SignedStatement, is_row, recompute
from duecare_core.evidence.jose import jws
from duecare_core.evidence.jose import proof as possession
from duecare_core.evidence.jose.keys import thumbprint
from duecare_core.evidence.log import logproof
from duecare_core.evidence.log.entry import entry
from duecare_core.evidence.log.note import Checkpoint, open_checkpoint
from duecare_core.evidence.receipt import TYP, ReceiptKeyRecord, claims
from duecare_core.evidence.record import EngineRecord, Record, recipient_digest, text_digest, whole_seconds
from duecare_core.evidence.record import encode as encode_record
from duecare_core.evidence.statement import StatementRecord

FORMAT: Literal["duecare-case-file/1"] = "duecare-case-file/1"
MEDIA_TYPE = "application/vnd.duecare.bundle+json"
MANIFEST = "upload"  # the kind of a statement whose rows are facts


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


class LoggedStatement(Struct, frozen=True, forbid_unknown_fields=True):
    """A statement's record, its JWS and the record's proof of inclusion."""

    record: StatementRecord
    jws: str
    proof: str


class LogNames(Struct, frozen=True, forbid_unknown_fields=True):
    """The log's name and keys. `verifier_key` and `witnesses`: verifier keys of c2sp.org/signed-note."""

    origin: str
    verifier_key: str
    witnesses: tuple[str, ...]


class CaseFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The file. Its bytes are its RFC 8785 form. `allows`: those that are answered by the STARTs that the decision
    relies on."""

    bundle: Literal["duecare-case-file/1"]
    issuer: str
    decision: LoggedDecision
    inputs: Inputs
    statements: tuple[LoggedStatement, ...]
    allows: tuple[LoggedDecision, ...]
    parties: tuple[LoggedParty, ...]
    receipt_keys: tuple[LoggedKey, ...]
    engine: LoggedEngine
    rules: dict[str, Any]
    log: LogNames
    checkpoint: str


class Check(NamedTuple):
    """The result of one check. `detail`: what was verified, or what is wrong. `other_engine`: this engine cannot make
    the check, because another one made the decision and this one gives another answer."""

    name: str
    ok: bool
    detail: str
    other_engine: bool = False


class Verdict(NamedTuple):
    """`case`: None if the file could not be read. `ok`: whether every check was made and passed."""

    ok: bool
    checks: tuple[Check, ...]
    case: CaseFile | None

    @property
    def is_of_other_engine(self) -> bool:
        """Whether every check that this engine can make passed, and another one must recompute the decision."""
        return not self.ok and all(one.ok or one.other_engine for one in self.checks)


class _CheckFailed(Exception):
    """A failed check. The message says what is wrong."""


def encode(case: CaseFile) -> bytes:
    """The bytes of a case file."""
    return canonical(msgspec.to_builtins(case))


def check(data: bytes, verifier_key: str | None = None) -> Verdict:
    """Make every check. `verifier_key`: the log's, from a trusted source. Without it the key in the file is used, and
    then nothing shows whose log it is."""
    checks: list[Check] = []
    try:
        case, raw = _read(data)
    except (DuecareError, msgspec.MsgspecError, _CheckFailed) as error:
        return Verdict(False, (Check("form", False, str(error)),), None)
    checks.append(Check("form", True, "one JSON object in its canonical form, with the members of a case file"))
    steps = _Checks(case, raw, verifier_key or case.log.verifier_key)
    for name in CHECKS:
        step: Callable[[], str] = getattr(steps, f"check_{name}")
        try:
            checks.append(Check(name, True, step()))
        except OtherEngine as error:
            checks.append(Check(name, False, str(error), other_engine=True))
        except (DuecareError, _CheckFailed, ValueError, KeyError) as error:
            checks.append(Check(name, False, str(error) or type(error).__name__))
    return Verdict(all(one.ok for one in checks), tuple(checks), case)


CHECKS = ("log", "record", "engine", "receipt", "inputs", "parties", "statements", "starts", "rules", "replay", "place")


def _read(data: bytes) -> tuple[CaseFile, dict[str, Any]]:
    try:
        value = strict_json(data)
    except BadEvidence as error:
        raise _CheckFailed(f"this is not a case file, which is JSON: {error}") from error
    if not isinstance(value, dict) or value.get("bundle") != FORMAT:
        raise _CheckFailed(f'this is not a case file: it is JSON without the member "bundle": "{FORMAT}"')
    if canonical(value) != data:
        raise _CheckFailed(
            "the file is not in its canonical form (RFC 8785): something was added, or written differently"
        )
    return msgspec.convert(value, CaseFile), value


class _Checks:
    """The checks of `check`. Each returns what it verified, or raises."""

    def __init__(self, case: CaseFile, raw: dict[str, Any], verifier_key: str) -> None:
        self._case = case
        self._raw = raw
        self._key = verifier_key
        self._record = case.decision.record
        self._checkpoint: Checkpoint | None = None
        self._signed: list[SignedStatement] = []
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
        seen = f", seen by {len(log.witnesses)} witnesses" if log.witnesses else ""
        return f"{log.origin} signed its {checkpoint.size} entries{seen}"

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
            for key in logged.record.keys:
                _check_possession(name, key)
        missing = [who for who, version in self._case.inputs.parties.items() if self._party(who, version) is None]
        if missing:
            raise _CheckFailed(f"the registration of {', '.join(missing)} as it was then is not in the file")
        return f"{len(self._case.parties)} registrations, each in the log as it was"

    def check_statements(self) -> str:
        relied_on = list(dict.fromkeys(name.partition("#")[0] for name in self._record.relied_on))
        found = [statements.statement_id(one.jws) for one in self._case.statements]
        if sorted(found) != sorted(relied_on):
            raise _CheckFailed("the statements are not those that the record names")
        named = set(self._record.relied_on)
        for name, logged, raw in zip(found, self._case.statements, self._raw["statements"], strict=True):
            payload = self._signature(logged)
            self._log_index(
                logged.proof, "statement", name, digest(canonical(raw["record"])), raw["record"]["received_at"]
            )
            if logged.record.kind != MANIFEST and name in named:
                kind = statements.kind_of(logged.record.kind + statements.SUFFIX)
                if kind is None:
                    raise _CheckFailed(f"a statement is of the unknown kind {logged.record.kind}")
                self._signed.append(SignedStatement(name, statements.parse(kind, payload), logged.record.received_at))
        return self._signed_summary()

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
        replies = {one.statement_id: one.statement for one in self._signed}
        for name, answered in starts.items():
            reply = replies.get(name)
            if not isinstance(reply, ReplyStatement):
                raise _CheckFailed("a START is not among the statements")
            verify_answer(reply, answered, allows[answered.decision_id].record, self._case.inputs.number)
        return f"{len(starts)} that count, each in reply to a message that was allowed" if starts else "none"

    def _signed_summary(self) -> str:
        rows = sum(map(is_row, self._record.relied_on))
        count = len(self._case.statements)
        summary = f"{count} of {count} signed by the party that answers for it, and in the log"
        if not rows:
            return summary
        return f"{summary}; {rows} facts are rows of files, whose digest their creditor signed, and not the row alone"

    def _signature(self, logged: LoggedStatement) -> dict[str, Any]:
        """The payload. Raises if its issuer did not sign it with a key that was registered when it was received."""
        read = jws.read(logged.jws)
        on_file = logged.record
        if read.typ != on_file.kind + statements.SUFFIX or read.kid != on_file.kid:
            raise _CheckFailed("a statement is not of the kind, or not by the key, that was put on file")
        if read.payload.get("iss") != on_file.issuer or read.payload.get("aud") != self._case.issuer:
            raise _CheckFailed("a statement is not by the party, or not to the service, that was put on file")
        key = self._key_of(on_file)
        jws.verify(logged.jws, key.jwk)
        if on_file.received_at > self._case.inputs.at:
            raise _CheckFailed("a statement was received after the decision that rests on it")
        return read.payload

    def _key_of(self, on_file: StatementRecord) -> PartyKey:
        keys = [key for one in self._case.parties if one.record.id == on_file.issuer for key in one.record.keys]
        for key in keys:
            if key.kid == on_file.kid and thumbprint(key.jwk) == key.kid and key.registered_at <= on_file.received_at:
                if key.revoked_at is not None and key.revoked_at <= on_file.received_at:
                    continue
                return key
        raise _CheckFailed(f"no key of {on_file.issuer} that was registered then signed this statement")

    def check_rules(self) -> str:
        data = canonical(self._case.rules)
        pack = parse_pack(data)
        if pack.data != data or pack.digest != self._record.rules_sha256 or pack.version != self._record.rules_version:
            raise _CheckFailed("the rules are not those that the record names")
        self._rules = Rules(pack=pack)
        return f"version {pack.version}, {len(pack.rows)} rows, as the record names them"

    def check_replay(self) -> str:
        if self._rules is None or len(self._signed) < sum(not is_row(name) for name in self._record.relied_on):
            raise _CheckFailed("not made again, because of what is wrong above")
        registered = {who: self._party(who, version) for who, version in self._case.inputs.parties.items()}
        parties = {who: party for who, party in registered.items() if party}
        signed = self._signed_in_order()
        self._replayed = recompute(self._record, self._case.inputs, signed, parties, self._rules)
        return "made again from the inputs, the statements and the rules it is the same, to every reason"

    def check_place(self) -> str:
        """The replay takes the recipient's place from the inputs; this compares it with the tables of this machine."""
        check_place(self._record, self._case.inputs, self._replayed)
        return "the recipient's place and clocks are those of this machine's number tables and time zones too"

    def _signed_in_order(self) -> Iterable[SignedStatement]:
        """The statements in the order of the record."""
        place = {name: number for number, name in enumerate(self._record.relied_on)}
        return sorted(self._signed, key=lambda one: place[one.statement_id])

    def _party(self, who: str, version: int) -> Party | None:
        return next((one.record for one in self._case.parties if (one.record.id, one.version) == (who, version)), None)

    def _log_index(self, proof: str, kind: str, name: str, record_sha256: str, at: str) -> int:
        """Verify that this record is in the log, under the file's checkpoint, and return its index."""
        if self._checkpoint is None:
            raise _CheckFailed("not looked for in the log, whose checkpoint is not good")
        leaf = entry(kind, name, record_sha256, at)
        parsed = logproof.parse(proof)
        if parsed.checkpoint != self._case.checkpoint or logproof.encode(*parsed) != proof:
            raise _CheckFailed(f"the proof of the {kind} {name} is of another checkpoint")
        try:
            logproof.check(proof, leaf, self._key, self._case.log.witnesses, strict=True)
        except DuecareError as error:
            raise _CheckFailed(f"the {kind} {name} as it is here is not in the log: {error}") from error
        return parsed.index


def _check_possession(name: str, key: PartyKey) -> None:
    """Raises unless the registration holds the party's own proof that it held the key then."""
    try:
        possession.check(key.proof, key.jwk, key.registered_at)
    except DuecareError as error:
        raise _CheckFailed(f"the registration {name} has a key without a good proof of possession: {error}") from error
