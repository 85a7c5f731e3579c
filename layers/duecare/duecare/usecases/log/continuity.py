"""Continuity: the head in the table must extend the published checkpoint, or the log would have two histories.

A checkpoint is signed only after this comparison. The published log may be behind the head: a crash came before the
publication. It is never ahead of the head, and never different, unless the table is an older copy than the log or
somebody else's.
"""

from __future__ import annotations

from typing import NamedTuple

from duecare.ports import LogFiles
from duecare.usecases.log.head import Head
from duecare.usecases.log.published_log import CHECKPOINT
from duecare_core.errors import BadEvidence, LogDiverged
from duecare_core.evidence.log.merkle import Read, consistency_proof, verify_consistency
from duecare_core.evidence.log.note import Checkpoint, open_checkpoint


class PublishedCheckpoint(NamedTuple):
    """`data`: the note as published, which the next note replaces."""

    data: bytes
    checkpoint: Checkpoint


def read_published(files: LogFiles, verifier_key: str) -> PublishedCheckpoint | None:
    """None where nothing has been published yet. Raises LogDiverged if this key has not signed it, StoreFailed."""
    data = files.read(CHECKPOINT)
    if data is None:
        return None
    try:
        return PublishedCheckpoint(data, open_checkpoint(data.decode(), verifier_key))
    except (BadEvidence, UnicodeDecodeError) as error:
        raise LogDiverged("the published checkpoint is not signed by this log's key", None, None) from error


def require_extension(head: Head, published: PublishedCheckpoint | None, read: Read) -> None:
    """Raises LogDiverged unless the tree of the head extends the published one, StoreFailed. `read`: the head's tiles.

    A log without a published checkpoint must be empty: its first checkpoint is published before its first entry.
    """
    if published is None:
        if head.size:
            raise LogDiverged("the head has entries, and no checkpoint is published", head.size, None)
        return
    size, root_hash = published.checkpoint.size, published.checkpoint.root
    if size > head.size:
        raise LogDiverged("the table is older than the published log", head.size, size)
    try:
        proof = consistency_proof(size, head.size, read)
        verify_consistency(size, root_hash, head.size, bytes.fromhex(head.root), proof)
    except BadEvidence as error:
        raise LogDiverged("the table has another history than the published log", head.size, size) from error
