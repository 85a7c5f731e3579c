"""ingest: checks a file that has arrived in the bucket. If it raises, Lambda retries the event, and at last sends it to
the dead-letter queue."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_plus

from duecare.runtime import telemetry
from duecare.runtime.handler import event_handler
from duecare.runtime.http import Event
from duecare.runtime.services.imports import IngestService

PREFIX = "uploads/"


def ingest(service: IngestService, event: Event, _context: Any) -> None:
    for record in event["Records"]:
        name = unquote_plus(record["s3"]["object"]["key"])
        if not name.startswith(PREFIX):
            continue
        upload_id = name.removeprefix(PREFIX)
        try:
            upload = service.ingest(upload_id)
        except Exception as error:
            telemetry.failed(error)
            raise
        state = upload.state if upload else "unknown"
        telemetry.count("Arrived", upload_id=upload_id, state=state)


HANDLE = ingest
handler = event_handler(HANDLE, IngestService.from_environment())
