"""The keys of the one table, and documents as values (docs/architecture.md, "The table")."""

from __future__ import annotations

import base64
import hashlib
import math
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

import msgspec

from duecare.ports import Document, Key
from duecare_core.domain.facts.party import Halt, Party
from duecare_core.domain.facts.states import DEBT_VALIDITY, DebtState
from duecare_core.domain.fields import RecipientKey
from duecare_core.errors import StoreFailed
from duecare_core.evidence import item_keys as keys
from duecare_core.evidence.jose.keys import b64

T = TypeVar("T")

EVERYTHING = Key(f"{keys.PARTY}#*", keys.PARTY)
RECEIPT_KEYS = f"{keys.RECEIPT_KEY}#receipt"
ACKNOWLEDGEMENT_KEYS = f"{keys.ACKNOWLEDGEMENT_KEY}#acknowledgement"
ENGINES = f"{keys.ENGINE}#engine"
LOG_HEAD = Key(keys.LOG_HEAD, "HEAD")
SHARDS = 16
DAY = timedelta(days=1)
# The body of a state that a void removed. The document stays for a day, so that its version goes on counting: a writer
# that read it before the removal has a conflict.
REMOVED = b"null"
VOID_DONE = "done#"
_ENCODER = msgspec.json.Encoder()


def recipient(recipient_key: RecipientKey) -> str:
    """The partition of everything known about one recipient."""
    return f"{keys.RECIPIENT}#{recipient_key}"


def consent(pk: str, creditor: str, channel: str) -> Key:
    """`channel` is `*` for a revocation of all channels."""
    return Key(pk, f"{keys.CONSENT}#{creditor}#{channel}")


def debt(pk: str, creditor: str, debt_ref: str) -> Key:
    return Key(pk, f"{keys.DEBT}#{creditor}#{debt_ref}")


def debts(creditor: str) -> str:
    """The sort key prefix of all debts of one creditor."""
    return f"{keys.DEBT}#{creditor}#"


def debt_guard(pk: str, creditor: str) -> Key:
    """The guard of the number of debts of one creditor and recipient (usecases/statements/debt_limit.py). Guards are
    shared by chance, so that there are no more than 65,536 of them, and none says whose it is."""
    shard = hashlib.sha256(f"{pk}\0{creditor}".encode()).hexdigest()[:4]
    return Key(f"{keys.DEBT_GUARD}#{shard}", keys.DEBT_GUARD)


def disputes(creditor: str) -> str:
    """The sort key prefix of all disputes with one creditor."""
    return f"{keys.DISPUTE}#{creditor}#"


def dispute(pk: str, creditor: str, content: str) -> Key:
    return Key(pk, disputes(creditor) + content)


def stop(pk: str, creditor: str) -> Key:
    """`creditor` is `*` for a stop of all."""
    return Key(pk, f"{keys.STOP}#{creditor}")


def number(pk: str) -> Key:
    return Key(pk, keys.NUMBER)


def contacts(pk: str) -> Key:
    """The contact ledger: what frequency caps count, over all creditors and gateways."""
    return Key(pk, keys.CONTACTS)


def chain_head(pk: str, of: str) -> Key:
    """The head of the recipient's chain of a creditor, or of `*`."""
    return Key(pk, f"{keys.CHAIN_HEAD}#{of}")


def chain_links(recipient_key: RecipientKey, of: str) -> str:
    """The partition of a chain: outside the recipient's, so that verify does not read it. In the order of `seq`."""
    return f"{keys.CHAIN_LINKS}#{recipient_key}#{of}"


def chain_link(recipient_key: RecipientKey, of: str, seq: int) -> Key:
    return Key(chain_links(recipient_key, of), f"{seq:010}")


def party(party_id: str) -> Key:
    return Key(f"{keys.PARTY}#{party_id}", keys.PARTY)


def key_owner(kid: str) -> Key:
    """The party that a key is bound to, by the key's thumbprint."""
    return Key(f"{keys.KEY_OWNER}#{kid}", keys.KEY_OWNER)


def mandates(creditor: str) -> str:
    """The partition of a creditor's mandates."""
    return f"{keys.MANDATE}#{creditor}"


def mandate(creditor: str, collector: str) -> Key:
    return Key(mandates(creditor), collector)


def routes(sender: str) -> str:
    """The partition of a sender's routes."""
    return f"{keys.ROUTE}#{sender}"


def route(sender: str, gateway: str) -> Key:
    """`sender`: the collector, or a creditor that sends for itself."""
    return Key(routes(sender), gateway)


def decision(decision_id: str) -> Key:
    return Key(f"{keys.DECISION}#{decision_id}", keys.DECISION)


def decision_id(key: Key) -> str:
    """The id in the key of a decision."""
    return key.pk.removeprefix(f"{keys.DECISION}#")


def statement(statement_id: str) -> Key:
    return Key(f"{keys.STATEMENT}#{statement_id}", keys.STATEMENT)


def content(kind: str, content_digest: str) -> Key:
    """The first statement of this kind and content (a keyed digest)."""
    return Key(f"{keys.CONTENT}#{kind}#{content_digest}", keys.CONTENT)


def receipt_key(kid: str) -> Key:
    return Key(RECEIPT_KEYS, kid)


def acknowledgement_key(kid: str) -> Key:
    return Key(ACKNOWLEDGEMENT_KEYS, kid)


def engine(name: str) -> Key:
    return Key(ENGINES, name)


def erasure(erasure_id: str) -> Key:
    return Key(f"{keys.ERASURE}#{erasure_id}", keys.ERASURE)


def voids(party_id: str) -> str:
    """The partition of the voids of a party's statements."""
    return f"{keys.VOID}#{party_id}"


def void(party_id: str, void_id: str) -> Key:
    return Key(voids(party_id), void_id)


def void_progress(party_id: str, void_id: str) -> Key:
    return Key(f"{keys.VOID_WORK}#{party_id}", void_id)


def void_done(party_id: str, void_id: str, recipient_key: RecipientKey | None) -> Key:
    """The last version of a void with which the states about a recipient, or the party's own, are in line."""
    return Key(f"{keys.VOID_WORK}#{party_id}#{recipient_key or ''}", f"{VOID_DONE}{void_id}")


def removed_facts(party_id: str, recipient_key: RecipientKey) -> str:
    """The partition of the voided consents and debts of a creditor about one recipient. The sort keys are those of the
    states from which they were removed."""
    return f"{keys.VOID_WORK}#{party_id}#{recipient_key}"


def log_pointers(kind: str, record_id: str) -> str:
    """The partition of a record's log pointers: a decision has one for each attempt."""
    return f"{keys.LOG_POINTER}#{kind}#{record_id}"


def decision_pages(gateway: str, day: date) -> str:
    """The partition of the pages that list a gateway's decisions of one day (UTC), in the order of their minutes."""
    return f"{keys.DECISION_PAGES}#{gateway}#{day.isoformat()}"


def decision_page(gateway: str, at: datetime, index: int) -> Key:
    """The page of decisions of this minute whose first one has its log entry at this index."""
    return Key(decision_pages(gateway, at.astimezone(UTC).date()), f"{minute(at)}#{index:016}")


def minute(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M}"


def deliveries(gateway: str, day: date) -> str:
    """The partition of a gateway's deliveries of one day (UTC), in the order of their times."""
    return f"{keys.DELIVERIES}#{gateway}#{day.isoformat()}"


def delivery(gateway: str, message_id: str, at: datetime) -> Key:
    """The delivery of one message at one instant."""
    message = b64(hashlib.sha256(message_id.encode()).digest())
    return Key(deliveries(gateway, at.astimezone(UTC).date()), f"{instant(at)}#{message}")


def instant(at: datetime) -> str:
    """RFC 3339 in UTC and of fixed length, so that the texts sort as the instants do."""
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def upload_id_of(manifest_id: str) -> str:
    """26 characters (base32) derived from the manifest's statement id: the same manifest is the same upload."""
    return base64.b32encode(hashlib.sha256(manifest_id.encode()).digest()[:16]).decode().rstrip("=").lower()


def upload(upload_id: str) -> Key:
    return Key(f"{keys.UPLOAD}#{upload_id}", keys.UPLOAD)


def part(upload_id: str, number: int) -> Key:
    """The outcome of one part of an uploaded file."""
    return Key(f"{keys.UPLOAD}#{upload_id}", f"{keys.PART}#{number:05}")


def shards(creditor: str) -> list[str]:
    """Every `open_of` of a creditor. An index partition takes 1,000 writes a second, and an import needs more."""
    return [_shard(creditor, shard) for shard in range(SHARDS)]


def _shard(creditor: str, number: int) -> str:
    return f"{creditor}#{number:x}"


def open_of(key: Key, value: Any) -> str:
    """The `open_of` of a debt that is open; empty for anything else."""
    if not isinstance(value, DebtState) or value.newest.status != "open":
        return ""
    creditor = key.sk.split("#")[1]
    return _shard(creditor, hashlib.sha256(f"{key.pk}\0{key.sk}".encode()).digest()[0] % SHARDS)


def expires(value: Any) -> int:
    """When the table deletes a debt: 35 days after it was closed or became stale. 0 for anything else: it stays.

    An absent debt denies, so only a late statement, older than the one that left, could turn a deny into an allow. It
    is stale by then: it is dated no later than that one, and no statement is valid for more than 35 days. The answers
    to disputes leave with the debt. If it is stated again, the disputes block it again, as the recipient meant them to.
    Deletion takes effect some time after this instant, and until then the debt is as closed or stale as before.
    """
    if not isinstance(value, DebtState):
        return 0
    newest = value.newest
    closed_at = newest.valid_until if newest.status == "open" else newest.at
    return math.ceil((closed_at + DEBT_VALIDITY).timestamp())


def write(key: Key, replaces: Document | None, value: Any, sealed: bytes = b"") -> Document:
    """The next version of a document: it replaces this one, or is the first under its key."""
    version = replaces.version + 1 if replaces else 1
    return Document(key, version, encode(value), sealed, open_of(key, value), expires=expires(value))


def remove(document: Document, at: datetime) -> Document:
    """The next version of a state's document, without the state. The table deletes it a day later: no writer that read
    the state is still at work."""
    return Document(document.key, document.version + 1, REMOVED, expires=math.ceil((at + DAY).timestamp()))


def present(documents: dict[Key, Document], key: Key) -> Document | None:
    """The document under a key, unless it was removed."""
    document = documents.get(key)
    return None if document is None or is_removed(document) else document


def is_removed(document: Document) -> bool:
    return document.body == REMOVED


def encode(value: Any) -> bytes:
    """The JSON body of a document."""
    return _ENCODER.encode(value)


def read(document: Document, kind: type[T]) -> T:
    """The value of a document. Raises StoreFailed if the body is not a valid one of this kind."""
    try:
        return msgspec.json.decode(document.body, type=kind)
    except (msgspec.MsgspecError, ValueError) as error:
        raise StoreFailed(f"a stored {kind.__name__} cannot be read") from error


def find(documents: dict[Key, Document], key: Key, kind: type[T]) -> T | None:
    """The value under a key; None if there is none, or if it was removed."""
    document = present(documents, key)
    return None if document is None else read(document, kind)


def find_party(documents: dict[Key, Document], party_id: str) -> Party | None:
    return find(documents, party(party_id), Party)


def is_halted(documents: dict[Key, Document]) -> bool:
    """Whether the operator has halted everything."""
    halt = find(documents, EVERYTHING, Halt)
    return halt is not None and halt.halted
