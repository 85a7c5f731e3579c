"""A dishonest operator: it holds every key of the service, and no private key of a party.

It composes a case file of genuine statements, recomputes the answer that follows from them, signs the receipt, and puts
everything into a log of its own making under the service's log key. Its files are well made: a file of honest evidence
that it publishes anew is good, so a refusal is due to the evidence and not to the craft.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from msgspec import structs

from duecare_core.domain.facts.chain import extended, head_of
from duecare_core.domain.facts.merge import EVERY
from duecare_core.domain.facts.party import Party
from duecare_core.domain.rules.parse import parse as parse_pack
from duecare_core.domain.rules.ruleset import Rules
from duecare_core.evidence import statement as statements
from duecare_core.evidence.canonical import canonical, digest
from duecare_core.evidence.casefile.bundle import MANIFEST, CaseFile, LoggedDecision, LoggedParty
from duecare_core.evidence.casefile.bundle import encode as encode_case
from duecare_core.evidence.casefile.chain_parts import ChainedStatement, LoggedDigest, LoggedStatement, RecipientChain
from duecare_core.evidence.casefile.inputs import encode as encode_inputs
from duecare_core.evidence.casefile.replay import SignedStatement, replay
from duecare_core.evidence.jose import jws
from duecare_core.evidence.log import logproof
from duecare_core.evidence.log.entry import entry
from duecare_core.evidence.log.merkle import append, inclusion_proof, leaf_hash
from duecare_core.evidence.log.note import Checkpoint, WitnessKey, add_lines
from duecare_core.evidence.receipt import ReceiptKey, receipt
from duecare_core.evidence.record import recipient_digest, text_digest, whole_seconds
from duecare_core.evidence.statement import StatementRecord
from tests.support.logs import LOG_KEY, ORIGIN

Json = dict[str, Any]
RECEIPT_KEY = ReceiptKey(b"r" * 32)  # the service's, as in tests/support/world.py


def accepted(token: str, at: datetime) -> LoggedStatement:
    """The statement, put on file as if the service had accepted it at this time."""
    read = jws.read(token)
    kind = read.typ.removesuffix(statements.SUFFIX)
    sealed = digest(b"sealed" + token.encode())
    record = StatementRecord(kind=kind, issuer=read.payload["iss"], kid=read.kid, received_at=at, sealed_sha256=sealed)
    return LoggedStatement(record=record, jws=token, proof="")


def registered(party: Party, version: int, at: datetime) -> LoggedParty:
    """A version of a registration, logged at this time."""
    return LoggedParty(at=at.isoformat().replace("+00:00", "Z"), version=version, record=party, proof="")


def chained(case: CaseFile, of: str, added: Sequence[LoggedStatement] = (), omitted: int = 0) -> CaseFile:
    """The case file with statements at the end of the chain of `of`, put on file with the heads that follow, and
    without as many of the last ones as `omitted` says. The record names the new head."""
    old = next((one.links for one in case.chains if one.of == of), ())
    heads = {one.of: one for one in case.decision.record.chains}
    links = list(old[: len(old) - omitted])
    head = head_of(of, [one.statement_id for one in links])
    on_file: dict[str, LoggedStatement] = {}
    for one in added:
        name = statements.statement_id(one.jws)
        head = extended(head, of, name)
        on_file[name] = structs.replace(one, record=structs.replace(one.record, chain=head, effect="in_force"))
        relied_on = name in case.decision.record.relied_on
        links.append(
            ChainedStatement(statement_id=name, shown="relied-on")
            if relied_on
            else ChainedStatement(statement_id=name, shown="whole", statement=on_file[name])
        )
    rest = {one.of: one for one in case.chains if one.of != of}
    chains = rest | ({of: RecipientChain(of, tuple(links))} if head else {})
    heads = {name: one for name, one in heads.items() if name != of} | ({of: head} if head else {})
    order = [one for one in (case.decision.record.creditor, EVERY) if one in chains]
    record = structs.replace(case.decision.record, chains=tuple(heads[one] for one in order))
    return structs.replace(
        case,
        decision=structs.replace(case.decision, record=record),
        chains=tuple(chains[one] for one in order),
        statements=tuple(on_file.get(statements.statement_id(one.jws), one) for one in case.statements),
    )


def hidden(case: CaseFile, name: str, shown: Literal["withheld", "erased"]) -> CaseFile:
    """The case file with this statement of the chains named by its id and log entry alone."""

    def link(one: ChainedStatement) -> ChainedStatement:
        if one.statement_id != name or one.statement is None:
            return one
        raw = msgspec.to_builtins(one.statement.record)
        entry_of = LoggedDigest(at=raw["received_at"], record_sha256=digest(canonical(raw)), proof="")
        return ChainedStatement(statement_id=name, shown=shown, entry=entry_of)

    chains = tuple(structs.replace(one, links=tuple(map(link, one.links))) for one in case.chains)
    return structs.replace(case, chains=chains)


def answered_anew(case: CaseFile) -> CaseFile:
    """The case file with the answer that follows from its inputs, and with the statements that this relies on."""
    inputs, pack = case.inputs, parse_pack(canonical(case.rules))
    record = structs.replace(
        case.decision.record,
        at=whole_seconds(inputs.at),
        recipient_digest=recipient_digest(bytes.fromhex(case.decision.record.salt), inputs.number),
        text_sha256=text_digest(inputs.text),
        rules_sha256=pack.digest,
        rules_version=pack.version,
    )
    versions = {(one.record.id, one.version): one.record for one in case.parties}
    parties = {who: versions[who, version] for who, version in inputs.parties.items()}
    rules = Rules(pack=pack)
    decision = replay(record, inputs, list(map(_signed, _single(case.statements))), parties, rules)
    if not decision.allowed:  # as the service does, it leaves out facts that gave no reason
        inputs = structs.replace(inputs, undisclosed=decision.undisclosed)
    ends = decision.allowed and not record.provisional
    good_for = timedelta(seconds=decision.good_for // timedelta(seconds=1)) if ends else rules.answer_validity
    record = structs.replace(
        record,
        decision="allow" if decision.allowed else "deny",
        reasons=decision.codes,
        findings=decision.findings,
        retry_at=decision.retry_at,
        relied_on=decision.relied_on,
        inputs_sha256=digest(encode_inputs(inputs)),
        regions=decision.regions,
        chains=decision.chains,
        valid_until=record.at + good_for,
    )
    named = list(dict.fromkeys(name.partition("#")[0] for name in record.relied_on))
    found = {statements.statement_id(one.jws): one for one in case.statements}
    return structs.replace(
        case,
        inputs=inputs,
        decision=structs.replace(case.decision, record=record),
        statements=tuple(found[name] for name in named if name in found),
    )


def published(case: CaseFile, witnesses: Sequence[WitnessKey] = (), receipt_of: LoggedDecision | None = None) -> bytes:
    """The bytes of the case file, with a new receipt, in a log that the service's key signs. `receipt_of`: the decision
    whose receipt it gets instead of its own."""

    def receipted(one: LoggedDecision, of: LoggedDecision) -> LoggedDecision:
        signature = RECEIPT_KEY.sign(of.record, case.issuer)
        return structs.replace(one, receipt=receipt(of.record, case.issuer, RECEIPT_KEY.kid, signature))

    case = structs.replace(
        case,
        decision=receipted(case.decision, receipt_of or case.decision),
        allows=tuple(receipted(one, one) for one in case.allows),
    )
    leaves = [leaf_hash(one) for one in _entries(msgspec.to_builtins(case))]
    tree = append(0, lambda _: b"", leaves)
    text = Checkpoint(ORIGIN, len(leaves), tree.root).text()
    seconds = int(case.inputs.at.timestamp())
    note = add_lines(LOG_KEY.sign(text), [one.cosign(text, seconds) for one in witnesses])
    proofs = iter(
        logproof.encode(index, inclusion_proof(index, len(leaves), tree.tiles.__getitem__), note)
        for index in range(len(leaves))
    )

    def proven(logged: Iterable[Any]) -> tuple[Any, ...]:
        return tuple(structs.replace(one, proof=next(proofs)) for one in logged)

    def link(one: ChainedStatement) -> ChainedStatement:
        if one.statement:
            return structs.replace(one, statement=structs.replace(one.statement, proof=next(proofs)))
        return structs.replace(one, entry=structs.replace(one.entry, proof=next(proofs))) if one.entry else one

    (decision,) = proven([case.decision])
    (engine,) = proven([case.engine])
    return encode_case(
        structs.replace(
            case,
            decision=decision,
            engine=engine,
            statements=proven(case.statements),
            chains=tuple(structs.replace(one, links=tuple(map(link, one.links))) for one in case.chains),
            voids=proven(case.voids),
            allows=proven(case.allows),
            parties=proven(case.parties),
            receipt_keys=proven(case.receipt_keys),
            acknowledgement_keys=proven(case.acknowledgement_keys),
            log=structs.replace(case.log, witnesses=tuple(one.verifier_key for one in witnesses)),
            checkpoint=note,
        )
    )


def _entries(raw: Json) -> Iterable[bytes]:
    """The log entries, in the order in which `published` proves them."""
    for one in (raw["decision"],):
        yield _entry("decision", one["record"]["decision_id"], one["record"], one["record"]["at"])
    yield _entry("engine", raw["engine"]["record"]["engine"], raw["engine"]["record"], raw["engine"]["at"])
    for one in raw["statements"]:
        yield _entry("statement", statements.statement_id(one["jws"]), one["record"], one["record"]["received_at"])
    for link in (link for chain in raw["chains"] for link in chain["links"]):
        if whole := link.get("statement"):
            yield _entry("statement", link["statement_id"], whole["record"], whole["record"]["received_at"])
        elif one := link.get("entry"):
            yield entry("statement", link["statement_id"], one["record_sha256"], one["at"])
    for one in raw["voids"]:
        yield _entry("void", f"{one['record']['party']}/{one['id']}/{one['version']}", one["record"], one["at"])
    for one in raw["allows"]:
        yield _entry("decision", one["record"]["decision_id"], one["record"], one["record"]["at"])
    for one in raw["parties"]:
        yield _entry("party", f"{one['record']['id']}/{one['version']}", one["record"], one["at"])
    for one in raw["receipt_keys"]:
        yield _entry("receipt-key", one["record"]["kid"], one["record"], one["at"])
    for one in raw["acknowledgement_keys"]:
        yield _entry("acknowledgement-key", one["record"]["kid"], one["record"], one["at"])


def _entry(kind: str, name: str, record: Json, at: str) -> bytes:
    return entry(kind, name, digest(canonical(record)), at)


def _single(logged: Iterable[LoggedStatement]) -> Iterable[LoggedStatement]:
    return (one for one in logged if one.record.kind != MANIFEST)


def _signed(one: LoggedStatement) -> SignedStatement:
    read = jws.read(one.jws)
    kind = statements.kind_of(read.typ)
    assert kind is not None
    return SignedStatement(
        statements.statement_id(one.jws), statements.parse(kind, read.payload), one.record.received_at
    )
