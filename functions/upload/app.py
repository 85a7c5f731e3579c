"""upload: a creditor announces a file and is told where to put it; and looks what became of it."""

from __future__ import annotations

from typing import Any

from duecare.runtime import telemetry, wiring
from duecare.runtime.http import Event, Response, body_of, caller_of, ok, problem, serve
from duecare.usecases.imports.announce import Announcement, UploadTicket, UploadView
from duecare_core.errors import FileRefused


def handler(event: Event, _context: Any) -> Response:
    return serve(event, ROUTES)


def announce(event: Event) -> Response:
    """POST /v1/uploads"""
    caller, body = caller_of(event), body_of(event, Announcement)
    opened = wiring.uploads().open(caller, body.manifest)
    telemetry.count("Announced", upload_id=opened.upload_id, rows=opened.upload.manifest.rows)
    return ok(_opened(opened))


def look(event: Event) -> Response:
    """GET /v1/uploads/{id}"""
    caller = caller_of(event)
    return ok(_looked(wiring.uploads().look(caller, event["pathParameters"]["id"])))


def _opened(opened: UploadTicket) -> dict[str, Any]:
    return {
        "upload_id": opened.upload_id,
        "state": opened.upload.state,
        "url": opened.target.url,
        "headers": opened.target.headers,
        "expires_at": opened.expires_at.isoformat(timespec="seconds"),
    }


def _looked(looked: UploadView) -> dict[str, Any]:
    upload = looked.upload
    body: dict[str, Any] = {
        "upload_id": looked.upload_id,
        "state": upload.state,
        "rows": upload.manifest.rows,
        "accepted": upload.accepted,
        "unchanged": upload.unchanged,
        "rejected": upload.rejected,
    }
    if upload.problem:
        body["problem"] = problem(FileRefused(upload.problem.name, upload.problem.detail))
    if upload.withdrawn is not None:
        body["withdrawn"] = upload.withdrawn
    if upload.to_confirm is not None:
        body["withdrawals_to_confirm"] = upload.to_confirm
    if looked.rejects_url:
        body["rejects_url"] = looked.rejects_url
    return body


ROUTES = {"POST /v1/uploads": announce, "GET /v1/uploads/{id}": look}
