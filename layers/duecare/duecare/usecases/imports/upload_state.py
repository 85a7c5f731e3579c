"""An upload as it stands in the table, and where its file and what was made of it stand among the files."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from msgspec import Struct

from duecare.ports import BulkStore, Clock, Document, Documents, Entropy, FileStore
from duecare.usecases import table
from duecare_core.domain.portfolio.portfolio import Manifest
from duecare_core.errors import Contention, VersionConflict
from duecare_core.evidence.pseudonyms import Pseudonyms

# Workers that end their parts at the same moment change one item.
ATTEMPTS = 40


class ImportProblem(Struct, frozen=True):
    """Why a file was refused: the problem's name and what it says."""

    name: str
    detail: str


class UploadState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file and what became of it. `manifest_id` is the manifest's statement id; `parts` how many parts its rows
    are in, the last of them the doubled rows where there are any. The counts are of the parts that are `done`.

    `split`: which pass over the file wrote the parts that count, for an event that comes twice may start two at once.
    `to_withdraw`: how many debts a snapshot withdraws, settled before it does; `to_confirm`: how many it would.
    """

    manifest: Manifest
    manifest_id: str
    kid: str
    announced_at: datetime
    state: Literal["awaiting_file", "importing", "done", "refused"] = "awaiting_file"
    problem: ImportProblem | None = None
    split: str = ""
    parts: int = 0
    doubled: bool = False
    done: int = 0
    accepted: int = 0
    unchanged: int = 0
    rejected: int = 0
    withdrawn: int | None = None
    to_withdraw: int | None = None
    to_confirm: int | None = None
    ended_at: datetime | None = None

    @property
    def creditor(self) -> str:
        return self.manifest.iss

    def statement_of(self, row: int) -> str:
        """The statement that a row is: the manifest's, which the creditor signed, and the row's number."""
        return f"{self.manifest_id}#{row}"

    @property
    def left_out(self) -> str:
        """The statement that a debt is withdrawn which a snapshot leaves out: the same, and no row's."""
        return f"{self.manifest_id}#left-out"


class ImportDeps(NamedTuple):
    """What each step of an import needs of the world. `rest` waits a little before the given try."""

    documents: Documents
    bulk: BulkStore
    files: FileStore
    pseudonyms: Pseudonyms
    clock: Clock
    entropy: Entropy
    rest: Callable[[int], None]


# What to make of an upload, and what to write beside it in the same transaction; None to leave it as it is.
Edit = Callable[[UploadState], tuple[UploadState, Sequence[Document]] | None]


def upload_id_of(manifest_id: str) -> str:
    """26 characters (base32), made of the manifest's statement id: the same manifest is the same upload."""
    return base64.b32encode(hashlib.sha256(manifest_id.encode()).digest()[:16]).decode().rstrip("=").lower()


# What stands where, among the files
def file_name(upload_id: str) -> str:
    return f"uploads/{upload_id}"


def split_prefix(upload_id: str, split: str) -> str:
    return f"parts/{upload_id}/{split}/"


def part_name(upload_id: str, split: str, number: int) -> str:
    return f"{split_prefix(upload_id, split)}{number:05}"


def marks_name(upload_id: str, split: str) -> str:
    return f"{split_prefix(upload_id, split)}marks"


def part_rejects_name(upload_id: str, number: int) -> str:
    return f"parts/{upload_id}/rejects/{number:05}"


def rejects_name(upload_id: str) -> str:
    return f"rejects/{upload_id}.csv"


def change(documents: Documents, upload_id: str, edit: Edit, rest: Callable[[int], None]) -> UploadState:
    """Change an upload as it stands, with what is to be written beside it; `edit` answers None where nothing is to be
    changed. Raises Contention, StoreFailed."""
    key = table.upload(upload_id)
    for attempt in range(ATTEMPTS):
        document = documents.get([key]).get(key)
        if document is None:
            raise Contention("an upload is gone")
        upload = table.read(document, UploadState)
        edited = edit(upload)
        if edited is None:
            return upload
        after, beside = edited
        try:
            documents.commit([table.write(key, document, after), *beside])
        except VersionConflict:
            rest(attempt)
            continue
        return after
    raise Contention("others kept counting for the same upload")
