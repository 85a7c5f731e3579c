"""Reads the published log: its objects, its checkpoint, and proofs under that."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from msgspec import Struct

from duecare.ports import DocumentReader, LogFiles
from duecare.usecases import table
from duecare_core.errors import BadEvidence, NotFound, StoreFailed
from duecare_core.evidence.log import logproof
from duecare_core.evidence.log.merkle import Tile, inclusion_proof
from duecare_core.evidence.log.note import Checkpoint, parse_checkpoint, parse_note, parse_verifier

CHECKPOINT = "checkpoint"
# The public objects, as c2sp.org/tlog-tiles names them. Staged objects in the same bucket are not public.
_PUBLISHED = re.compile(
    r"checkpoint\Z|tile/([0-9]|[1-5][0-9]|6[0-3]|entries)(/x[0-9]{3})*/[0-9]{3}(\.p/[1-9][0-9]{0,2})?\Z"
)


class _LogIdentity(Struct):
    """The member of the head (head.py) that names the log."""

    verifier_key: str


def verifier_key(reader: DocumentReader) -> str | None:
    """The log's verifier key (c2sp.org/signed-note); None if there is no log yet. Raises StoreFailed."""
    head = table.find(reader.get([table.LOG_HEAD]), table.LOG_HEAD, _LogIdentity)
    return head.verifier_key if head else None


def published(files: LogFiles, name: str) -> bytes:
    """A public object of the log. Raises NotFound if there is none with this name, StoreFailed."""
    data = files.read(name) if _PUBLISHED.match(name) else None
    if data is None:
        raise NotFound("The log has no such object.", name="no-object")
    return data


class Snapshot(NamedTuple):
    """The log as one checkpoint, a signed note, commits to it."""

    note: str
    checkpoint: Checkpoint
    tiles: Tiles

    def proof(self, index: int) -> str:
        """A self-contained proof (c2sp.org/tlog-proof@v1). Raises StoreFailed, BadEvidence if `index` is too large."""
        return logproof.encode(index, inclusion_proof(index, self.checkpoint.size, self.tiles.read), self.note)

    def signed_by(self, witnesses: Iterable[str]) -> tuple[str, ...]:
        """Those of these verifier keys that have cosigned the checkpoint."""
        signers = {(one.name, one.key_id) for one in parse_note(self.note).signatures}
        known = [(key, parse_verifier(key)) for key in witnesses]
        return tuple(key for key, by in known if (by.name, by.key_id) in signers)


def snapshot(files: LogFiles) -> Snapshot | None:
    """None where nothing has been published yet. Raises StoreFailed."""
    data = files.read(CHECKPOINT)
    if data is None:
        return None
    try:
        note = data.decode()
        checkpoint = parse_checkpoint(parse_note(note).text)
    except (BadEvidence, UnicodeDecodeError) as error:
        raise StoreFailed("the log's checkpoint cannot be read") from error
    return Snapshot(note, checkpoint, Tiles(files))


class Tiles:
    """A cache of tiles. A tile never changes, so each is read once. `unpublished`: files by name that come first."""

    def __init__(self, files: LogFiles, unpublished: Mapping[str, bytes] | None = None) -> None:
        self._files = files
        self._unpublished = unpublished or {}
        self._read: dict[Tile, bytes] = {}

    def read(self, tile: Tile) -> bytes:
        if tile not in self._read:
            data = self._unpublished.get(tile.path) or self._files.read(tile.path)
            if data is None:
                raise StoreFailed(f"the log has no {tile.path}")
            self._read[tile] = data
        return self._read[tile]
