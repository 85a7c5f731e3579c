"""`log_records_per_s`: decisions sequenced on DynamoDB Local by the sequencer's own code, from the stream to the marks;
tiles and copies stay in memory, so that S3, which no engine here is like, is left out, and this machine's disk as well.

The table has its stream, without which there is nothing to sequence. DynamoDB Local goes through all of a stream's
records at every write, so that each takes longer than the one before; on AWS a stream takes no time of a write's.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from duecare.ports import Document
from duecare.usecases.log.sequencer import Sequencer, SequencerDeps
from duecare_core.domain.rules.retention import retention
from duecare_core.evidence.log.note import LogKey
from tests.support import tables
from tests.support import world as case
from tests.support.memory import MemoryArchive, MemoryLogFiles, MemoryTable
from tests.support.packs import RULES
from tools.dynamodb_local import DynamoDBLocal
from tools.steps import Problem

RECORDS = 6_000
WARM_UP = 6_000  # the engine's own, which is compiled as it runs
A_BATCH = 100
Progress = Callable[[str], None]


class Sequencing(NamedTuple):
    """`seconds` for all records, `ours` of them our own processor's; `reading` and `marking` are spent in the stream
    and in the marks, with the engine behind them."""

    records: int
    seconds: float
    ours: float
    reading: float
    marking: float

    @property
    def rate(self) -> float:
        return self.records / self.seconds

    def told(self) -> str:
        ours, reading, marking = (100 * part / self.seconds for part in (self.ours, self.reading, self.marking))
        return (
            f"the log: {self.records:,} decisions in {self.seconds:.1f} s, {ours:.0f} % of it our own processor's time "
            f"({self.records / self.ours:,.0f} a second, were it alone) and the rest waited for DynamoDB Local; "
            f"{reading:.0f} % in reading the stream, {marking:.0f} % in marks (a write a decision)"
        )


def measure(progress: Progress) -> Sequencing:
    os.environ.setdefault("AWS_ACCESS_KEY_ID", tables.ACCESS_KEY)  # PynamoDB takes them from there
    os.environ.setdefault("AWS_SECRET_ACCESS_KEY", tables.SECRET_KEY)
    decided = _decided(WARM_UP + RECORDS)
    with DynamoDBLocal() as dynamodb:
        bench = _Bench(dynamodb.endpoint)
        bench.put(decided[:WARM_UP])
        bench.run(WARM_UP)
        bench.put(decided[WARM_UP:])
        progress(f"{RECORDS:,} decisions into the log")
        return bench.run(RECORDS)


class _Bench:
    """A table, and the sequencer of it."""

    def __init__(self, endpoint: str) -> None:
        table = tables.create(endpoint, stream=True)
        self._bulk = tables.bulk(endpoint, table, timeout=60.0, deadline=120.0)
        self._stream = _Timed(tables.stream(endpoint, table, timeout=60.0, deadline=120.0), "read")
        self._marks = _Timed(tables.marks(endpoint, table, timeout=60.0, deadline=120.0), "mark")
        world = SequencerDeps(
            stream=self._stream,
            documents=tables.documents(endpoint, table),
            files=MemoryLogFiles(),
            archive=MemoryArchive(),
            marks=self._marks,
            clock=lambda: datetime.now(UTC),
            entropy=os.urandom,
        )
        key = LogKey("duecare.example/log", b"l" * 32)
        keep = retention(RULES.pack)
        self._sequence = Sequencer(world, key, RULES, retention=keep, stays=timedelta(days=180))

    def put(self, documents: Sequence[Document]) -> None:
        for at in range(0, len(documents), A_BATCH):
            if self._bulk.commit_each([documents[at : at + A_BATCH]]) != [None]:
                raise Problem("the decisions could not be put")

    def run(self, records: int) -> Sequencing:
        self._stream.seconds = self._marks.seconds = 0.0
        began, ours = time.perf_counter(), time.process_time()
        passed = self._sequence(lambda: True)
        took, ours = time.perf_counter() - began, time.process_time() - ours
        if passed.added != records:
            raise Problem(f"{passed.added} of {records} decisions are in the log")
        return Sequencing(records, took, ours, self._stream.seconds, self._marks.seconds)


class _Timed:
    """A port whose one method is timed; everything else goes through."""

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
    """So many decisions as verify records them: of the case's message, to as many recipients."""
    memory = MemoryTable()
    here = case.World(memory, memory).register()
    people = [f"+86{13_800_000_000 + one}" for one in range(number)]
    for at in range(0, number, A_BATCH):
        messages = [case.message(message_id=one, recipient=one) for one in people[at : at + A_BATCH]]
        here.verify_use_case.many(here.caller("xinxi"), messages)
    return [document for document in memory.everything() if document.key.pk.startswith("X#")]
