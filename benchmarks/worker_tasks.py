"""The tasks of a worker process. Imports run `Ingest`, `ImportPart` and `CloseImport` as the functions do, with files
in a folder, a timer on the DynamoDB client, and a count of written documents."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import resource
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import msgspec

from benchmarks.folder import FolderFiles
from benchmarks.workers import PEPPER, REGION, Setting, TaskTimes
from duecare.adapters.backoff import backoff
from duecare.adapters.dynamodb.bulk import MAX_CONCURRENT, DynamoDBBulkStore
from duecare.adapters.dynamodb.documents import DynamoDBDocuments
from duecare.adapters.lean_client import Call, Credentials, Wire, WireError
from duecare.ports import Document, Documents, Key
from duecare.runtime import rulebook
from duecare.usecases import table as table_keys
from duecare.usecases.imports.close import CloseImport
from duecare.usecases.imports.import_part import MAX_DOCUMENTS_WRITTEN, ImportPart
from duecare.usecases.imports.ingest import Ingest, PartMessage
from duecare.usecases.imports.upload_state import ImportDeps, UploadState
from duecare_core.errors import StoreFailed, VersionConflict
from duecare_core.evidence.acknowledgement import AcknowledgementKey
from duecare_core.evidence.pseudonyms import Pseudonyms
from tests.support.memory import MemoryQueue
from tools.steps import ToolError

MAX_BATCH = 25
PLACEHOLDER = table_keys.recipient("placeholder")


class WorkerTasks:
    """The tasks, with the state of one process. `table`: the name of the table to work on."""

    def __init__(self, setting: Setting) -> None:
        os.environ.setdefault("AWS_ACCESS_KEY_ID", "testing")  # for PynamoDB
        os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "testing")
        self._setting = setting
        self._wire = _TimedWire(
            service="dynamodb",
            target="DynamoDB_20120810",
            json_version="1.0",
            region=REGION,
            endpoint=setting.endpoint,
            credentials=Credentials("testing", "testing"),
            timeout=60,
            deadline=120,
        )
        self._wrote = 0
        self._importing: dict[str, tuple[ImportPart, CloseImport]] = {}
        self._samples: list[str] = []

    def ingest(self, table: str, upload_id: str) -> tuple[UploadState | None, list[int], float]:
        """Ingest a file. Returns the upload afterwards, the parts sent to the queue, and the duration in seconds."""
        queue = MemoryQueue()
        ingesting, began = Ingest(self._deps(table), queue), time.perf_counter()
        upload = ingesting(upload_id)
        spent = time.perf_counter() - began
        return upload, [msgspec.json.decode(message, type=PartMessage).part for message in queue.messages], spent

    def import_part(self, table: str, upload_id: str, number: int) -> TaskTimes:
        """Handle one message of the queue, as the function does."""
        if table not in self._importing:
            deps = self._deps(table)
            close = CloseImport(deps, lambda: AcknowledgementKey(b"a" * 32))
            self._importing[table] = ImportPart(deps, rulebook.rules()), close
        rows, close = self._importing[table]

        def work() -> None:
            upload = rows(upload_id, number)
            if upload is not None:
                close(upload_id, upload)

        return self._timed(work)

    def samples(self, items: list[str]) -> None:
        """Set the items, as JSON, that bare writes repeat with PLACEHOLDER replaced by ever other keys."""
        self._samples = items

    def bare(self, table: str, first: int, count: int) -> TaskTimes:
        """Write with BatchWriteItem of 25, with as many calls in flight as an import has transactions."""
        return self._timed(lambda: self._send("BatchWriteItem", self._batches(table, first, count)))

    def transactions(self, table: str, first: int, count: int) -> TaskTimes:
        """Write with the import's own conditional transactions, without the import's other work."""
        return self._timed(lambda: self._send("TransactWriteItems", self._transactions(table, first, count)))

    def peak(self) -> float:
        """The peak memory of this process in MiB. (`ru_maxrss` starts with the memory of the parent process.)"""
        try:
            found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
        except OSError:
            found = None
        return int(found[1] if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1024

    def _send(self, operation: str, bodies: Iterator[str]) -> None:
        while calls := [Call(operation, body.encode()) for body in islice(bodies, MAX_CONCURRENT)]:
            if any(b'"UnprocessedItems":{"' in answer for answer in self._wire.exchange(calls)):
                raise ToolError("DynamoDB Local did not take all items")

    def _batches(self, table: str, first: int, count: int) -> Iterator[str]:
        puts = (f'{{"PutRequest":{{"Item":{item}}}}}' for item in self._items(first, count))
        while some := ",".join(islice(puts, MAX_BATCH)):
            yield f'{{"RequestItems":{{"{table}":[{some}]}}}}'

    def _transactions(self, table: str, first: int, count: int) -> Iterator[str]:
        new = f'"TableName":"{table}","ConditionExpression":"attribute_not_exists(pk)"'
        puts = (f'{{"Put":{{{new},"Item":{item}}}}}' for item in self._items(first, count))
        while some := ",".join(islice(puts, MAX_DOCUMENTS_WRITTEN)):
            yield f'{{"TransactItems":[{some}]}}'

    def _items(self, first: int, count: int) -> Iterator[str]:
        for number in range(first, first + count):
            digest = base64.urlsafe_b64encode(hashlib.sha256(str(number).encode()).digest()).decode().rstrip("=")
            yield self._samples[number % len(self._samples)].replace(PLACEHOLDER, table_keys.recipient(digest))

    def _deps(self, table: str) -> ImportDeps:
        documents = _TimedDocuments(DynamoDBDocuments(table, REGION, self._setting.endpoint), self._wire)
        files, pseudonyms = FolderFiles(self._setting.folder), Pseudonyms(PEPPER)
        bulk = _CountingBulk(DynamoDBBulkStore(self._wire, table), self)
        return ImportDeps(documents, bulk, files, pseudonyms, lambda: datetime.now(UTC), os.urandom, backoff)

    def count(self, documents: int) -> None:
        self._wrote += documents

    def _timed(self, work: Callable[[], None]) -> TaskTimes:
        before = self._so_far()
        work()
        return self._so_far().since(before)

    def _so_far(self) -> TaskTimes:
        wire = self._wire
        return TaskTimes(time.perf_counter(), time.process_time(), wire.seconds, wire.processor, self._wrote)


class _TimedWire(Wire):
    """Sums the duration and the processor time of its calls."""

    seconds = 0.0
    processor = 0.0

    def exchange_each(
        self, calls: Sequence[Call], meanwhile: Callable[[], None] | None = None
    ) -> list[bytes | WireError]:
        with self.timed():
            return super().exchange_each(calls, meanwhile)

    @contextmanager
    def timed(self) -> Iterator[None]:
        began, on = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - began
            self.processor += time.thread_time() - on


class _TimedDocuments:
    """Adds the time of another client to that of the wire."""

    def __init__(self, documents: Documents, wire: _TimedWire) -> None:
        self._documents, self._wire = documents, wire

    def get(self, keys: Iterable[Key]) -> dict[Key, Document]:
        with self._wire.timed():
            return self._documents.get(keys)

    def partition(self, pk: str, prefix: str) -> list[Document]:
        with self._wire.timed():
            return self._documents.partition(pk, prefix)

    def commit(self, documents: Sequence[Document]) -> None:
        with self._wire.timed():
            self._documents.commit(documents)


class _CountingBulk:
    """Counts the documents written."""

    def __init__(self, bulk: DynamoDBBulkStore, tasks: WorkerTasks) -> None:
        self._bulk, self._tasks = bulk, tasks
        self.get, self.open_debts, self.partition = bulk.get, bulk.open_debts, bulk.partition

    def commit_each(self, groups: Sequence[Sequence[Document]]) -> list[VersionConflict | StoreFailed | None]:
        outcomes = self._bulk.commit_each(groups)
        self._tasks.count(sum(len(group) for group, outcome in zip(groups, outcomes, strict=True) if outcome is None))
        return outcomes
