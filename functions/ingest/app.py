"""ingest: a file has arrived in the bucket. Whatever raises here comes again, and at last to the dead letters."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_plus

from duecare.runtime import telemetry, wiring

PREFIX = "uploads/"


def handler(event: dict[str, Any], _context: Any) -> None:
    for record in event["Records"]:
        name = unquote_plus(record["s3"]["object"]["key"])
        if not name.startswith(PREFIX):
            continue
        upload_id = name.removeprefix(PREFIX)
        try:
            upload = wiring.ingest()(upload_id)
        except Exception as error:
            telemetry.failed(error)
            raise
        state = upload.state if upload else "unknown"
        telemetry.count("Arrived", upload_id=upload_id, state=state)
