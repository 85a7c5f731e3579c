"""upload: a creditor announces a file, learns where to put it, and asks for the progress of its import."""

from __future__ import annotations

from duecare.runtime import telemetry
from duecare.runtime.handler import http_handler
from duecare.runtime.http import Event, Response, body_of, caller_of, ok
from duecare.runtime.responses import UploadInstructions, UploadReport, problem
from duecare.runtime.services.upload import UploadService
from duecare.usecases.imports.announce import Announcement, UploadTicket, UploadView
from duecare_core.errors import FileRefused


def announce(service: UploadService, event: Event) -> Response:
    """POST /v1/uploads"""
    caller, body = caller_of(event), body_of(event, Announcement)
    opened = service.uploads.open(caller, body.manifest, body.rows_seed)
    telemetry.count("Announced", upload_id=opened.upload_id, rows=opened.upload.manifest.rows)
    return ok(_instructions(opened))


def look(service: UploadService, event: Event) -> Response:
    """GET /v1/uploads/{id}"""
    caller = caller_of(event)
    return ok(_report(service.uploads.look(caller, event["pathParameters"]["id"])))


def _instructions(opened: UploadTicket) -> UploadInstructions:
    return UploadInstructions(
        upload_id=opened.upload_id,
        state=opened.upload.state,
        url=opened.target.url,
        headers=opened.target.headers,
        expires_at=opened.expires_at.isoformat(timespec="seconds"),
    )


def _report(looked: UploadView) -> UploadReport:
    upload, refused = looked.upload, looked.upload.refusal
    return UploadReport(
        upload_id=looked.upload_id,
        state=upload.state,
        rows=upload.manifest.rows,
        accepted=upload.accepted,
        unchanged=upload.unchanged,
        rejected=upload.rejected,
        problem=problem(FileRefused(refused.name, refused.detail)) if refused else None,
        withdrawn=upload.withdrawn,
        withdrawals_to_confirm=upload.to_confirm,
        rejects_url=looked.rejects_url or None,
        acknowledgement=upload.acknowledgement,
    )


ROUTES = {"POST /v1/uploads": announce, "GET /v1/uploads/{id}": look}
handler = http_handler(ROUTES, UploadService.from_environment())
