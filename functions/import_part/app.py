"""import_part: imports parts of uploaded files from the queue. A part that fails is retried alone, and at last goes to
the dead-letter queue."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec

from duecare.runtime import telemetry
from duecare.runtime.handler import event_handler
from duecare.runtime.http import Event
from duecare.runtime.services.imports import ImportPartService
from duecare.usecases.imports.ingest import PartMessage

# Pauses before a failed part is retried, each four times as long as the one before: 30 s, 2 min, 8 min, 30 min.
FIRST_PAUSE, LAST_PAUSE = 30, 1800


def import_parts(service: ImportPartService, event: Event, _context: Any) -> dict[str, Any]:
    """SQS's partial batch response: the messages that are to be retried."""
    failed = [record for record in event["Records"] if _fails(service, record)]
    for record in failed:
        # If this fails too, the message returns when its visibility timeout ends, as after a worker was killed.
        with suppress(Exception):
            service.queue.again(record["receiptHandle"], _pause(record))
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in failed]}


def _fails(service: ImportPartService, record: dict[str, Any]) -> bool:
    try:
        work = msgspec.json.decode(record["body"], type=PartMessage)
        upload = service.import_part(work.upload, work.part)
        if upload is not None:
            service.close_import(work.upload, upload)
    except Exception as error:  # whatever it is, the message must not be lost
        telemetry.failed(error)
        return True
    telemetry.count("PartEnded", upload_id=work.upload, part=work.part)
    return False


def _pause(record: dict[str, Any]) -> int:
    received = int(record["attributes"]["ApproximateReceiveCount"])
    return int(min(LAST_PAUSE, FIRST_PAUSE * 4 ** (received - 1)))


HANDLE = import_parts
handler = event_handler(HANDLE, ImportPartService.from_environment())
