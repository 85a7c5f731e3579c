"""What a worker's process does. An import is `Ingest`, `ImportPart` and `CloseImport` as in the functions; around
them are files in a folder, a clock on the client of DynamoDB, and a count of what is written."""

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

from benchmarks.crew import PEPPER, REGION, Setting, Spent
from benchmarks.folder import FolderFiles
from duecare.adapters.backoff import backoff
from duecare.adapters.dynamodb.bulk import AT_ONCE, DynamoDBBulkStore
from duecare.adapters.dynamodb.documents import DynamoDBDocuments
from duecare.adapters.lean_client import Call, Credentials, Wire, WireError
from duecare.ports import Document, Documents, Key
from duecare.runtime import rulebook
from duecare.usecases.imports.close import CloseImport
from duecare.usecases.imports.import_part import DOCUMENTS_A_WRITE, ImportPart
from duecare.usecases.imports.ingest import Ingest, PartMessage
from duecare.usecases.imports.upload_state import ImportDeps, UploadState
from duecare_core.errors import StoreFailed, VersionConflict
from duecare_core.evidence.pseudonyms import Pseudonyms
from tests.support.memory import MemoryQueue
from tools.steps import Problem

A_BATCH = 25
SOMEBODY = "R#somebody"


class Hands:
    """One process's. `table`, where a method takes it, is the name of the table to work on."""

    def __init__(self, setting: Setting) -> None:
        os.environ.setdefault("AWS_ACCESS_KEY_ID", "testing")  # PynamoDB takes them from there
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

    def take_in(self, table: str, upload_id: str) -> tuple[UploadState | None, list[int], float]:
        """Ingest a file: what the upload has become, the parts that were sent to the queue, the seconds."""
        queue = MemoryQueue()
        ingest, began = Ingest(self._means(table), queue), time.perf_counter()
        upload = ingest(upload_id)
        spent = time.perf_counter() - began
        return upload, [msgspec.json.decode(message, type=PartMessage).part for message in queue.messages], spent

    def import_part(self, table: str, upload_id: str, number: int) -> Spent:
        """As the function does for one message."""
        if table not in self._importing:
            means = self._means(table)
            self._importing[table] = ImportPart(means, rulebook.rules()), CloseImport(means)
        rows, close = self._importing[table]

        def work() -> None:
            upload = rows(upload_id, number)
            if upload is not None:
                close(upload_id, upload)

        return self._timed(work)

    def samples(self, items: list[str]) -> None:
        """What is written bare, over and over: items as JSON, in which SOMEBODY becomes one key after another."""
        self._samples = items

    def bare(self, table: str, first: int, count: int) -> Spent:
        """BatchWriteItem of 25, as many calls in flight as an import has transactions."""
        return self._timed(lambda: self._send("BatchWriteItem", self._batches(table, first, count)))

    def transactions(self, table: str, first: int, count: int) -> Spent:
        """The import's own writes, conditions and all, with nothing around them: what this engine makes of them."""
        return self._timed(lambda: self._send("TransactWriteItems", self._transactions(table, first, count)))

    def peak(self) -> float:
        """The most memory that this process ever had, in MiB. The kernel's other figure (ru_maxrss) begins with what
        the process that started this one had."""
        try:
            found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
        except OSError:
            found = None
        return int(found[1] if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 1024

    def _send(self, operation: str, bodies: Iterator[str]) -> None:
        while calls := [Call(operation, body.encode()) for body in islice(bodies, AT_ONCE)]:
            if any(b'"UnprocessedItems":{"' in answer for answer in self._wire.exchange(calls)):
                raise Problem("DynamoDB Local did not take all items")

    def _batches(self, table: str, first: int, count: int) -> Iterator[str]:
        puts = (f'{{"PutRequest":{{"Item":{item}}}}}' for item in self._items(first, count))
        while some := ",".join(islice(puts, A_BATCH)):
            yield f'{{"RequestItems":{{"{table}":[{some}]}}}}'

    def _transactions(self, table: str, first: int, count: int) -> Iterator[str]:
        new = f'"TableName":"{table}","ConditionExpression":"attribute_not_exists(pk)"'
        puts = (f'{{"Put":{{{new},"Item":{item}}}}}' for item in self._items(first, count))
        while some := ",".join(islice(puts, DOCUMENTS_A_WRITE)):
            yield f'{{"TransactItems":[{some}]}}'

    def _items(self, first: int, count: int) -> Iterator[str]:
        for number in range(first, first + count):
            digest = base64.urlsafe_b64encode(hashlib.sha256(str(number).encode()).digest()).decode().rstrip("=")
            yield self._samples[number % len(self._samples)].replace(SOMEBODY, f"R#{digest}")

    def _means(self, table: str) -> ImportDeps:
        documents = _TimedDocuments(DynamoDBDocuments(table, REGION, self._setting.endpoint), self._wire)
        files, pseudonyms = FolderFiles(self._setting.folder), Pseudonyms(PEPPER)
        bulk = _CountingBulk(DynamoDBBulkStore(self._wire, table), self)
        return ImportDeps(documents, bulk, files, pseudonyms, lambda: datetime.now(UTC), os.urandom, backoff)

    def count(self, documents: int) -> None:
        self._wrote += documents

    def _timed(self, work: Callable[[], None]) -> Spent:
        before = self._so_far()
        work()
        return self._so_far().since(before)

    def _so_far(self) -> Spent:
        wire = self._wire
        return Spent(time.perf_counter(), time.process_time(), wire.seconds, wire.processor, self._wrote)


class _TimedWire(Wire):
    """How long its calls took, and what of that this process was on a processor."""

    seconds = 0.0
    processor = 0.0

    def exchange_each(self, calls: Sequence[Call]) -> list[bytes | WireError]:
        with self.timed():
            return super().exchange_each(calls)

    @contextmanager
    def timed(self) -> Iterator[None]:
        began, on = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - began
            self.processor += time.thread_time() - on


class _TimedDocuments:
    """Another client, whose time counts as the same."""

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
    """Counts what is written; a group that is stale was not."""

    def __init__(self, bulk: DynamoDBBulkStore, hands: Hands) -> None:
        self._bulk, self._hands = bulk, hands
        self.get, self.open_debts = bulk.get, bulk.open_debts

    def commit_each(self, groups: Sequence[Sequence[Document]]) -> list[VersionConflict | StoreFailed | None]:
        outcomes = self._bulk.commit_each(groups)
        self._hands.count(sum(len(group) for group, outcome in zip(groups, outcomes, strict=True) if outcome is None))
        return outcomes
