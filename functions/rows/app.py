"""rows: parts of uploaded files from the queue. What fails comes again alone, and at last to the dead letters."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec

from duecare.runtime import telemetry, wiring
from duecare.usecases.imports.ingest import PartMessage

# Pauses before a part that failed comes again, each four times as long as the one before: 30 s, 2 min, 8 min, 30 min.
FIRST_PAUSE, LAST_PAUSE = 30, 1800


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """SQS's partial batch response: the messages that are to come again."""
    failed = [record for record in event["Records"] if _fails(record)]
    for record in failed:
        # Where this fails too, the message comes when its visibility timeout ends, as that of a killed worker does.
        with suppress(Exception):
            wiring.parts().again(record["receiptHandle"], _pause(record))
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in failed]}


def _fails(record: dict[str, Any]) -> bool:
    try:
        work = msgspec.json.decode(record["body"], type=PartMessage)
        importing = wiring.importing()
        upload = importing.rows(work.upload, work.part)
        if upload is not None:
            importing.close(work.upload, upload)
    except Exception as error:  # whatever it is, the message must not be lost
        telemetry.failed(error)
        return True
    telemetry.count("PartEnded", upload_id=work.upload, part=work.part)
    return False


def _pause(record: dict[str, Any]) -> int:
    received = int(record["attributes"]["ApproximateReceiveCount"])
    return int(min(LAST_PAUSE, FIRST_PAUSE * 4 ** (received - 1)))
