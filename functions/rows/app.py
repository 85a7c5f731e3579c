"""rows: parts of uploaded files from the queue. What fails comes again alone, and at last to the dead letters."""

from __future__ import annotations

from typing import Any

import msgspec

from duecare.runtime import telemetry, wiring
from duecare.usecases.ingest import Work


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """SQS's partial batch response: the messages that are to come again."""
    failed = [record["messageId"] for record in event["Records"] if _fails(record)]
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}


def _fails(record: dict[str, Any]) -> bool:
    try:
        work = msgspec.json.decode(record["body"], type=Work)
        importing = wiring.importing()
        upload = importing.rows(work.upload, work.part)
        if upload is not None:
            importing.close(work.upload, upload)
    except Exception as error:  # whatever it is, the message must not be lost
        telemetry.failed(error)
        return True
    telemetry.count("PartEnded", upload_id=work.upload, part=work.part)
    return False
