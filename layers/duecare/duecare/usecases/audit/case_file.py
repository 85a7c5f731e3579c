"""Makes the case file of one decision from the table and the archive, with proofs from the log.

Everything in it is as it was recorded: nothing is decided here, and a missing part is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from duecare.ports import Archive, Document, Documents, LogFiles, Opener
from duecare.usecases import table
from duecare.usecases.audit.case_chains import CaseChains, ChainReader, not_yet, shown_whole
from duecare.usecases.audit.look_up import FoundDecision
from duecare.usecases.log import pointers
from duecare.usecases.log.archive_names import party_name, rules_name
from duecare.usecases.log.pointers import Pointer
from duecare.usecases.log.published_log import Snapshot, snapshot, verifier_key
from duecare.usecases.verify.stored_decision import unpack
from duecare_core.domain.facts.party import Party
from duecare_core.domain.facts.statement import SKEW
from duecare_core.domain.rules.ruleset import Rules
from duecare_core.errors import BadEvidence, Conflict, NotFound, StoreFailed
from duecare_core.evidence.acknowledgement import AcknowledgementKeyRecord
from duecare_core.evidence.canonical import canonical, digest, strict_json
from duecare_core.evidence.casefile import bundle
from duecare_core.evidence.casefile.chain_parts import LoggedAcknowledgementKey, LoggedStatement
from duecare_core.evidence.casefile.inputs import ROW_SEPARATOR, AnsweredAllow, Inputs, decode
from duecare_core.evidence.casefile.row_proofs import ProvenRow
from duecare_core.evidence.receipt import ReceiptKeyRecord, receipt
from duecare_core.evidence.record import EngineRecord, Record
from duecare_core.evidence.record import encode as record_bytes
from duecare_core.evidence.sealed_decision import InputsKey
from duecare_core.evidence.statement import StatementRecord, read_sealed


class CaseFileDeps(NamedTuple):
    """`witnesses`: the verifier keys of the witnesses that the log asks to cosign. `row_evidence`: by the manifest's id
    and the row's number."""

    documents: Documents
    archive: Archive
    log: LogFiles
    opener: Opener
    inputs_key: InputsKey
    witnesses: tuple[str, ...] = ()
    row_evidence: Callable[[str, int], ProvenRow | None] = lambda _manifest, _number: None


class CaseFiles:
    def __init__(self, deps: CaseFileDeps, rules: Rules, issuer: str) -> None:
        self._deps = deps
        self._rules = rules
        self._issuer = issuer

    def __call__(self, found: FoundDecision) -> bytes:
        """The bytes of the case file. Raises Conflict if a part of it is not in the log yet, CannotDecide."""
        log = snapshot(self._deps.log)
        if log is None:
            raise not_yet()
        log_key = verifier_key(self._deps.documents)
        if log_key is None:
            raise not_yet()
        parts = _Parts(self._deps, log)
        record, envelope = found.decided.record, found.decided.envelope
        inputs = _inputs(found.decided.inputs)
        statements = tuple(parts.statement(name) for name in _statements(record))
        in_chains = CaseChains(self._deps.documents, self._deps.archive, parts)
        chains = in_chains.chains(envelope.recipient_key, ChainReader(found.reader, record), set(record.relied_on))
        whole = shown_whole(chains)
        accepted = [(one.record.issuer, one.record.received_at) for one in (*statements, *whole)]
        case = bundle.CaseFile(
            bundle=bundle.FORMAT,
            issuer=self._issuer,
            decision=bundle.LoggedDecision(
                record=record,
                receipt=receipt(record, self._issuer, envelope.kid, envelope.signature),
                proof=parts.proof("decision", record.decision_id, digest(record_bytes(record)))[0],
            ),
            inputs=inputs,
            statements=statements,
            chains=chains,
            voids=tuple(in_chains.voids(whole, inputs.at)),
            rows=tuple(self._rows(record)),
            allows=tuple(parts.allow(one, self._issuer) for one in _distinct(inputs.starts)),
            parties=tuple(parts.parties(inputs.parties, accepted)),
            receipt_keys=tuple(sorted(parts.receipt_keys(), key=lambda one: one.record.kid)),
            acknowledgement_keys=tuple(sorted(parts.acknowledgement_keys(), key=lambda one: one.record.kid)),
            engine=parts.engine(record.engine),
            rules=self._pack(record.rules_sha256),
            log=parts.names(log_key),
            checkpoint=log.note,
            cannot_show=bundle.CANNOT_SHOW,
        )
        return bundle.encode(case)

    def _rows(self, record: Record) -> Iterator[ProvenRow]:
        """The rows of files that the record relies on, each with its proof, if the file's manifest has a root."""
        for name in record.relied_on:
            manifest, _, number = name.partition(ROW_SEPARATOR)
            row = self._deps.row_evidence(manifest, int(number)) if number.isdecimal() else None
            if row is not None:
                yield row

    def _pack(self, rules_sha256: str) -> dict[str, Any]:
        """The rules of the decision: those in force, or the archived copy of earlier ones."""
        if rules_sha256 == self._rules.digest:
            data = self._rules.pack.data
        else:
            data = _read(self._deps.archive, rules_name(rules_sha256))
        pack: dict[str, Any] = strict_json(data)
        return pack


class _Parts:
    """The parts of one case file, with their proofs under one checkpoint."""

    def __init__(self, deps: CaseFileDeps, log: Snapshot) -> None:
        self._deps = deps
        self._log = log

    def names(self, log_key: str) -> bundle.LogNames:
        """The log's origin and key, and the witnesses that have cosigned this checkpoint."""
        return bundle.LogNames(
            origin=self._log.checkpoint.origin,
            verifier_key=log_key,
            witnesses=self._log.signed_by(self._deps.witnesses),
        )

    def proof(self, kind: str, record_id: str, record_sha256: str) -> tuple[str, Pointer]:
        """The proof that the log contains this record, and its pointer. Raises Conflict if it does not yet."""
        key = pointers.key(kind, record_id, record_sha256)
        pointer = table.find(self._deps.documents.get([key]), key, Pointer)
        if pointer is None or pointer.index >= self._log.checkpoint.size:
            raise not_yet()
        return self._log.proof(pointer.index), pointer

    def statement(self, name: str) -> LoggedStatement:
        key = table.statement(name)
        return self.opened(name, table.present(self._deps.documents.get([key]), key) or self._archived_statement(name))

    def opened(self, name: str, document: Document) -> LoggedStatement:
        """The statement in this document, with its proof. Raises Conflict, StoreFailed."""
        record = table.read(document, StatementRecord)
        proof, _ = self.proof("statement", name, digest(canonical(strict_json(document.body))))
        try:
            token = read_sealed(self._deps.opener.open(document.sealed)).jws
        except BadEvidence as error:
            raise StoreFailed("a sealed statement cannot be read") from error
        return LoggedStatement(record=record, jws=token, proof=proof)

    def allow(self, answered: AnsweredAllow, issuer: str) -> bundle.LoggedDecision:
        """The allow that a START answers, from its archived copy: a later attempt may have replaced it."""
        proof, pointer = self.proof("decision", answered.decision_id, answered.record_sha256)
        decided = unpack(pointers.document_of(_read(self._deps.archive, pointer.name)), self._deps.inputs_key)
        signed = receipt(decided.record, issuer, decided.envelope.kid, decided.envelope.signature)
        return bundle.LoggedDecision(record=decided.record, receipt=signed, proof=proof)

    def _archived_statement(self, name: str) -> Document:
        """The archived copy of a statement that the table has deleted."""
        pointer = pointers.newest(self._deps.documents.partition(table.log_pointers("statement", name), ""))
        if pointer is None:
            raise StoreFailed("a statement that a decision relies on does not exist")
        return pointers.document_of(_read(self._deps.archive, pointer.name))

    def parties(self, versions: dict[str, int], accepted: list[tuple[str, datetime]]) -> Iterator[bundle.LoggedParty]:
        """Each party as it was registered at the decision (`versions`), when its statements were `accepted` (issuer and
        time), and as it is now, with keys added or revoked since. Sorted by id and version."""
        ids = sorted({*versions, *(issuer for issuer, _ in accepted)})
        stored = self._deps.documents.get([table.party(who) for who in ids]) if ids else {}
        for who in ids:
            now = stored.get(table.party(who))
            newest = now.version if now else None
            then = versions.get(who, newest)
            times = [at for issuer, at in accepted if issuer == who]
            for one in sorted({*self._in_force(who, then, times), *filter(None, (then, newest))}):
                yield self._party(who, one)

    def _in_force(self, who: str, newest: int | None, times: list[datetime]) -> Iterator[int]:
        """The versions up to `newest` that may have been in force at one of these times. The times are those of the log
        entries, and the clocks of two machines may differ by SKEW. Raises Conflict."""
        if newest is None or not times:
            return
        earliest, ends = min(times) - SKEW, None
        for version in range(newest, 0, -1):
            pointer = pointers.newest(
                self._deps.documents.partition(table.log_pointers("party", f"{who}/{version}"), "")
            )
            if pointer is None:
                raise not_yet()
            begins = datetime.fromisoformat(pointer.at)
            if any(begins <= at + SKEW and (ends is None or at <= ends + SKEW) for at in times):
                yield version
            if begins <= earliest:
                return
            ends = begins

    def _party(self, who: str, version: int) -> bundle.LoggedParty:
        try:
            document = pointers.document_of(self._deps.archive.read(party_name(who, version)))
        except NotFound as error:
            raise not_yet() from error
        proof, pointer = self.proof("party", f"{who}/{version}", digest(document.body))
        return bundle.LoggedParty(at=pointer.at, version=version, record=table.read(document, Party), proof=proof)

    def receipt_keys(self) -> Iterator[bundle.LoggedKey]:
        """Every key that has ever signed receipts, and since when."""
        for document in self._deps.documents.partition(table.RECEIPT_KEYS, ""):
            record = strict_json(document.body)
            proof, pointer = self.proof("receipt-key", record["kid"], digest(canonical(record)))
            yield bundle.LoggedKey(at=pointer.at, record=msgspec.convert(record, ReceiptKeyRecord), proof=proof)

    def acknowledgement_keys(self) -> Iterator[LoggedAcknowledgementKey]:
        """Every key that has ever signed acknowledgements, and since when."""
        for document in self._deps.documents.partition(table.ACKNOWLEDGEMENT_KEYS, ""):
            record = strict_json(document.body)
            proof, pointer = self.proof("acknowledgement-key", record["kid"], digest(canonical(record)))
            key = msgspec.convert(record, AcknowledgementKeyRecord)
            yield LoggedAcknowledgementKey(at=pointer.at, record=key, proof=proof)

    def engine(self, name: str) -> bundle.LoggedEngine:
        """The release of the engine that decided."""
        key = table.engine(name)
        document = self._deps.documents.get([key]).get(key)
        if document is None:
            raise StoreFailed("the engine that made a decision is not on file")
        proof, pointer = self.proof("engine", name, digest(canonical(strict_json(document.body))))
        return bundle.LoggedEngine(at=pointer.at, record=table.read(document, EngineRecord), proof=proof)


def _inputs(data: bytes) -> Inputs:
    if not data:
        raise Conflict("This decision was made before case files existed, so it has none.", name="no-case-file")
    try:
        return decode(data)
    except BadEvidence as error:
        raise StoreFailed("the inputs of a decision cannot be read") from error


def _distinct(starts: dict[str, AnsweredAllow]) -> list[AnsweredAllow]:
    return list({one.record_sha256: one for one in starts.values()}.values())


def _statements(record: Record) -> list[str]:
    """The statements that the record relies on; for a row of a file, the manifest."""
    return list(dict.fromkeys(name.partition("#")[0] for name in record.relied_on))


def _read(archive: Archive, name: str) -> bytes:
    try:
        return archive.read(name)
    except NotFound as error:
        erased = "A statement or a decision that this decision relies on was erased, so it has no case file."
        raise Conflict(erased, name="no-case-file") from error
