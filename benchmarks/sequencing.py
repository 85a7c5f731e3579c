"""`log_records_per_s`: the sequencer's throughput on DynamoDB Local, from the stream to the log index. Tiles and copies
stay in memory: no local engine behaves like S3.

The table has its stream. DynamoDB Local scans a stream's records at every write, so each write takes longer than the
one before; on AWS a stream adds no time to a write.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from benchmarks.harness import Progress
from duecare.ports import Document
from duecare.usecases.log.sequencer import Sequencer, SequencerDeps
from duecare_core.domain.rules.retention import retention
from duecare_core.evidence.item_keys import DECISION_PREFIX
from duecare_core.evidence.log.note import LogKey
from tests.support import tables
from tests.support import world as case
from tests.support.memory import MemoryArchive, MemoryLogFiles, MemoryTable
from tests.support.packs import RULES
from tools.dynamodb_local import DynamoDBLocal
from tools.steps import ToolError

RECORDS = 6_000
WARM_UP = 6_000  # for the engine's just-in-time compiler
MAX_BATCH = 100


class Sequencing(NamedTuple):
    """`seconds`: for all records. `ours`: our own processor time. `reading`, `indexing`: time in the calls that read
    the stream and write the index, including the engine's."""

    records: int
    seconds: float
    ours: float
    reading: float
    indexing: float

    @property
    def rate(self) -> float:
        return self.records / self.seconds

    def summary(self) -> str:
        ours, reading, indexing = (100 * part / self.seconds for part in (self.ours, self.reading, self.indexing))
        return (
            f"the log: {self.records:,} decisions in {self.seconds:.1f} s, {ours:.0f} % of it our processor time "
            f"({self.records / self.ours:,.0f} a second by itself), the rest waiting for DynamoDB Local; "
            f"{reading:.0f} % reading the stream, {indexing:.0f} % writing the index (one write a decision)"
        )


def measure(progress: Progress) -> Sequencing:
    os.environ.setdefault("AWS_ACCESS_KEY_ID", tables.ACCESS_KEY)  # for PynamoDB
    os.environ.setdefault("AWS_SECRET_ACCESS_KEY", tables.SECRET_KEY)
    decided = _decided(WARM_UP + RECORDS)
    with DynamoDBLocal() as dynamodb:
        bench = _SequencerBench(dynamodb.endpoint)
        bench.put(decided[:WARM_UP])
        bench.run(WARM_UP)
        bench.put(decided[WARM_UP:])
        progress(f"{RECORDS:,} decisions into the log")
        return bench.run(RECORDS)


class _SequencerBench:
    """A table and its sequencer."""

    def __init__(self, endpoint: str) -> None:
        table = tables.create(endpoint, stream=True)
        self._bulk = tables.bulk(endpoint, table, timeout=60.0, deadline=120.0)
        self._stream = _TimedPort(tables.stream(endpoint, table, timeout=60.0, deadline=120.0), "read")
        self._index = _TimedPort(tables.log_index(endpoint, table, timeout=60.0, deadline=120.0), "put")
        deps = SequencerDeps(
            stream=self._stream,
            documents=tables.documents(endpoint, table),
            files=MemoryLogFiles(),
            archive=MemoryArchive(),
            log_index=self._index,
            clock=lambda: datetime.now(UTC),
            entropy=os.urandom,
        )
        key = LogKey("duecare.example/log", b"l" * 32)
        keep = retention(RULES.pack)
        self._sequence = Sequencer(deps, key, RULES, retention=keep, table_retention=timedelta(days=180))

    def put(self, documents: Sequence[Document]) -> None:
        for at in range(0, len(documents), MAX_BATCH):
            if self._bulk.commit_each([documents[at : at + MAX_BATCH]]) != [None]:
                raise ToolError("the decisions could not be put")

    def run(self, records: int) -> Sequencing:
        self._stream.seconds = self._index.seconds = 0.0
        began, ours = time.perf_counter(), time.process_time()
        stats = self._sequence(lambda: True)
        took, ours = time.perf_counter() - began, time.process_time() - ours
        if stats.added != records:
            raise ToolError(f"{stats.added} of {records} decisions are in the log")
        return Sequencing(records, took, ours, self._stream.seconds, self._index.seconds)


class _TimedPort:
    """A port with a timer on one method."""

    def __init__(self, port: object, method: str) -> None:
        self._port, self._method = port, method
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        return self._measured(found) if name == self._method else found

    def _measured(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def measured(*arguments: Any) -> Any:
            began = time.perf_counter()
            try:
                return method(*arguments)
            finally:
                self.seconds += time.perf_counter() - began

        return measured


def _decided(number: int) -> list[Document]:
    """The documents of this many decisions, each to another recipient."""
    memory = MemoryTable()
    here = case.World(memory, memory).register()
    people = [f"+86{13_800_000_000 + one}" for one in range(number)]
    for at in range(0, number, MAX_BATCH):
        messages = [case.message(message_id=one, recipient=one) for one in people[at : at + MAX_BATCH]]
        here.verify_use_case.many(here.caller("xinxi"), messages)
    return [document for document in memory.everything() if document.key.pk.startswith(DECISION_PREFIX)]
