"""Is the log whole, did it only grow, and does the store still hold what was logged? Anyone can ask the first two; the
last needs the right to read the table and the archive.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from duecare.errors import BadEvidence, BadKey
from duecare.evidence.canonical import digest
from duecare.evidence.entry import read_entry, unpack_entries
from duecare.evidence.jws import verify
from duecare.evidence.keys import Jwk, b64
from duecare.evidence.merkle import (
    HASH_BYTES,
    TILE_WIDTH,
    Tile,
    append,
    consistency_proof,
    entries_path,
    leaf_hash,
    root,
    verify_consistency,
)
from duecare.evidence.note import Checkpoint, open_checkpoint
from duecare.evidence.receipt import receipt
from duecare.evidence.record import decode
from duecare.evidence.stored import (
    BOUNDS,
    PREFIXES,
    Identity,
    Stored,
    copy_of,
    identify,
    read_copy,
    record_bytes,
)
from duecare_client.errors import BadAnswer

AT_ONCE = 8
# So long a record may be on its way to its entry: younger ones are told, and are no fault.
ON_ITS_WAY = timedelta(minutes=10)
Fetch = Callable[[str], bytes | None]
Told = Callable[[int], None]


class Fault(NamedTuple):
    """What is wrong, and where: a record by its kind and id, or the log itself."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class Store(NamedTuple):
    """What the operator holds, as it stands now: documents of the table, and copies of the archive by name."""

    table: Iterable[Stored]
    archive: Iterable[tuple[str, bytes]]


class Outcome(NamedTuple):
    """`compared`: how many records of the store were held against their entries; None where there was no store to read.
    `pending`: how many have no entry yet, and may not have."""

    checkpoint: Checkpoint
    since: int | None
    faults: tuple[Fault, ...]
    compared: int | None = None
    pending: int = 0


def check_log(
    fetch: Fetch, verifier_key: str, memory: Path, told: Callable[[int, int], None]
) -> tuple[Outcome, dict[Identity, int]]:
    """The checkpoint, that it follows the one that was seen before, and every entry under it; and the entries' places.

    `memory`: the file that holds the last checkpoint that was found good. Raises BadEvidence where there is no
    checkpoint to be trusted, CannotDecide where the log does not answer.
    """
    note = _fetched(fetch, "checkpoint").decode("utf-8", "replace")
    checkpoint = open_checkpoint(note, verifier_key)
    tiles = _Tiles(fetch)
    before = _remembered(memory, verifier_key)
    faults = list(_grown(before, checkpoint, tiles))
    places: dict[Identity, int] = {}
    faults += _entries(fetch, checkpoint, places, told)
    if not faults:
        memory.parent.mkdir(parents=True, exist_ok=True)
        memory.write_text(note, encoding="utf-8")
    return Outcome(checkpoint, before.size if before else None, tuple(faults)), places


def check_store(outcome: Outcome, places: Mapping[Identity, int], store: Store, now: datetime, issuer: str) -> Outcome:
    """What the table and the archive hold against the entries of the log."""
    comparing = _Comparing(places, now, issuer)
    for name, data in store.archive:
        comparing.copy(name, data)
    for stored in store.table:
        comparing.stored(stored)
    comparing.missing()
    faults = (*outcome.faults, *comparing.faults)
    return outcome._replace(faults=faults, compared=comparing.compared, pending=comparing.pending)


class _Comparing:
    """`check_store` is its only user."""

    def __init__(self, places: Mapping[Identity, int], now: datetime, issuer: str) -> None:
        self._places = places
        self._logged = {identity[:2] for identity in places}
        self._now = now
        self._issuer = issuer
        # What the archive holds: the digests of copies, by what they are copies of.
        self._copies: dict[tuple[str, str, int], dict[str, str]] = {}
        self._archived: set[Identity] = set()
        self._erased: set[tuple[str, str]] = set()
        self._damaged: set[tuple[str, str]] = set()
        self._keys: dict[str, Jwk] = {}
        self.faults: list[Fault] = []
        self.compared = 0
        self.pending = 0

    def copy(self, name: str, data: bytes) -> None:
        """A copy in the archive: is it what was logged, under the name of what it is?"""
        if name.startswith("rules/"):
            if digest(data) != f"sha256:{name.removeprefix('rules/')}":
                self.faults.append(Fault(name, "the copy in the archive is not what its name says"))
            return
        self.compared += 1
        try:
            stored = read_copy(data)
            identity = identify(stored)
        except BadEvidence as error:
            self._fault(name, f"the copy in the archive cannot be read: {error}")
            return
        if identity is None or not _is_named(name, identity):
            self._fault(name, "the copy in the archive is of another record than its name says")
            return
        if identity not in self._places:
            self._fault(name, f"the copy in the archive is not what was logged{self._logged_as(identity)}")
            return
        self._archived.add(identity)
        of = (stored.pk, stored.sk, stored.version)
        self._copies.setdefault(of, {})[identity.record_sha256] = digest(data)
        if identity.kind == "erasure":
            self._erased |= {_erased(one) for one in stored.body.get("erased", ())}
        if identity.kind == "receipt-key":
            self._keys[identity.id] = stored.body["jwk"]

    def stored(self, stored: Stored) -> None:
        """A record in the table: is it what was logged, and is all that stands beside it what was archived?"""
        self.compared += 1
        try:
            identity = identify(stored)
        except BadEvidence as error:
            self.faults.append(Fault(_called(stored), f"the record in the table cannot be read: {error}"))
            return
        if identity is None:
            return
        copies = self._copies.get((stored.pk, stored.sk, stored.version))
        if identity not in self._places:
            if copies is None and self._may_be_on_its_way(stored, identity):
                self.pending += 1
                return
            said = f"the record in the table is not what was logged{self._logged_as(identity)}"
            self.faults.append(Fault(_called(stored), said))
        elif copies and digest(copy_of(stored)) != copies.get(identity.record_sha256):
            said = "what stands beside the record in the table is not what was archived"
            self.faults.append(Fault(_called(stored), said))

    def missing(self) -> None:
        """Entries whose copy is gone, and was not erased."""
        for identity in self._places:
            known = identity in self._archived or (identity.kind, identity.id) in self._damaged
            if not known and not {(identity.kind, identity.record_sha256), identity[:2]} & self._erased:
                self.faults.append(Fault(f"{identity.kind} {identity.id}", "its copy is not in the archive any more"))

    def _fault(self, name: str, what: str) -> None:
        kind, identifier = _named_by(name)
        self._damaged.add((kind, identifier))
        self.faults.append(Fault(f"{kind} {identifier}", what))

    def _logged_as(self, identity: Identity) -> str:
        places = [place for one, place in self._places.items() if one[:2] == identity[:2]]
        return f" (entry {', '.join(map(str, places[:3]))} of the log)" if places else " (the log has no entry of it)"

    def _may_be_on_its_way(self, stored: Stored, identity: Identity) -> bool:
        """Whether it is so new that its entry may still come: a decision that the service signed, or what the log knows
        nothing of yet."""
        try:
            at = _time_of(stored)
            if identity.kind == "decision":
                self._check_signature(stored)
            elif identity[:2] in self._logged:
                return False
        except (BadEvidence, BadKey, ValueError, KeyError):
            return False
        return self._now - at < ON_ITS_WAY

    def _check_signature(self, stored: Stored) -> None:
        """Raises BadEvidence, BadKey or KeyError unless the service's key has signed this record's receipt."""
        kid, signature = (stored.sealed[start:end] for start, end in pairwise(BOUNDS[:3]))
        name = b64(kid)
        verify(receipt(decode(record_bytes(stored.sealed)), self._issuer, name, signature), self._keys[name])


def _time_of(stored: Stored) -> datetime:
    """The record's own time; of a registration the latest that it tells."""
    if stored.pk.startswith("X#"):
        return decode(record_bytes(stored.sealed)).at
    keys = stored.body.get("keys", ())
    told = [stored.body.get(name) for name in ("received_at", "registered_at", "first_used_at", "at")]
    told += [key.get(name) for key in keys for name in ("registered_at", "revoked_at")]
    return max(datetime.fromisoformat(one) for one in told if one)


def _called(stored: Stored) -> str:
    kind = {"X#": "decision", "S#": "statement", "P#": "party", "K#": "receipt-key", "Z#": "erasure"}[stored.pk[:2]]
    return f"{kind} {stored.sk if kind == 'receipt-key' else stored.pk[2:]}"


def _named_by(name: str) -> tuple[str, str]:
    """Kind and id of the record whose copy has this name."""
    parts = name.split("/")
    if parts[0] == "r" and len(parts) > 3:
        return parts[2], parts[3] if parts[2] == "decision" else f"sha256:{parts[3]}"
    kinds = {"parties": "party", "receipt-keys": "receipt-key", "erasures": "erasure"}
    return kinds.get(parts[0], "object"), "/".join(parts[1:]) or name


def _is_named(name: str, identity: Identity) -> bool:
    if _named_by(name) != (identity.kind, identity.id):
        return False
    return identity.kind != "decision" or name.endswith(identity.record_sha256.removeprefix("sha256:"))


def _erased(one: str) -> tuple[str, str]:
    """What an erasure names: a decision by its digest, a statement by its id."""
    parts = one.split("/")
    return parts[0], f"sha256:{parts[-1]}"


class _Tiles:
    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._held: dict[Tile, bytes] = {}

    def read(self, tile: Tile) -> bytes:
        if tile not in self._held:
            self._held[tile] = _fetched(self._fetch, tile.path)
        return self._held[tile]


def _fetched(fetch: Fetch, name: str) -> bytes:
    data = fetch(name)
    if data is None:
        raise BadAnswer(f"the log has no {name}")
    return data


def _remembered(memory: Path, verifier_key: str) -> Checkpoint | None:
    try:
        return open_checkpoint(memory.read_text(encoding="utf-8"), verifier_key)
    except (OSError, UnicodeDecodeError):
        return None


def _grown(before: Checkpoint | None, now: Checkpoint, tiles: _Tiles) -> Iterator[Fault]:
    if before is None:
        return
    if now.size < before.size:
        yield Fault("log", f"it has {now.size} entries, and had {before.size} when it was looked at before")
        return
    try:
        proof = consistency_proof(before.size, now.size, tiles.read)
        verify_consistency(before.size, before.root, now.size, now.root, proof)
    except BadEvidence as error:
        yield Fault("log", f"it is not the one that was looked at before, only larger: {error}")


def _entries(
    fetch: Fetch, checkpoint: Checkpoint, places: dict[Identity, int], told: Callable[[int, int], None]
) -> Iterator[Fault]:
    """Fetch every entry, hash each, and hold the tree over them against the checkpoint and the tiles."""
    size = checkpoint.size
    bundles = [(number, min(TILE_WIDTH, size - number * TILE_WIDTH)) for number in range(-(-size // TILE_WIDTH))]
    made: dict[Tile, bytes] = {}
    done = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for (number, width), data in zip(bundles, pool.map(lambda one: _bundle(fetch, *one), bundles), strict=True):
            entries, hashes = data
            if len(entries) != width:
                yield Fault("log", f"the bundle {entries_path(number, width)} has {len(entries)} entries")
                return
            leaves = [leaf_hash(one) for one in entries]
            if b"".join(leaves) != hashes:
                place = number * TILE_WIDTH + _first_difference(leaves, hashes)
                yield Fault("log", f"entry {place} is not the one in the tree")
            for offset, one in enumerate(entries):
                try:
                    read = read_entry(one)
                except BadEvidence as error:
                    yield Fault("log", f"entry {number * TILE_WIDTH + offset} cannot be read: {error}")
                    continue
                identity = Identity(read.kind, read.id, read.record_sha256)
                if identity in places:
                    yield Fault(f"{read.kind} {read.id}", f"it has two entries: {places[identity]} and {done + offset}")
                places.setdefault(identity, number * TILE_WIDTH + offset)
            grown = append(done, made.__getitem__, leaves)
            # Of full tiles of the lowest level only the hash is needed on, and that stands above.
            made |= {tile: hashes for tile, hashes in grown.tiles.items() if tile.level or tile.width < TILE_WIDTH}
            done = grown.size
            told(done, size)
    if root(done, made.__getitem__) != checkpoint.root:
        yield Fault("log", "the tree over its entries has another root than the checkpoint")


def _bundle(fetch: Fetch, number: int, width: int) -> tuple[list[bytes], bytes]:
    entries = unpack_entries(_fetched(fetch, entries_path(number, width)))
    return entries, _fetched(fetch, Tile(0, number, width).path)


def _first_difference(leaves: list[bytes], hashes: bytes) -> int:
    pairs = enumerate(leaves)
    return next((at for at, one in pairs if hashes[at * HASH_BYTES : (at + 1) * HASH_BYTES] != one), len(leaves))


def table_of(client: Any, name: str) -> Iterator[Stored]:
    """The records of the table, through boto3's `dynamodb` client."""
    names = {f":p{number}": {"S": prefix} for number, prefix in enumerate(PREFIXES)}
    pages = client.get_paginator("scan").paginate(
        TableName=name,
        ConsistentRead=True,
        FilterExpression=" OR ".join(f"begins_with(pk, {one})" for one in names),
        ExpressionAttributeValues=names,
    )
    for page in pages:
        for item in page["Items"]:
            yield _stored(item)


def _stored(item: Mapping[str, Any]) -> Stored:
    """Whatever stands there: what is no JSON, or has no version, is found not to be what was logged."""
    try:
        body = json.loads(item["body"]["S"])
        version = int(item["version"]["N"])
    except (KeyError, ValueError):
        body, version = None, 0
    sealed, inputs = (item.get(name, {}).get("B", b"") for name in ("sealed", "inputs"))
    return Stored(item["pk"]["S"], item["sk"]["S"], version, body, sealed, inputs)


def archive_of(client: Any, bucket: str) -> Iterator[tuple[str, bytes]]:
    """Every copy in the archive, through boto3's `s3` client, several at once."""

    def read(name: str) -> tuple[str, bytes]:
        return name, client.get_object(Bucket=bucket, Key=name)["Body"].read()

    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for page in pages:
            yield from pool.map(read, [found["Key"] for found in page.get("Contents", ())])


def memory_file(origin: str, folder: Path) -> Path:
    """Where the last checkpoint of this log is kept."""
    return folder / f"log-{base64.urlsafe_b64encode(origin.encode()).decode().rstrip('=')}.checkpoint"


def now_utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
