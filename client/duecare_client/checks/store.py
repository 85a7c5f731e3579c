"""Checks that table and archive still hold what was logged. Needs the right to read both.

New records arrive during the check. A record without an entry is no fault while its entry may still be written: it is
recent, and either signed by the service or unknown to the log.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from duecare_client.aws import aws_errors
from duecare_client.checks.log import MAX_PARALLEL_READS, LogFault, Outcome, Positions
from duecare_core.errors import BadEvidence, BadKey
from duecare_core.evidence.canonical import digest
from duecare_core.evidence.item_keys import (
    ACKNOWLEDGEMENT_KEY_PREFIX,
    DECISION_PREFIX,
    ENGINE_PREFIX,
    ERASURE_PREFIX,
    LOGGED_PREFIXES,
    PARTY_PREFIX,
    RECEIPT_KEY_PREFIX,
    STATEMENT_PREFIX,
    VOID_PREFIX,
)
from duecare_core.evidence.jose.jws import verify
from duecare_core.evidence.jose.keys import Jwk
from duecare_core.evidence.receipt import receipt
from duecare_core.evidence.sealed_decision import InputsKey, read_summary
from duecare_core.evidence.stored import Identity, StoredRecord, archive_copy, identify, is_erased, read_archive_copy

# How long a record may wait for its entry. The sequencer is invoked at once, and every minute.
MAX_LOG_DELAY = timedelta(minutes=10)
MAX_CLOCK_SKEW = timedelta(minutes=1)
_KIND_BY_PREFIX = {
    DECISION_PREFIX: "decision",
    STATEMENT_PREFIX: "statement",
    PARTY_PREFIX: "party",
    RECEIPT_KEY_PREFIX: "receipt-key",
    ACKNOWLEDGEMENT_KEY_PREFIX: "acknowledgement-key",
    ERASURE_PREFIX: "erasure",
    VOID_PREFIX: "void",
    ENGINE_PREFIX: "engine",
}
_KEY_PREFIXES = (RECEIPT_KEY_PREFIX, ACKNOWLEDGEMENT_KEY_PREFIX, ENGINE_PREFIX)  # of records that the sort key names
_KIND_BY_FOLDER = {
    "parties": "party",
    "receipt-keys": "receipt-key",
    "acknowledgement-keys": "acknowledgement-key",
    "erasures": "erasure",
    "voids": "void",
    "engines": "engine",
}
# A record that was changed by hand may have any form.
# The end of the name of a copy that may not be the first of its id: made anew after the table was restored.
_AGAIN = re.compile(r"\.[0-9a-f]{64}\Z")
_UNREADABLE = (BadEvidence, TypeError, ValueError, AttributeError, KeyError, IndexError, RecursionError)


class Store(NamedTuple):
    """The current content of the store: the documents of the table, and the copies in the archive by name."""

    table: Iterable[StoredRecord]
    archive: Iterable[tuple[str, bytes]]


class CheckInterval(NamedTuple):
    """`began`: when the log was read; `clock`: the current time."""

    began: datetime
    clock: Callable[[], datetime]


class _UnloggedRecord(NamedTuple):
    """A record without an entry, and the fault to report if it is not merely new."""

    fault: LogFault
    stored: StoredRecord
    identity: Identity


def check_store(
    outcome: Outcome,
    positions: Positions,
    store: Store,
    interval: CheckInterval,
    issuer: str,
    compared: Callable[[int], None],
    inputs_key: InputsKey | None = None,
) -> Outcome:
    """Compares the table and the archive with the entries of the log. `compared` is called with the number of records
    so far. With `inputs_key`, every decision is opened too; without it, a decision whose ciphertext was changed in both
    table and archive is not found."""
    comparison = _StoreComparison(positions, issuer, inputs_key)
    # The archive first: a record in the table is compared with its copy.
    for name, data in store.archive:
        comparison.copy(name, data)
        compared(comparison.compared)
    for stored in store.table:
        comparison.stored(stored)
        compared(comparison.compared)
    pending = comparison.settle(interval)
    faults = (*outcome.faults, *comparison.faults)
    return outcome._replace(faults=faults, compared=comparison.compared, pending=pending)


class _StoreComparison:
    """The state of one comparison."""

    def __init__(self, positions: Positions, issuer: str, inputs_key: InputsKey | None) -> None:
        self._positions = positions
        self._logged: dict[tuple[str, str], int] = {}
        for (kind, name, _), position in positions.items():
            self._logged.setdefault((kind, name), position)
        self._issuer = issuer
        self._inputs_key = inputs_key
        # Of the logged records in the archive: the versions of documents, and the digests of the copies.
        self._copies: set[tuple[str, str, int]] = set()
        self._copy_digests: dict[Identity, str] = {}
        self._archived: set[Identity] = set()
        self._erased: set[tuple[str, str]] = set()
        self._damaged: set[tuple[str, str]] = set()
        self._keys: dict[str, Jwk] = {}
        self._unlogged: list[_UnloggedRecord] = []
        self.faults: list[LogFault] = []
        self.compared = 0

    def copy(self, name: str, data: bytes) -> None:
        """Checks a copy in the archive: it must be logged, and be the record that its name says."""
        if name.startswith("rules/"):
            if digest(data) != f"sha256:{name.removeprefix('rules/')}":
                self.faults.append(LogFault(name, "the copy in the archive does not have the digest in its name"))
            return
        self.compared += 1
        try:
            stored = read_archive_copy(data)
            identity = self._identify(stored)
        except _UNREADABLE as error:
            self._damage(name, f"the copy in the archive cannot be read: {error}")
            return
        if identity is None or not _is_named(name, identity):
            self._damage(name, "the copy in the archive is not the record that its name says")
            return
        if identity not in self._positions:
            self._note_unlogged(f"{identity.kind} {identity.id}", "the copy in the archive", stored, identity)
            return
        self._archived.add(identity)
        self._copies.add((stored.pk, stored.sk, stored.version))
        self._copy_digests[identity] = digest(data)
        self._learn(stored, identity)

    def stored(self, stored: StoredRecord) -> None:
        """Checks a record in the table: it must be logged, and its document must equal its copy in the archive."""
        self.compared += 1
        prefix, name = stored.pk[:2], stored.pk[2:]
        where = f"{_KIND_BY_PREFIX.get(prefix, 'record')} {stored.sk if prefix in _KEY_PREFIXES else name}"
        try:
            identity = self._identify(stored)
            copy = archive_copy(stored)
        except _UNREADABLE as error:
            self.faults.append(LogFault(where, f"the record in the table cannot be read: {error}"))
            return
        if identity is None:
            return
        if identity not in self._positions:
            # This version was logged, with other content.
            if (stored.pk, stored.sk, stored.version) in self._copies:
                self.faults.append(self._not_logged(where, "the record in the table", identity))
            else:
                self._note_unlogged(where, "the record in the table", stored, identity)
            return
        if digest(copy) != self._copy_digests.get(identity, digest(copy)):
            fault = "the document of the record in the table differs from its copy in the archive"
            self.faults.append(LogFault(where, fault))
        self._learn(stored, identity)

    def _identify(self, stored: StoredRecord) -> Identity | None:
        """Raises BadEvidence, for a decision also if its record is not the one in its summary."""
        if self._inputs_key is not None and stored.pk.startswith(DECISION_PREFIX) and not is_erased(stored):
            self._inputs_key.open(stored.pk[2:], stored.summary, stored.sealed)
        return identify(stored)

    def settle(self, interval: CheckInterval) -> int:
        """After everything was read: a record without an entry is new, or a fault; a logged record has its copy, or was
        erased. Returns the number of new records."""
        until = interval.clock() + MAX_CLOCK_SKEW
        pending: set[Identity] = set()
        for one in self._unlogged:
            if self._is_new(one, interval.began - MAX_LOG_DELAY, until):
                pending.add(one.identity)
                self._learn_erased(one.stored, one.identity)
            else:
                self._damaged.add(one.identity[:2])
                self.faults.append(one.fault)
        for identity in self._positions:
            known = identity in self._archived or identity[:2] in self._damaged
            if not known and not {(identity.kind, identity.record_sha256), identity[:2]} & self._erased:
                self.faults.append(LogFault(f"{identity.kind} {identity.id}", "its copy is no longer in the archive"))
        return len(pending)

    def _learn(self, stored: StoredRecord, identity: Identity) -> None:
        """Collects what a logged record says about others."""
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

    def _note_unlogged(self, where: str, what: str, stored: StoredRecord, identity: Identity) -> None:
        self._unlogged.append(_UnloggedRecord(self._not_logged(where, what, identity), stored, identity))

    def _not_logged(self, where: str, what: str, identity: Identity) -> LogFault:
        position = self._logged.get(identity[:2])
        entry = "the log has no entry of it" if position is None else f"entry {position} of the log"
        return LogFault(where, f"{what} is not what was logged ({entry})")

    def _is_new(self, one: _UnloggedRecord, since: datetime, until: datetime) -> bool:
        try:
            if one.identity.kind == "decision":
                self._check_signature(one.stored)
            elif one.identity[:2] in self._logged:
                return False
            return since < _time_of(one.stored) < until
        except (BadKey, *_UNREADABLE):
            return False

    def _check_signature(self, stored: StoredRecord) -> None:
        """Raises unless a key of the service has signed the receipt of this record. Without the key that opens the
        record it is not checked."""
        if self._inputs_key is None:
            return
        opened = self._inputs_key.open(stored.pk[2:], stored.summary, stored.sealed)
        verify(receipt(opened.record, self._issuer, opened.kid, opened.signature), self._keys[opened.kid])


def _time_of(stored: StoredRecord) -> datetime:
    """The time of a record; of a registration the latest time in it."""
    if stored.pk.startswith(DECISION_PREFIX):
        return read_summary(stored.summary).at
    keys = stored.body.get("keys", ())
    times = [stored.body.get(name) for name in ("received_at", "registered_at", "first_used_at", "at")]
    times += [key.get(name) for key in keys for name in ("registered_at", "revoked_at")]
    return max(datetime.fromisoformat(one) for one in times if one)


def _named_by(name: str) -> tuple[str, str]:
    """The kind and id of the record whose copy has this name."""
    parts = _AGAIN.sub("", name).split("/")
    if parts[0] == "r" and len(parts) > 3:
        return parts[2], parts[3] if parts[2] == "decision" else f"sha256:{parts[3]}"
    kind = _KIND_BY_FOLDER.get(parts[0])
    return (kind, "/".join(parts[1:])) if kind else ("object", name)


def _is_named(name: str, identity: Identity) -> bool:
    if _named_by(name) != (identity.kind, identity.id):
        return False
    return identity.kind != "decision" or name.endswith(identity.record_sha256.removeprefix("sha256:"))


def _erased(one: str) -> tuple[str, str]:
    """The record that an erasure names: a decision by its digest, a statement by its id."""
    parts = _AGAIN.sub("", one).split("/")
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
    """The record in an item of the table. A malformed item gives a record that does not match what was logged."""
    try:
        body = json.loads(item["body"]["S"])
        version = int(item["version"]["N"])
    except (KeyError, ValueError, RecursionError):
        body, version = None, 0
    sealed, summary = (item.get(name, {}).get("B", b"") for name in ("sealed", "summary"))
    return StoredRecord(item["pk"]["S"], item["sk"]["S"], version, body, sealed, summary)


def archive_of(client: Any, bucket: str) -> Iterator[tuple[str, bytes]]:
    """Every copy in the archive, through boto3's `s3` client, several at once. Raises as `table_of`."""

    def read(name: str) -> tuple[str, bytes] | None:
        try:
            return name, client.get_object(Bucket=bucket, Key=name)["Body"].read()
        except client.exceptions.NoSuchKey:  # erased since it was listed
            return None

    with aws_errors(f"read the archive {bucket}"), ThreadPoolExecutor(MAX_PARALLEL_READS) as pool:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            yield from filter(None, pool.map(read, [found["Key"] for found in page.get("Contents", ())]))
