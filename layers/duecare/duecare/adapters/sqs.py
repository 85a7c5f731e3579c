"""`Queue` on SQS, with boto3."""

from __future__ import annotations

from collections.abc import Iterable

from duecare.adapters.boto3_client import client, converted_errors
from duecare_core.errors import StoreFailed

_MAX_BATCH = 10


class SqsQueue:
    def __init__(self, url: str, region: str, endpoint: str | None = None) -> None:
        self._url = url
        self._sqs = client("sqs", region, endpoint)

    def send(self, messages: Iterable[bytes]) -> None:
        messages = list(messages)
        for at in range(0, len(messages), _MAX_BATCH):
            entries = [
                {"Id": str(number), "MessageBody": message.decode()}
                for number, message in enumerate(messages[at : at + _MAX_BATCH])
            ]
            with converted_errors():
                answer = self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries)
            if answer.get("Failed"):
                raise StoreFailed(str(answer["Failed"][0].get("Code")))

    def again(self, receipt: str, seconds: int) -> None:
        """Have a received message delivered again after this many seconds. Raises StoreFailed."""
        with converted_errors():
            self._sqs.change_message_visibility(QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=seconds)
