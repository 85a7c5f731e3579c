"""An upload as the table stores it, and the names of its files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from msgspec import Struct

from duecare.ports import Backoff, BulkStore, Clock, Document, Documents, Entropy, FileStore, Opener, Sealer
from duecare.usecases import table
from duecare.usecases.retry import retry_on_conflict
from duecare_core.domain.portfolio.portfolio import Manifest
from duecare_core.errors import Contention
from duecare_core.evidence.pseudonyms import Pseudonyms

# Workers that finish their parts at the same moment change the same item.
MAX_ATTEMPTS = 40


class ImportProblem(Struct, frozen=True):
    """Why a file was refused: the problem's name and detail."""

    name: str
    detail: str


class UploadState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An upload and the progress of its import.

    `manifest_id`: the manifest's statement id. `split`: the pass over the file that wrote the parts, because an event
    that is delivered twice may start two passes. `parts`: their number; the last one has the duplicate rows, if there
    are any (`doubled`). Each other one is of `rows_per_part` rows of the file. `done`: how many have been imported; the
    counts are of these.
    `to_withdraw`: the number of debts that a snapshot withdraws, fixed before the first is withdrawn; `to_confirm`: the
    number that it would withdraw if the creditor confirmed it. `acknowledgement`: of the manifest, once the import is
    done. `sealed_seed` and `seed_digest`: of the seed of the manifest's `rows_root`, if it has one.
    """

    manifest: Manifest
    manifest_id: str
    kid: str
    announced_at: datetime
    sealed_seed: bytes = b""
    seed_digest: str = ""
    state: Literal["awaiting_file", "importing", "done", "refused"] = "awaiting_file"
    problem: ImportProblem | None = None
    split: str = ""
    parts: int = 0
    rows_per_part: int = 0
    doubled: bool = False
    done: int = 0
    accepted: int = 0
    unchanged: int = 0
    rejected: int = 0
    withdrawn: int | None = None
    to_withdraw: int | None = None
    to_confirm: int | None = None
    ended_at: datetime | None = None
    acknowledgement: str | None = None

    @property
    def creditor(self) -> str:
        return self.manifest.iss

    def statement_of(self, row: int) -> str:
        """The statement id of a row: that of the signed manifest, with the row's number."""
        return f"{self.manifest_id}#{row}"

    @property
    def refusal(self) -> ImportProblem | None:
        """Why the file was refused; if its import had begun, with the number of rows that count."""
        if self.problem is None or not self.parts:
            return self.problem
        detail = f"{self.problem.detail} The import stopped after {self.accepted + self.unchanged} of the file's "
        detail += f"{self.manifest.rows} rows, which count."
        if self.to_withdraw is not None:
            detail += f" Up to {self.to_withdraw} debts that it leaves out may have been withdrawn."
        return ImportProblem(self.problem.name, detail)

    @property
    def left_out(self) -> str:
        """The statement id under which debts that a snapshot omits are withdrawn."""
        return f"{self.manifest_id}#left-out"


class ImportDeps(NamedTuple):
    """The ports of every step of an import. `seed_opener` opens the seed of a file's `rows_root`, and `key_sealer`
    seals the keys of its rows: only files with a root need them."""

    documents: Documents
    bulk: BulkStore
    files: FileStore
    pseudonyms: Pseudonyms
    clock: Clock
    entropy: Entropy
    backoff: Backoff
    seed_opener: Callable[[], Opener]
    key_sealer: Callable[[], Sealer]


# The edited upload, and the documents to write in the same transaction; None to leave the upload as it is.
Edit = Callable[[UploadState], tuple[UploadState, Sequence[Document]] | None]


# Names of files.

INDEX_PREFIX = "rows/index/"


def file_name(upload_id: str) -> str:
    return f"uploads/{upload_id}"


def split_prefix(upload_id: str, split: str) -> str:
    return f"parts/{upload_id}/{split}/"


def part_name(upload_id: str, split: str, number: int) -> str:
    return f"{split_prefix(upload_id, split)}{number:05}"


def marks_name(upload_id: str, split: str) -> str:
    return f"{split_prefix(upload_id, split)}marks"


def evidence_prefix(upload_id: str, split: str) -> str:
    return f"rows/{upload_id}/{split}/"


def hashes_name(upload_id: str, split: str) -> str:
    return f"{evidence_prefix(upload_id, split)}hashes"


def index_name(upload_id: str, split: str) -> str:
    return f"{INDEX_PREFIX}{upload_id}/{split}"


def rows_name(upload_id: str, split: str, part: int) -> str:
    return f"{evidence_prefix(upload_id, split)}{part:05}"


def part_rejects_name(upload_id: str, number: int) -> str:
    return f"parts/{upload_id}/rejects/{number:05}"


def rejects_name(upload_id: str) -> str:
    return f"rejects/{upload_id}.csv"


def change_upload(documents: Documents, upload_id: str, edit: Edit, backoff: Backoff) -> UploadState:
    """Edit the stored upload. Returns it as it is afterwards. Raises Contention, StoreFailed."""
    key = table.upload(upload_id)

    def attempt() -> UploadState:
        document = documents.get([key]).get(key)
        if document is None:
            raise Contention("the upload is gone")
        upload = table.read(document, UploadState)
        edited = edit(upload)
        if edited is None:
            return upload
        after, companions = edited
        documents.commit([table.write(key, document, after), *companions])
        return after

    contention = "other workers kept changing the same upload"
    return retry_on_conflict(attempt, attempts=MAX_ATTEMPTS, contention=contention, backoff=backoff)
