"""Uploads: a creditor announces a file by its signed manifest, gets a target to put it, and polls its state."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct, structs

from duecare.ports import Clock, Documents, FileStore, Sealer, UploadTarget
from duecare.usecases import table
from duecare.usecases.access.caller import Caller, check_active, check_caller
from duecare.usecases.imports.upload_state import UploadState, file_name, rejects_name
from duecare.usecases.retry import retry_on_conflict
from duecare_core.domain.facts.party import Party
from duecare_core.domain.portfolio.portfolio import Manifest, check_manifest
from duecare_core.domain.validation import validate
from duecare_core.errors import BadEvidence, Conflict, NotAllowed, NotFound, Unacceptable, Violation
from duecare_core.evidence import statement as statements
from duecare_core.evidence.canonical import digest
from duecare_core.evidence.jose import jws
from duecare_core.evidence.rows_root import read_seed

TYP = "upload+jws"
CONTENT_TYPE = "application/octet-stream"
TARGET_SECONDS = 3600
REJECTS_DAYS = 7
LINK_SECONDS = 3600
MAX_ATTEMPTS = 5
_ID = re.compile(r"[a-z2-7]{26}\Z")


class Announcement(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /v1/uploads`: the manifest as a compact JWS, and the seed of its `rows_root`, if it has one: 32
    bytes as 64 hexadecimal digits, or in base64url."""

    manifest: Annotated[str, Meta(min_length=1, max_length=16384)]
    rows_seed: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class UploadTicket(NamedTuple):
    """The upload, and the target that accepts its file until `expires_at`."""

    upload_id: str
    upload: UploadState
    target: UploadTarget
    expires_at: datetime


class UploadView(NamedTuple):
    """An upload, and where its rejected rows can be downloaded, while they are kept."""

    upload_id: str
    upload: UploadState
    rejects_url: str | None


class Uploads:
    """`sealer` seals manifests, `seed_sealer` the seeds."""

    def __init__(
        self,
        *,
        documents: Documents,
        sealer: Sealer,
        seed_sealer: Callable[[], Sealer],
        files: FileStore,
        issuer: str,
        clock: Clock,
    ) -> None:
        self._documents = documents
        self._sealer = sealer
        self._seed_sealer = seed_sealer
        self._files = files
        self._issuer = issuer
        self._clock = clock

    def open(self, caller: Caller, token: str, rows_seed: str | None = None) -> UploadTicket:
        """Accept a manifest. The same manifest again, with the same seed, is the same upload, with a new target.

        Raises NotAllowed, Unacceptable, Conflict, CannotDecide.
        """
        now = self._clock()
        party = self._creditor(caller, now)
        manifest, kid = self._read(party, token, now)
        seed = _seed_of(manifest, rows_seed)
        manifest_id = statements.statement_id(token)
        upload_id = table.upload_id_of(manifest_id)
        seed_digest = digest(seed) if seed else ""
        announced = UploadState(
            manifest=manifest, manifest_id=manifest_id, kid=kid, announced_at=now, seed_digest=seed_digest
        )
        upload = self._stored(upload_id, announced, token, seed)
        if upload.seed_digest != announced.seed_digest:
            raise Conflict("This manifest was announced with another rows_seed.", name="another-seed")
        target = self._files.upload_target(
            file_name(upload_id),
            content_type=CONTENT_TYPE,
            sha256=manifest.sha256,
            size=manifest.size,
            seconds=TARGET_SECONDS,
        )
        return UploadTicket(upload_id, upload, target, now + timedelta(seconds=TARGET_SECONDS))

    def look(self, caller: Caller, upload_id: str) -> UploadView:
        """The state of an upload. Raises NotFound, also for everyone but its creditor."""
        now = self._clock()
        own, key = table.party(caller.party), table.upload(upload_id)
        found = self._documents.get([own, key] if _ID.match(upload_id) else [own])
        party = check_caller(caller, table.find_party(found, caller.party), now)
        check_active(party)
        upload = table.find(found, key, UploadState)
        if upload is None or upload.creditor != party.id:
            raise NotFound("No upload of yours has this id.", name="unknown-upload")
        has_rejects = upload.state == "done" and upload.rejected > 0  # a refused import leaves no rejects file
        kept = upload.ended_at is not None and now < upload.ended_at + timedelta(days=REJECTS_DAYS)
        url = self._files.download_url(rejects_name(upload_id), LINK_SECONDS) if has_rejects and kept else None
        return UploadView(upload_id, upload, url)

    def _creditor(self, caller: Caller, now: datetime) -> Party:
        party = check_caller(
            caller, table.find_party(self._documents.get([table.party(caller.party)]), caller.party), now
        )
        if not party.acts_as("creditor"):
            raise NotAllowed("Only a creditor may upload what it confirms.", name="wrong-role")
        check_active(party)
        return party

    def _read(self, party: Party, token: str, now: datetime) -> tuple[Manifest, str]:
        """The manifest and the key that signed it: first the signature, then the members. Raises RequestError."""
        try:
            parts = jws.read(token)
            if parts.typ != TYP:
                raise _bad("/typ", "unknown-kind", f"typ must be {TYP}")
            key = party.key(parts.kid)
            if key is None:
                raise _bad("/kid", "unknown-key", "kid is no active key of the calling party")
            jws.verify(token, key.jwk)
        except BadEvidence as error:
            raise _bad("", "bad-signature", str(error)) from error
        manifest = validate(parts.payload, Manifest)
        if manifest.iss != party.id:
            raise NotAllowed(
                "A party uploads only what is its own: iss must be the calling party.", name="not-the-issuer"
            )
        if manifest.aud != self._issuer:
            raise _bad("/aud", "wrong-audience", "aud must be the issuer from discovery")
        check_manifest(manifest, now)
        return manifest, parts.kid

    def _stored(self, upload_id: str, announced: UploadState, token: str, seed: bytes) -> UploadState:
        """The upload that is stored already, or this one, written together with its manifest."""
        key, manifest_key = table.upload(upload_id), table.statement(announced.manifest_id)

        def attempt() -> UploadState:
            stored = table.find(self._documents.get([key]), key, UploadState)
            if stored is not None:
                return stored
            sealed = self._sealer.seal(token.encode())
            record = statements.statement_record(
                "upload", announced.creditor, announced.kid, announced.announced_at, sealed, None
            )
            manifest = table.write(manifest_key, None, record, sealed)
            sealed_seed = self._seed_sealer().seal(seed) if seed else b""
            upload = structs.replace(announced, sealed_seed=sealed_seed)
            self._documents.commit([table.write(key, None, upload), manifest])
            return upload

        return retry_on_conflict(
            attempt, attempts=MAX_ATTEMPTS, contention="other writers kept announcing the same manifest"
        )


def _seed_of(manifest: Manifest, text: str | None) -> bytes:
    """The seed of the rows' root; empty if the manifest has no root. Raises Unacceptable."""
    if manifest.rows_root is None:
        if text is not None:
            raise _bad("/rows_seed", "unexpected", "the manifest has no rows_root")
        return b""
    if text is None:
        raise _bad("/rows_seed", "missing", "the manifest has a rows_root, so its seed is required")
    try:
        return read_seed(text)
    except BadEvidence as error:
        raise _bad("/rows_seed", "wrong-type-or-form", str(error)) from error


def _bad(pointer: str, code: str, message: str) -> Unacceptable:
    return Unacceptable("The manifest cannot be accepted.", errors=(Violation(pointer, code, message),))
