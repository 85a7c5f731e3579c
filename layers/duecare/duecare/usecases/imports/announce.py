"""Uploads: a creditor announces a file by its signed manifest, is told where to put it, and looks what became of it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from duecare.ports import Clock, Documents, FileStore, Sealer, UploadTarget
from duecare.usecases import table
from duecare.usecases.access.caller import Caller, check_caller
from duecare.usecases.imports.upload_state import UploadState, file_name, rejects_name, upload_id_of
from duecare_core.domain.facts.party import Party
from duecare_core.domain.portfolio.portfolio import Manifest, check_manifest
from duecare_core.domain.validation import validate
from duecare_core.errors import BadEvidence, Contention, NotAllowed, NotFound, Unacceptable, VersionConflict, Violation
from duecare_core.evidence import statement as statements
from duecare_core.evidence.jose import jws

TYP = "upload+jws"
CONTENT_TYPE = "application/octet-stream"
TARGET_SECONDS = 3600
REJECTS_DAYS = 7
LINK_SECONDS = 3600
ATTEMPTS = 5
_ID = re.compile(r"[a-z2-7]{26}\Z")


class Announcement(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /v1/uploads`: the manifest as a compact JWS."""

    manifest: Annotated[str, Meta(min_length=1, max_length=16384)]


class UploadTicket(NamedTuple):
    """Where to put the file, until when."""

    upload_id: str
    upload: UploadState
    target: UploadTarget
    expires_at: datetime


class UploadView(NamedTuple):
    upload_id: str
    upload: UploadState
    rejects_url: str | None


class Uploads:
    def __init__(self, *, documents: Documents, sealer: Sealer, files: FileStore, issuer: str, clock: Clock) -> None:
        self._documents = documents
        self._sealer = sealer
        self._files = files
        self._issuer = issuer
        self._clock = clock

    def open(self, caller: Caller, token: str) -> UploadTicket:
        """Take in a manifest. The same one again is the same upload, with a fresh place to put the file.

        Raises NotAllowed, Unacceptable, CannotDecide.
        """
        now = self._clock()
        party = self._creditor(caller, now)
        manifest, kid = self._read(party, token, now)
        manifest_id = statements.statement_id(token)
        upload_id = upload_id_of(manifest_id)
        upload = self._kept(
            upload_id, UploadState(manifest=manifest, manifest_id=manifest_id, kid=kid, announced_at=now), token
        )
        target = self._files.target(
            file_name(upload_id),
            content_type=CONTENT_TYPE,
            sha256=manifest.sha256,
            size=manifest.size,
            seconds=TARGET_SECONDS,
        )
        return UploadTicket(upload_id, upload, target, now + timedelta(seconds=TARGET_SECONDS))

    def look(self, caller: Caller, upload_id: str) -> UploadView:
        """What became of a file, so far. Raises NotFound (to anyone but its creditor it does not exist)."""
        now = self._clock()
        own, key = table.party(caller.party), table.upload(upload_id)
        found = self._documents.get([own, key] if _ID.match(upload_id) else [own])
        party = check_caller(caller, table.find_party(found, caller.party), now)
        _active(party)
        upload = table.find(found, key, UploadState)
        if upload is None or upload.creditor != party.id:
            raise NotFound("No upload of yours has this id.", name="unknown-upload")
        kept = upload.ended_at is not None and now < upload.ended_at + timedelta(days=REJECTS_DAYS)
        link = self._files.link(rejects_name(upload_id), LINK_SECONDS) if upload.rejected and kept else None
        return UploadView(upload_id, upload, link)

    def _creditor(self, caller: Caller, now: datetime) -> Party:
        party = check_caller(
            caller, table.find_party(self._documents.get([table.party(caller.party)]), caller.party), now
        )
        if "creditor" not in party.roles:
            raise NotAllowed("Only a creditor may upload what it confirms.", name="wrong-role")
        _active(party)
        return party

    def _read(self, party: Party, token: str, now: datetime) -> tuple[Manifest, str]:
        """Verify the signature against the party's keys, then the members. Raises RequestError."""
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

    def _kept(self, upload_id: str, fresh: UploadState, token: str) -> UploadState:
        """The upload as it stands, or this one, written together with its manifest."""
        key, on_file = table.upload(upload_id), table.statement(fresh.manifest_id)
        for _ in range(ATTEMPTS):
            standing = table.find(self._documents.get([key]), key, UploadState)
            if standing is not None:
                return standing
            sealed = self._sealer.seal(token.encode())
            summary = statements.statement_record("upload", fresh.creditor, fresh.kid, fresh.announced_at, sealed, None)
            manifest = table.write(on_file, None, summary, sealed)
            try:
                self._documents.commit([table.write(key, None, fresh), manifest])
            except VersionConflict:
                continue
            return fresh
        raise Contention("the same manifest was announced at the same time, again and again")


def _bad(pointer: str, code: str, message: str) -> Unacceptable:
    return Unacceptable("The manifest cannot be accepted.", errors=(Violation(pointer, code, message),))


def _active(party: Party) -> None:
    """Raises NotAllowed."""
    if party.state != "active":
        raise NotAllowed("This party is suspended.", name="party-suspended")
