"""A small world for tests: parties with real keys, over any adapters of the ports."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from duecare.usecases import table
from duecare.usecases.access.caller import Caller
from duecare.usecases.operator.parties import PartyAdmin
from duecare.usecases.statements.accept import AcceptStatements
from duecare.usecases.statements.chains import ChainLink
from duecare.usecases.statements.store import StatementResult
from duecare.usecases.verify.pending import Message
from duecare.usecases.verify.stored_decision import DecisionSeal, StoredDecision, unpack
from duecare.usecases.verify.verify import DecisionKeys, Verify
from duecare_core.domain.facts.chain import head_of
from duecare_core.domain.facts.party import Party
from duecare_core.domain.facts.statement import KINDS, Statement
from duecare_core.domain.facts.void import Void
from duecare_core.domain.fields import E164
from duecare_core.domain.rules.ruleset import Rules
from duecare_core.evidence.acknowledgement import AcknowledgementKey
from duecare_core.evidence.canonical import digest
from duecare_core.evidence.casefile import binding
from duecare_core.evidence.casefile.chains import ChainFacts, omission, says_something
from duecare_core.evidence.casefile.inputs import decode
from duecare_core.evidence.casefile.places import misplaced
from duecare_core.evidence.casefile.replay import SignedStatement, differences, is_row, replay
from duecare_core.evidence.casefile.without_engine import contradiction
from duecare_core.evidence.jose import jws, keys
from duecare_core.evidence.jose.proof import proven_jwk
from duecare_core.evidence.pseudonyms import Pseudonyms
from duecare_core.evidence.receipt import ReceiptKey
from duecare_core.evidence.record import Record, encode
from duecare_core.evidence.sealed_decision import NONCE_BYTES, InputsKey, Summary, summarize
from duecare_core.evidence.statement import StatementRecord, parse, sign, statement_id
from tests.support.memory import MemoryFiles, MemorySealer, MemoryTable
from tests.support.packs import RULES

ISSUER = "https://duecare.example"
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
NOTICE = "sha256:" + "0" * 64
RECIPIENT = E164("+8613812345678")
OUTSTANDING = "27911"

# Word for word the message of the case (shared with the court's report, 余敏某某 being the report's own mask).
CASE_TEXT = (
    "【某资产】余敏某某,目前最新欠款:27911元,现申请特殊减免还9431元即可结清账户,提供结清证明。"
    "减免有效时间截止至2023年10月21日上午10点。过期将永久取消此权益,并追责全款,追究其法律责任,详询****,退订回“T”。"
)

PARTIES: dict[str, tuple[list[str], str, list[str]]] = {
    "mou-zichan": (["creditor"], "某资产", ["某资产"]),
    "other-bank": (["creditor"], "Other Bank", ["Other Bank"]),
    "keji": (["collector"], "科技公司", ["科技公司"]),
    "other-collector": (["collector"], "Other Collector", []),
    "xinxi": (["gateway"], "信息公司", []),
    "other-gateway": (["gateway"], "Other Gateway", []),
    "yunyingshang": (["carrier"], "运营商", []),
    "shenji": (["auditor"], "审计", []),
}
# One fixed key pair for each party: golden files contain signatures.
KEYS = {
    party: keys.private_jwk(Ed25519PrivateKey.from_private_bytes(sha256(party.encode()).digest())) for party in PARTIES
}


class World:
    """`now` can be moved; everything else is as in production but for the adapters given."""

    def __init__(
        self,
        decisions: Any = None,
        documents: Any = None,
        *,
        sealer: Any = None,
        pepper: bytes = b"p" * 32,
        rules: Rules = RULES,
        backoff: Callable[[int], None] = lambda _: None,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        memory = MemoryTable()
        self.decisions = decisions if decisions is not None else memory
        self.documents = documents if documents is not None else memory
        self.sealer = sealer or MemorySealer()
        self.rules = rules
        self.backoff = backoff
        self.now = NOW
        self.tokens: dict[str, str] = {}
        self.upload_files: Any = MemoryFiles()
        self.row_evidence: Callable[[str, int], Any] = lambda _manifest, _number: None  # uploads set it
        self.pseudonyms = Pseudonyms(pepper)
        self.receipt_key = ReceiptKey(b"r" * 32)
        self.acknowledgement_key = AcknowledgementKey(b"a" * 32)
        self.inputs_key = InputsKey(b"i" * 32)
        self.operate = PartyAdmin(self.documents, self.clock)
        self.state_use_case = AcceptStatements(
            documents=self.documents,
            sealer=self.sealer,
            pseudonyms=self.pseudonyms,
            rules=rules,
            issuer=ISSUER,
            clock=self.clock,
            acknowledgement_key=lambda: self.acknowledgement_key,
            backoff=backoff,
        )
        self.verify_use_case = Verify(
            decisions=self.decisions,
            keys=DecisionKeys(self.pseudonyms, self.receipt_key, self.inputs_key),
            rules=rules,
            issuer=ISSUER,
            clock=self.clock,
            entropy=entropy,
            backoff=backoff,
        )

    def clock(self) -> datetime:
        return self.now

    def register(self, *ids: str) -> World:
        """Register these parties, or all of them."""
        for party_id in ids or PARTIES:
            roles, name, sender_names = PARTIES[party_id]
            party = Party(
                id=party_id, roles=tuple(roles), name=name, sender_names=tuple(sender_names), registered_at=self.now
            )
            self.operate.add(party, proven_jwk(KEYS[party_id], self.now))
        return self

    def caller(self, party: str) -> Caller:
        """The caller of a token that this party signs now, for an hour."""
        ends = self.now + timedelta(hours=1)
        return Caller(party, keys.thumbprint(KEYS[party]), self.now, ends, audience_fits=True, lifetime_fits=True)

    def jws(self, party: str, kind: str, /, **members: Any) -> str:
        return sign(kind, {"iss": party, "aud": ISSUER, "iat": int(self.now.timestamp()), **members}, KEYS[party])

    def state_all(self, party: str, tokens: Sequence[str]) -> list[StatementResult]:
        self.tokens.update((statement_id(token), token) for token in tokens)
        return self.state_use_case(self.caller(party), tokens)

    def state(self, party: str, kind: str, /, **members: Any) -> StatementResult:
        return self.state_all(party, [self.jws(party, kind, **members)])[0]

    def accepted(self, party: str, kind: str, /, **members: Any) -> str:
        result = self.state(party, kind, **members)
        assert result.status == "accepted", result
        return result.statement_id

    def verify(self, gateway: str = "xinxi", /, **changes: Any) -> StoredDecision:
        decided = self.verify_use_case(self.caller(gateway), message(**changes))
        self.replay(decided)
        return decided

    def verify_many(self, *messages: Message, gateway: str = "xinxi") -> list[Any]:
        results = self.verify_use_case.many(self.caller(gateway), messages)
        for result in results:
            if isinstance(result, StoredDecision):
                self.replay(result)
        return results

    def replay(self, decided: StoredDecision) -> None:
        """Guarantee 10, for whatever any test decides: the statements that the record names give the same decision."""
        record = decided.record
        key = table.decision(record.decision_id)
        document = self.documents.get([key])[key]
        stored = unpack(document, self.inputs_key)
        if decided.replayed or stored.record != record:
            return  # replaced by a later attempt
        inputs = decode(stored.inputs)
        found = self.documents.get([table.party(who) for who in inputs.parties])
        if {key: one.version for key, one in found.items()} != {table.party(w): v for w, v in inputs.parties.items()}:
            return  # a party was changed concurrently
        parties = {who: table.read(found[table.party(who)], Party) for who in inputs.parties}
        signed = [self._signed(name) for name in record.relied_on if not is_row(name)]
        again = replay(record, inputs, signed, parties, self.rules)
        assert differences(record, again, self.rules, inputs.at) == (), (record, again)
        assert misplaced(inputs, again) == ()
        # No honest decision is refused by the checks that bind a case file to its decision.
        binding.check_circumstances(record, inputs, parties)
        for one in signed:
            kind = next(kind for kind, of in KINDS.items() if isinstance(one.statement, of))
            binding.check_subject(record, inputs, kind, one.statement)
        binding.check_shown(record, inputs)
        facts = ChainFacts(record, inputs, signed, self._chained(decided), parties, self.rules)
        assert omission(facts) is None, (record, omission(facts))
        assert contradiction(facts) is None, (record, contradiction(facts))
        assert says_something(record) or not record.chains

    def _chained(self, decided: StoredDecision) -> list[SignedStatement]:
        """The statements of the chains that the decision read, in force as far as the voids in the table say."""
        chained: list[SignedStatement] = []
        for head in decided.record.chains:
            links = self.documents.partition(table.chain_links(decided.envelope.recipient_key, head.of), "")
            names = [table.read(one, ChainLink).statement for one in links[: head.seq]]
            assert head_of(head.of, names) == head
            chained += [self._signed(name) for name in names if not self._is_voided(name)]
        return chained

    def _is_voided(self, name: str) -> bool:
        key = table.statement(name)
        stored = table.read(self.documents.get([key])[key], StatementRecord)
        voids = [table.read(one, Void) for one in self.documents.partition(table.voids(stored.issuer), "")]
        return any(
            one.state == "active" and one.covers(stored.issuer, stored.kind, stored.received_at) for one in voids
        )

    def decision_seal(self, record: Record, number: E164 = RECIPIENT) -> DecisionSeal:
        """As verify seals a decision about a message to this number."""
        tag = self.pseudonyms.recipient_tag(record.gateway, self.pseudonyms.recipient_key(number))
        return DecisionSeal(self.inputs_key, os.urandom(NONCE_BYTES), tag, self.pseudonyms.text(record.text_sha256))

    def summary(self, record: Record) -> Summary:
        """As verify stores it beside the ciphertext."""
        seal = self.decision_seal(record)
        return summarize(record, digest(encode(record)), seal.recipient_tag, seal.text_mac)

    def _signed(self, name: str) -> SignedStatement:
        key = table.statement(name)
        stored = table.read(self.documents.get([key])[key], StatementRecord)
        return SignedStatement(name, _parsed(self.tokens[name]), stored.received_at)

    def reasons(self, gateway: str = "xinxi", /, **changes: Any) -> list[str]:
        """Asked in shadow, so that asking does not fill the frequency caps."""
        asked = {"message_id": os.urandom(8).hex(), "shadow": True} | changes
        return list(self.verify(gateway, **asked).record.reasons)

    # The facts of an honest message

    def mandate(self, **changes: Any) -> str:
        return self.accepted("mou-zichan", "mandate", **mandate_members(self.now, **changes))

    def route(self, sender: str = "keji", gateway: str = "xinxi", **changes: Any) -> str:
        return self.accepted(sender, "route", **route_members(self.now, gateway=gateway, **changes))

    def engage(self) -> None:
        """The creditor's mandate for its collector, and the routes of all senders to both gateways."""
        self.mandate()
        for sender in ("keji", "mou-zichan", "other-bank"):
            for gateway in ("xinxi", "other-gateway"):
                self.route(sender, gateway)

    def consent(self, **changes: Any) -> str:
        return self.accepted("mou-zichan", "consent", **consent_members(self.now, **changes))

    def debt(self, **changes: Any) -> str:
        return self.accepted("mou-zichan", "debt", **debt_members(self.now, **changes))

    def honest(self) -> World:
        """Everything that an allow needs."""
        self.register()
        self.engage()
        self.consent()
        self.debt()
        return self


def _parsed(token: str) -> Statement:
    read = jws.read(token)
    return parse(read.typ.removesuffix("+jws"), read.payload)


def stamp(at: datetime) -> str:
    return at.isoformat()


def daytime_recipient(now: datetime, serial: int = 38123456) -> str:
    """A number in whose own country it is daytime, so that a message may go now whenever the tests run. `serial`: up to
    7 digits count."""
    if now.astimezone(UTC).hour < 13:
        return f"+86139{serial % 10**8:08d}"
    if now.astimezone(UTC).hour < 16:
        return f"+23324{serial % 10**7:07d}"  # Ghana
    return f"+5068{serial % 10**7:07d}"  # Costa Rica


def mandate_members(now: datetime, **changes: Any) -> dict[str, Any]:
    return {
        "collector": "keji",
        "channels": ["sms"],
        "valid_from": stamp(now - DAY),
        "valid_until": stamp(now + 300 * DAY),
        "status": "active",
        "as_of": stamp(now - DAY),
    } | changes


def route_members(now: datetime, **changes: Any) -> dict[str, Any]:
    members = {
        "gateway": "xinxi",
        "channels": ["sms"],
        "valid_from": stamp(now - DAY),
        "valid_until": stamp(now + 365 * DAY),
        "status": "active",
        "as_of": stamp(now - DAY),
    }
    return members | changes


def consent_members(now: datetime, **changes: Any) -> dict[str, Any]:
    return {
        "recipient": RECIPIENT,
        "channels": ["sms"],
        "granted_at": stamp(now - 30 * DAY),
        "method": "contract",
        "notice": NOTICE,
    } | changes


def debt_members(now: datetime, **changes: Any) -> dict[str, Any]:
    return {
        "recipient": RECIPIENT,
        "debt_ref": "A-1",
        "currency": "CNY",
        "outstanding": OUTSTANDING,
        "as_of": stamp(now - DAY),
        "status": "open",
    } | changes


def message(**changes: Any) -> Message:
    members: dict[str, Any] = {
        "message_id": "m-1",
        "recipient": RECIPIENT,
        "creditor": "mou-zichan",
        "collector": "keji",
        "channel": "sms",
        "text": CASE_TEXT,
    }
    return Message(**(members | changes))
