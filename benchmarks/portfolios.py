"""One portfolio's way, twice: imported in slices that take turns with bare puts, and then the same file again under a
new manifest, which has nothing to write; as a snapshot where that is asked for.

A snapshot lists the creditor's open debts, and DynamoDB Local takes minutes to list a million by an index."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from statistics import harmonic_mean
from typing import Any, NamedTuple

import boto3

from benchmarks.crew import PEPPER, REGION, Crew, Setting, Spent
from benchmarks.folder import FolderFiles
from benchmarks.hands import SOMEBODY
from duecare.adapters.dynamodb.documents import DynamoDBDocuments
from duecare.usecases import table as keys
from duecare.usecases.imports.announce import Uploads
from duecare.usecases.imports.ingest import ROWS_A_PART
from duecare.usecases.imports.upload_state import UploadState, file_name
from duecare_core.evidence.statement import sign
from tests.support.world import ISSUER, KEYS, World
from tools import portfolio
from tools.steps import Problem

CREDITOR = "mou-zichan"
SEED = 7
SAMPLES = 1000
Progress = Callable[[str], None]


class Result(NamedTuple):
    """What one portfolio took. Seconds by the clock for all workers together; peaks in MiB."""

    rows: int
    workers: int
    ingest_seconds: float
    import_seconds: float
    bare_seconds: float
    transaction_rate: float
    again_seconds: float
    imported: Spent
    bare: Spent
    again: Spent
    ingest_peak: float
    worker_peak: float
    sizes: tuple[float, float]

    @property
    def rate(self) -> float:
        """Rows a second, the pass that checks and splits the file and all."""
        return self.rows / (self.ingest_seconds + self.import_seconds)

    @property
    def bare_rate(self) -> float:
        return self.rows / self.bare_seconds

    def growth(self, small: Result) -> float:
        """Of the peak that grew most."""
        return max(self.ingest_peak / small.ingest_peak, self.worker_peak / small.worker_peak)

    def told(self) -> Iterator[str]:
        yield f"{self.rows:,} rows, {self.workers} workers; items of {self.sizes[0]:.0f} and {self.sizes[1]:.0f} bytes"
        yield (
            f"import        {self.rate:>9,.0f} rows/s   {self.rows / self.import_seconds:,.0f} of the workers alone, "
            f"{self.rows / self.ingest_seconds:,.0f} of the pass before"
        )
        yield f"bare puts     {self.bare_rate:>9,.0f} rows/s   25 a call, the same processes and calls in flight"
        yield (
            f"bare transactions{self.transaction_rate:>6,.0f} rows/s   the import's own writes, bare; "
            f"the import makes {self.rate / self.transaction_rate:.2f} of that"
        )
        yield f"the same again{self.rows / self.again_seconds:>9,.0f} rows/s   under a new manifest"
        for name, spent in (("import", self.imported), ("bare puts", self.bare), ("the same again", self.again)):
            yield f"{name}: {_shares(spent)}"
        yield f"peak memory: {self.ingest_peak:.0f} MiB of ingest, {self.worker_peak:.0f} MiB of a worker"


def _shares(spent: Spent) -> str:
    """Where the workers' time went."""
    waiting = spent.client - spent.client_processor
    ours = spent.processor - spent.client_processor
    left = max(0.0, spent.wall - waiting - spent.processor)
    return (
        f"of the workers' time {waiting / spent.wall:.0%} is the engine's (its answers are waited for), "
        f"{ours / spent.wall:.0%} our processor time for the rows, {spent.client_processor / spent.wall:.0%} that for "
        f"the client, {left / spent.wall:.0%} anything else (files, waiting for a processor)"
    )


class Bench:
    """Portfolios on one engine, each in tables of its own."""

    def __init__(self, setting: Setting, workers: int, progress: Progress, *, snapshot: bool) -> None:
        self._setting, self._workers, self._progress, self._snapshot = setting, workers, progress, snapshot
        self._dynamodb = boto3.client(
            "dynamodb",
            region_name=REGION,
            endpoint_url=setting.endpoint,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )
        self._files = FolderFiles(setting.folder)

    def run(self, rows: int, slices: int) -> Result:
        """Raises Problem where the import is not what it should be."""
        table, beside, third = (self._table(f"{what}-{rows}") for what in ("import", "bare", "transactions"))
        file = self._setting.folder / f"portfolio-{rows}.csv"
        now = datetime.now(UTC).replace(microsecond=0)
        portfolio.write(portfolio.Plan(rows, SEED, 0.0, "debt", "csv", "utf-8", now), file)
        self._progress(f"a portfolio of {rows:,} rows, {file.stat().st_size / 1e6:.0f} MB")
        opening = _Opening(self._setting, self._files, table, file, rows)
        first = opening.announce(now)
        parts, ingest_seconds, ingest_peak = self._take_in(table, first)
        self._progress(f"taken in by {rows / ingest_seconds:,.0f} rows/s: {len(parts)} parts")
        with Crew(self._setting, self._workers) as crew, Crew(self._setting, self._workers) as putters:
            spent: dict[str, list[tuple[float, Spent]]] = {"import": [], "bare": [], "transactions": []}
            ready = False
            for at, some in enumerate(_sliced(parts, slices), 1):
                seconds, done = crew.run("import", [(table, first, part) for part in some])
                spent["import"].append((seconds, _sum(done)))
                if not ready:
                    putters.each("samples", self._samples(table))
                    ready = True
                counts = [(part * ROWS_A_PART, min(ROWS_A_PART, rows - part * ROWS_A_PART)) for part in some]
                bare_seconds, done = putters.run("bare", [(beside, *one) for one in counts])
                spent["bare"].append((bare_seconds, _sum(done)))
                fewer = counts[: self._workers * 4]  # enough to know their rate by
                seconds_of_fewer, done = putters.run("transactions", [(third, *one) for one in fewer])
                spent["transactions"].append((sum(count for _, count in fewer) / seconds_of_fewer, _sum(done)))
                held = sum(count for _, count in counts)
                self._progress(
                    f"slice {at} of {slices}: imported {held / seconds:,.0f} rows/s, put {held / bare_seconds:,.0f}, "
                    f"by bare transactions {spent['transactions'][-1][0]:,.0f}"
                )
            self._check(opening.look(first), accepted=rows, unchanged=0)
            again = opening.announce(now, snapshot=self._snapshot, as_of=now.isoformat())
            parts, _, _ = self._take_in(table, again)
            again_seconds, done = crew.run("import", [(table, again, part) for part in parts])
            self._progress(f"the same file again: {rows / again_seconds:,.0f} rows/s")
            self._check(opening.look(again), accepted=0, unchanged=rows)
            worker_peak = max(crew.each("peak"))
        file.unlink()
        imported, bare = (_sum([one for _, one in spent[name]]) for name in ("import", "bare"))
        return Result(
            rows,
            self._workers,
            ingest_seconds,
            sum(seconds for seconds, _ in spent["import"]),
            sum(seconds for seconds, _ in spent["bare"]),
            harmonic_mean(rate for rate, _ in spent["transactions"]),
            again_seconds,
            imported,
            bare,
            _sum(done),
            ingest_peak,
            worker_peak,
            (self._size(table), self._size(beside)),
        )

    def _take_in(self, table: str, upload_id: str) -> tuple[list[int], float, float]:
        """The parts of a file, the seconds that the pass took, and the peak of a process that does nothing else."""
        with Crew(self._setting, 1) as crew:
            _, [(upload, parts, seconds)] = crew.run("take in", [(table, upload_id)])
            (peak,) = crew.each("peak")
        if upload is None or upload.state != "importing":
            raise Problem(f"the file was not taken in: {upload}")
        return parts, seconds, peak

    def _check(self, upload: UploadState, accepted: int, unchanged: int) -> None:
        """What a benchmark measures must be what was asked for."""
        expected = ("done", accepted, unchanged, 0, 0)
        found = (upload.state, upload.accepted, upload.unchanged, upload.rejected, upload.withdrawn or 0)
        if found != expected:
            raise Problem(f"the import ended as {found} and not {expected}")

    def _samples(self, table: str) -> list[str]:
        """Items that the import wrote. A scan goes by the hash of the keys, so the first are as good as any."""
        found: list[dict[str, Any]] = self._dynamodb.scan(TableName=table, Limit=SAMPLES)["Items"]
        items = [item | {"pk": {"S": SOMEBODY}} for item in found if item["sk"]["S"].startswith("D#")]
        return [json.dumps(item, separators=(",", ":")) for item in items]

    def _size(self, table: str) -> float:
        """The mean size of an item as JSON, of a sample."""
        found = self._dynamodb.scan(TableName=table, Limit=SAMPLES)["Items"]
        items = [item for item in found if item["sk"]["S"].startswith("D#")]
        return sum(len(json.dumps(item)) for item in items) / max(1, len(items))

    def _table(self, name: str) -> str:
        """As the template has it, but for the stream."""
        self._dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk", "open_of")],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "open",
                    "KeySchema": [{"AttributeName": "open_of", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            ],
        )
        return name


class _Opening:
    """The creditor's side: announce the file, put it, look."""

    def __init__(self, setting: Setting, files: FolderFiles, table: str, file: Path, rows: int) -> None:
        documents = DynamoDBDocuments(table, REGION, setting.endpoint)
        self._world = World(documents=documents, pepper=PEPPER)
        self._world.now = datetime.now(UTC)
        self._world.register(CREDITOR)
        self._documents, self._files, self._file, self._rows = documents, files, file, rows
        with file.open("rb") as read:
            self._digest = hashlib.file_digest(read, "sha256").hexdigest()

    def announce(self, now: datetime, **claims: Any) -> str:
        """A manifest like this, and the file where its upload expects it."""
        members: dict[str, Any] = {"iss": CREDITOR, "aud": ISSUER, "iat": int(now.timestamp()), "kind": "debt"}
        members |= {"format": "csv", "charset": "utf-8", "rows": self._rows, "sha256": f"sha256:{self._digest}"}
        uploads = Uploads(
            documents=self._documents,
            sealer=self._world.sealer,
            files=self._files,
            issuer=ISSUER,
            clock=lambda: datetime.now(UTC),
        )
        token = sign("upload", members | claims, KEYS[CREDITOR])
        opened = uploads.open(self._world.caller(CREDITOR), token)
        self._files.adopt(file_name(opened.upload_id), self._file)
        return opened.upload_id

    def look(self, upload_id: str) -> UploadState:
        key = keys.upload(upload_id)
        return keys.read(self._documents.get([key])[key], UploadState)


def _sliced(parts: list[int], slices: int) -> Iterator[list[int]]:
    size = -(-len(parts) // slices)
    return (parts[at : at + size] for at in range(0, len(parts), size))


def _sum(spent: list[Spent]) -> Spent:
    return reduce(Spent.plus, spent, Spent())
