"""Stop an import when its creditor may not state any more: the party is suspended, or the key that signed the manifest
is revoked. A stolen key's file must not go on importing after the revocation is acknowledged.

Every step of an import checks this before each chunk that it writes. The rows that were written before count: they were
signed by a key that was good then.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, structs

from duecare.ports import Document
from duecare.usecases import table
from duecare.usecases.imports.upload_state import ImportDeps, ImportProblem, UploadState, change_upload, file_name
from duecare_core.errors import FileRefused


class PartOutcome(Struct, frozen=True):
    """How many rows of a part were accepted, were known already, or were rejected."""

    accepted: int
    unchanged: int
    rejected: int


def check_creditor(deps: ImportDeps, upload: UploadState) -> None:
    """Reads the creditor, strongly consistent. Raises FileRefused, StoreFailed."""
    party = table.find_party(deps.bulk.get([table.party(upload.creditor)]), upload.creditor)
    if party is None or party.state != "active" or not party.acts_as("creditor"):
        raise FileRefused("party-suspended", "This party is suspended; announce the file again when it is not.")
    if party.key(upload.kid) is None:
        raise FileRefused("key-refused", "The key that signed the manifest has been revoked since.")


def count_part(upload: UploadState, outcome: PartOutcome) -> UploadState:
    """The upload with the counts of one more part."""
    return structs.replace(
        upload,
        accepted=upload.accepted + outcome.accepted,
        unchanged=upload.unchanged + outcome.unchanged,
        rejected=upload.rejected + outcome.rejected,
    )


def stop_import(
    deps: ImportDeps,
    upload_id: str,
    refused: FileRefused,
    number: int | None = None,
    outcome: PartOutcome | None = None,
) -> UploadState:
    """Refuse an upload that is being imported. No step writes for it afterwards, and it is never closed.

    `number`, `outcome`: the part whose import was stopped midway, and its rows until then. Raises Contention,
    StoreFailed.
    """
    part_key = None if number is None else table.part(upload_id, number)

    def edit(upload: UploadState) -> tuple[UploadState, Sequence[Document]] | None:
        if upload.state not in {"importing", "refused"}:
            return None
        after, companions = upload, []
        if part_key and outcome and part_key not in deps.documents.get([part_key]):
            after, companions = count_part(upload, outcome), [table.write(part_key, None, outcome)]
        elif upload.state == "refused":
            return None
        if upload.state == "importing":
            problem = ImportProblem(refused.name, refused.detail)
            after = structs.replace(after, state="refused", problem=problem, ended_at=deps.clock())
        return after, companions

    after = change_upload(deps.documents, upload_id, edit, deps.backoff)
    deps.files.delete([*deps.files.names(f"parts/{upload_id}/"), file_name(upload_id)])  # they hold phone numbers
    return after
