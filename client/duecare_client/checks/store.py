"""Does the store still hold what was logged? That takes the right to read the table and the archive.

Records come while this is looked at. What has no entry is therefore no fault where it may be on its way to one: it is
young, and either signed by the service or something that the log knows nothing of yet.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from duecare_client.aws import aws_errors
from duecare_client.checks.log import AT_ONCE, LogFault, Outcome, Places
from duecare_core.errors import BadEvidence, BadKey
from duecare_core.evidence.canonical import digest
from duecare_core.evidence.item_keys import (
    DECISION_PREFIX,
    ERASURE_PREFIX,
    LOGGED_PREFIXES,
    PARTY_PREFIX,
    RECEIPT_KEY_PREFIX,
    STATEMENT_PREFIX,
)
from duecare_core.evidence.jose.jws import verify
from duecare_core.evidence.jose.keys import Jwk, b64
from duecare_core.evidence.receipt import receipt
from duecare_core.evidence.record import decode
from duecare_core.evidence.stored import (
    BOUNDS,
    Identity,
    StoredRecord,
    archive_copy,
    identify,
    read_archive_copy,
    record_bytes,
)

# So long a record may be on its way to its entry: the sequencer is woken at once, and every minute.
ON_ITS_WAY = timedelta(minutes=10)
CLOCKS_DIFFER = timedelta(minutes=1)
_CALLED = {
    DECISION_PREFIX: "decision",
    STATEMENT_PREFIX: "statement",
    PARTY_PREFIX: "party",
    RECEIPT_KEY_PREFIX: "receipt-key",
    ERASURE_PREFIX: "erasure",
}
# What was changed by hand may be anything.
_UNREADABLE = (BadEvidence, TypeError, ValueError, AttributeError, KeyError, IndexError, RecursionError)


class Store(NamedTuple):
    """What the operator holds, as it stands now: copies of the archive by name, and documents of the table."""

    table: Iterable[StoredRecord]
    archive: Iterable[tuple[str, bytes]]


class Between(NamedTuple):
    """`began`: when the log was read; `clock`: the time now."""

    began: datetime
    clock: Callable[[], datetime]


class _Strange(NamedTuple):
    """A record that no entry is of."""

    fault: LogFault
    stored: StoredRecord
    identity: Identity


def check_store(
    outcome: Outcome, places: Places, store: Store, between: Between, issuer: str, looked_at: Callable[[int], None]
) -> Outcome:
    """What the table and the archive hold against the entries of the log. `looked_at`: told how many
    records so far."""
    comparing = _Comparing(places, issuer)
    # The archive first: what it holds says what may stand beside a record in the table.
    for name, data in store.archive:
        comparing.copy(name, data)
        looked_at(comparing.compared)
    for stored in store.table:
        comparing.stored(stored)
        looked_at(comparing.compared)
    pending = comparing.settle(between)
    faults = (*outcome.faults, *comparing.faults)
    return outcome._replace(faults=faults, compared=comparing.compared, pending=pending)


class _Comparing:
    """`check_store` is its only user."""

    def __init__(self, places: Places, issuer: str) -> None:
        self._places = places
        self._logged: dict[tuple[str, str], int] = {}
        for (kind, name, _), place in places.items():
            self._logged.setdefault((kind, name), place)
        self._issuer = issuer
        # What the archive holds of what was logged: versions of documents, and the digests of the copies.
        self._copies: set[tuple[str, str, int]] = set()
        self._copied: dict[Identity, str] = {}
        self._archived: set[Identity] = set()
        self._erased: set[tuple[str, str]] = set()
        self._damaged: set[tuple[str, str]] = set()
        self._keys: dict[str, Jwk] = {}
        self._strange: list[_Strange] = []
        self.faults: list[LogFault] = []
        self.compared = 0

    def copy(self, name: str, data: bytes) -> None:
        """A copy in the archive: is it what was logged, under the name of what it is?"""
        if name.startswith("rules/"):
            if digest(data) != f"sha256:{name.removeprefix('rules/')}":
                self.faults.append(LogFault(name, "the copy in the archive is not what its name says"))
            return
        self.compared += 1
        try:
            stored = read_archive_copy(data)
            identity = identify(stored)
        except _UNREADABLE as error:
            self._damage(name, f"the copy in the archive cannot be read: {error}")
            return
        if identity is None or not _is_named(name, identity):
            self._damage(name, "the copy in the archive is of another record than its name says")
            return
        if identity not in self._places:
            self._wonder(f"{identity.kind} {identity.id}", "the copy in the archive", stored, identity)
            return
        self._archived.add(identity)
        self._copies.add((stored.pk, stored.sk, stored.version))
        self._copied[identity] = digest(data)
        self._learn(stored, identity)

    def stored(self, stored: StoredRecord) -> None:
        """A record in the table: is it what was logged, and is all that stands beside it what was archived?"""
        self.compared += 1
        prefix, name = stored.pk[:2], stored.pk[2:]
        where = f"{_CALLED.get(prefix, 'record')} {stored.sk if prefix == RECEIPT_KEY_PREFIX else name}"
        try:
            identity = identify(stored)
            copy = archive_copy(stored)
        except _UNREADABLE as error:
            self.faults.append(LogFault(where, f"the record in the table cannot be read: {error}"))
            return
        if identity is None:
            return
        if identity not in self._places:
            # Where this very version was logged, it said something else.
            if (stored.pk, stored.sk, stored.version) in self._copies:
                self.faults.append(self._not_logged(where, "the record in the table", identity))
            else:
                self._wonder(where, "the record in the table", stored, identity)
            return
        if digest(copy) != self._copied.get(identity, digest(copy)):
            said = "what stands beside the record in the table is not what stands in the archive"
            self.faults.append(LogFault(where, said))
        self._learn(stored, identity)

    def settle(self, between: Between) -> int:
        """Once all was read: what has no entry is on its way, or a fault; and what has an entry has its copy, or was
        erased. How many are on their way."""
        until = between.clock() + CLOCKS_DIFFER
        pending: set[Identity] = set()
        for one in self._strange:
            if self._may_be_on_its_way(one, between.began - ON_ITS_WAY, until):
                pending.add(one.identity)
                self._learn_erased(one.stored, one.identity)
            else:
                self._damaged.add(one.identity[:2])
                self.faults.append(one.fault)
        for identity in self._places:
            known = identity in self._archived or identity[:2] in self._damaged
            if not known and not {(identity.kind, identity.record_sha256), identity[:2]} & self._erased:
                self.faults.append(
                    LogFault(f"{identity.kind} {identity.id}", "its copy is not in the archive any more")
                )
        return len(pending)

    def _learn(self, stored: StoredRecord, identity: Identity) -> None:
        """What a record that is in the log says of others."""
        self._learn_erased(stored, identity)
        if identity.kind == "receipt-key":
            self._keys[identity.id] = stored.body["jwk"]

    def _learn_erased(self, stored: StoredRecord, identity: Identity) -> None:
        if identity.kind == "erasure":
            self._erased |= {_erased(one) for one in stored.body.get("erased", ())}

    def _damage(self, name: str, what: str) -> None:
        kind, identifier = _named_by(name)
        self._damaged.add((kind, identifier))
        self.faults.append(LogFault(f"{kind} {identifier}", what))

    def _wonder(self, where: str, what: str, stored: StoredRecord, identity: Identity) -> None:
        self._strange.append(_Strange(self._not_logged(where, what, identity), stored, identity))

    def _not_logged(self, where: str, what: str, identity: Identity) -> LogFault:
        place = self._logged.get(identity[:2])
        known = "the log has no entry of it" if place is None else f"entry {place} of the log"
        return LogFault(where, f"{what} is not what was logged ({known})")

    def _may_be_on_its_way(self, one: _Strange, since: datetime, until: datetime) -> bool:
        try:
            if one.identity.kind == "decision":
                self._check_signature(one.stored)
            elif one.identity[:2] in self._logged:
                return False
            return since < _time_of(one.stored) < until
        except (BadKey, *_UNREADABLE):
            return False

    def _check_signature(self, stored: StoredRecord) -> None:
        """Raises unless the service's key has signed this record's receipt."""
        kid, signature = (stored.sealed[start:end] for start, end in pairwise(BOUNDS[:3]))
        name = b64(kid)
        verify(receipt(decode(record_bytes(stored.sealed)), self._issuer, name, signature), self._keys[name])


def _time_of(stored: StoredRecord) -> datetime:
    """The record's own time; of a registration the latest that it tells."""
    if stored.pk.startswith(DECISION_PREFIX):
        return decode(record_bytes(stored.sealed)).at
    keys = stored.body.get("keys", ())
    times = [stored.body.get(name) for name in ("received_at", "registered_at", "first_used_at", "at")]
    times += [key.get(name) for key in keys for name in ("registered_at", "revoked_at")]
    return max(datetime.fromisoformat(one) for one in times if one)


def _named_by(name: str) -> tuple[str, str]:
    """Kind and id of the record whose copy has this name."""
    parts = name.split("/")
    if parts[0] == "r" and len(parts) > 3:
        return parts[2], parts[3] if parts[2] == "decision" else f"sha256:{parts[3]}"
    kind = {"parties": "party", "receipt-keys": "receipt-key", "erasures": "erasure"}.get(parts[0])
    return (kind, "/".join(parts[1:])) if kind else ("object", name)


def _is_named(name: str, identity: Identity) -> bool:
    if _named_by(name) != (identity.kind, identity.id):
        return False
    return identity.kind != "decision" or name.endswith(identity.record_sha256.removeprefix("sha256:"))


def _erased(one: str) -> tuple[str, str]:
    """What an erasure names: a decision by its digest, a statement by its id."""
    parts = one.split("/")
    return parts[0], f"sha256:{parts[-1]}"


def table_of(client: Any, name: str) -> Iterator[StoredRecord]:
    """The records of the table, through boto3's `dynamodb` client. Raises CannotDecide, BadSettings, NotAllowed."""
    names = {f":p{number}": {"S": prefix} for number, prefix in enumerate(LOGGED_PREFIXES)}
    with aws_errors(f"read the table {name}"):
        pages = client.get_paginator("scan").paginate(
            TableName=name,
            ConsistentRead=True,
            FilterExpression=" OR ".join(f"begins_with(pk, {one})" for one in names),
            ExpressionAttributeValues=names,
        )
        for page in pages:
            yield from map(stored_in, page["Items"])


def stored_in(item: Mapping[str, Any]) -> StoredRecord:
    """Whatever stands there: what is no JSON, or has no version, is found not to be what was logged."""
    try:
        body = json.loads(item["body"]["S"])
        version = int(item["version"]["N"])
    except (KeyError, ValueError, RecursionError):
        body, version = None, 0
    sealed, inputs = (item.get(name, {}).get("B", b"") for name in ("sealed", "inputs"))
    return StoredRecord(item["pk"]["S"], item["sk"]["S"], version, body, sealed, inputs)


def archive_of(client: Any, bucket: str) -> Iterator[tuple[str, bytes]]:
    """Every copy in the archive, through boto3's `s3` client, several at once. Raises as `table_of`."""

    def read(name: str) -> tuple[str, bytes] | None:
        try:
            return name, client.get_object(Bucket=bucket, Key=name)["Body"].read()
        except client.exceptions.NoSuchKey:  # erased since it was listed
            return None

    with aws_errors(f"read the archive {bucket}"), ThreadPoolExecutor(AT_ONCE) as pool:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            yield from filter(None, pool.map(read, [found["Key"] for found in page.get("Contents", ())]))
