"""Imports a portfolio in slices, interleaved with bare puts; then the same file again under a new manifest, which
writes nothing. The second import may be a snapshot.

A snapshot lists the creditor's open debts, and DynamoDB Local takes minutes to list a million from an index.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from statistics import harmonic_mean
from typing import Any, NamedTuple

import boto3

from benchmarks.folder import FolderFiles, PlainSealer
from benchmarks.harness import Progress
from benchmarks.worker_tasks import PLACEHOLDER
from benchmarks.workers import PEPPER, REGION, Setting, TaskTimes, Workers
from duecare.adapters.dynamodb.documents import DynamoDBDocuments
from duecare.usecases import table as keys
from duecare.usecases.imports.announce import Uploads
from duecare.usecases.imports.ingest import MAX_ROWS_PER_PART
from duecare.usecases.imports.upload_state import UploadState, file_name
from duecare_client.portfolio_file import PortfolioFile
from duecare_core.evidence.item_keys import DEBT
from duecare_core.evidence.statement import sign
from tests.support import tables
from tests.support.world import ISSUER, KEYS, World
from tools import portfolio
from tools.steps import ToolError

CREDITOR = "mou-zichan"
SEED = 7
ROWS_SEED = bytes(range(32))
SAMPLES = 1000


class PortfolioTimes(NamedTuple):
    """The measurements of one portfolio: durations in seconds, for all workers together; peaks in MiB."""

    rows: int
    workers: int
    ingest_seconds: float
    import_seconds: float
    bare_seconds: float
    transaction_rate: float
    again_seconds: float
    imported: TaskTimes
    bare: TaskTimes
    again: TaskTimes
    ingest_peak: float
    worker_peak: float
    sizes: tuple[float, float]

    @property
    def rate(self) -> float:
        """Rows a second, including the pass that checks and splits the file."""
        return self.rows / (self.ingest_seconds + self.import_seconds)

    @property
    def bare_rate(self) -> float:
        return self.rows / self.bare_seconds

    def growth(self, small: PortfolioTimes) -> float:
        """The growth of the peak that grew most."""
        return max(self.ingest_peak / small.ingest_peak, self.worker_peak / small.worker_peak)

    def summary(self) -> Iterator[str]:
        yield f"{self.rows:,} rows, {self.workers} workers; items of {self.sizes[0]:.0f} and {self.sizes[1]:.0f} bytes"
        yield (
            f"import        {self.rate:>9,.0f} rows/s   {self.rows / self.import_seconds:,.0f} by the workers alone, "
            f"{self.rows / self.ingest_seconds:,.0f} by the pass before"
        )
        yield f"bare puts     {self.bare_rate:>9,.0f} rows/s   25 a call, as many processes and calls in flight"
        yield (
            f"bare transactions{self.transaction_rate:>6,.0f} rows/s   the import's own writes alone; "
            f"the import makes {self.rate / self.transaction_rate:.2f} of that"
        )
        yield f"the same again{self.rows / self.again_seconds:>9,.0f} rows/s   under a new manifest"
        for name, spent in (("import", self.imported), ("bare puts", self.bare), ("the same again", self.again)):
            yield f"{name}: {_shares(spent)}"
        yield f"peak memory: {self.ingest_peak:.0f} MiB of ingest, {self.worker_peak:.0f} MiB of a worker"


def _shares(spent: TaskTimes) -> str:
    """The shares of the workers' time."""
    waiting = spent.client - spent.client_processor
    ours = spent.processor - spent.client_processor
    left = max(0.0, spent.wall - waiting - spent.processor)
    return (
        f"of the workers' time {waiting / spent.wall:.0%} is waiting for the engine, "
        f"{ours / spent.wall:.0%} processor time for the rows, {spent.client_processor / spent.wall:.0%} for the "
        f"client, {left / spent.wall:.0%} anything else (files, waiting for a processor)"
    )


class PortfolioBench:
    """Imports portfolios on one engine, each into its own tables."""

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

    def run(self, rows: int, slices: int) -> PortfolioTimes:
        """Raises ToolError if an import has another outcome than expected."""
        table, bare_table, transactions_table = (tables.create(self._setting.endpoint) for _ in range(3))
        file = self._setting.folder / f"portfolio-{rows}.csv"
        now = datetime.now(UTC).replace(microsecond=0)
        portfolio.write(portfolio.Plan(rows, SEED, 0.0, "debt", "csv", "utf-8", now), file)
        self._progress(f"a portfolio of {rows:,} rows, {file.stat().st_size / 1e6:.0f} MB")
        creditor = _Creditor(self._setting, self._files, table, file, rows)
        first = creditor.announce(now)
        parts, ingest_seconds, ingest_peak = self._ingest(table, first)
        self._progress(f"ingested {rows / ingest_seconds:,.0f} rows/s: {len(parts)} parts")
        with Workers(self._setting, self._workers) as importers, Workers(self._setting, self._workers) as putters:
            spent: dict[str, list[tuple[float, TaskTimes]]] = {"import": [], "bare": [], "transactions": []}
            ready = False
            for at, some in enumerate(_sliced(parts, slices), 1):
                seconds, done = importers.run("import", [(table, first, part) for part in some])
                spent["import"].append((seconds, _sum(done)))
                if not ready:
                    putters.each("samples", self._samples(table))
                    ready = True
                counts = [
                    (part * MAX_ROWS_PER_PART, min(MAX_ROWS_PER_PART, rows - part * MAX_ROWS_PER_PART)) for part in some
                ]
                bare_seconds, done = putters.run("bare", [(bare_table, *one) for one in counts])
                spent["bare"].append((bare_seconds, _sum(done)))
                fewer = counts[: self._workers * 4]  # enough to measure their rate
                seconds_of_fewer, done = putters.run("transactions", [(transactions_table, *one) for one in fewer])
                spent["transactions"].append((sum(count for _, count in fewer) / seconds_of_fewer, _sum(done)))
                held = sum(count for _, count in counts)
                self._progress(
                    f"slice {at} of {slices}: imported {held / seconds:,.0f} rows/s, put {held / bare_seconds:,.0f}, "
                    f"by bare transactions {spent['transactions'][-1][0]:,.0f}"
                )
            self._check(creditor.look(first), accepted=rows, unchanged=0)
            again = creditor.announce(now, snapshot=self._snapshot, as_of=now.isoformat())
            parts, _, _ = self._ingest(table, again)
            again_seconds, done = importers.run("import", [(table, again, part) for part in parts])
            self._progress(f"the same file again: {rows / again_seconds:,.0f} rows/s")
            self._check(creditor.look(again), accepted=0, unchanged=rows)
            worker_peak = max(importers.each("peak"))
        file.unlink()
        imported, bare = (_sum([one for _, one in spent[name]]) for name in ("import", "bare"))
        return PortfolioTimes(
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
            (self._size(table), self._size(bare_table)),
        )

    def _ingest(self, table: str, upload_id: str) -> tuple[list[int], float, float]:
        """The parts of a file, the duration of the pass, and the peak of a process that does nothing else."""
        with Workers(self._setting, 1) as worker:
            _, [(upload, parts, seconds)] = worker.run("ingest", [(table, upload_id)])
            (peak,) = worker.each("peak")
        if upload is None or upload.state != "importing":
            raise ToolError(f"the file was not ingested: {upload}")
        return parts, seconds, peak

    def _check(self, upload: UploadState, accepted: int, unchanged: int) -> None:
        """Raises ToolError if the import has another outcome than expected."""
        expected = ("done", accepted, unchanged, 0, 0)
        found = (upload.state, upload.accepted, upload.unchanged, upload.rejected, upload.withdrawn or 0)
        if found != expected:
            raise ToolError(f"the import ended as {found} and not {expected}")

    def _samples(self, table: str) -> list[str]:
        """Items that the import wrote. A scan is in the order of the keys' hashes, so the first ones are a fair
        sample."""
        found: list[dict[str, Any]] = self._dynamodb.scan(TableName=table, Limit=SAMPLES)["Items"]
        items = [item | {"pk": {"S": PLACEHOLDER}} for item in found if item["sk"]["S"].startswith(f"{DEBT}#")]
        return [json.dumps(item, separators=(",", ":")) for item in items]

    def _size(self, table: str) -> float:
        """The mean size of an item as JSON, from a sample."""
        found = self._dynamodb.scan(TableName=table, Limit=SAMPLES)["Items"]
        items = [item for item in found if item["sk"]["S"].startswith(f"{DEBT}#")]
        return sum(len(json.dumps(item)) for item in items) / max(1, len(items))


class _Creditor:
    """The creditor's side: announce the file, put it, read the state of the upload."""

    def __init__(self, setting: Setting, files: FolderFiles, table: str, file: Path, rows: int) -> None:
        documents = DynamoDBDocuments(table, REGION, setting.endpoint)
        self._world = World(documents=documents, pepper=PEPPER)
        self._world.now = datetime.now(UTC)
        self._world.register(CREDITOR)
        self._documents, self._files, self._file, self._rows = documents, files, file, rows
        with file.open("rb") as read:
            self._digest = hashlib.file_digest(read, "sha256").hexdigest()
        members = {"iss": CREDITOR, "kind": "debt", "format": "csv", "charset": "utf-8"}
        self._root = PortfolioFile(file).read_rows(members, self._world.now, ROWS_SEED).rows_root

    def announce(self, now: datetime, **claims: Any) -> str:
        """Announce the file by a manifest with these claims, and put it where its upload expects it."""
        members: dict[str, Any] = {"iss": CREDITOR, "aud": ISSUER, "iat": int(now.timestamp()), "kind": "debt"}
        members |= {"format": "csv", "charset": "utf-8", "rows": self._rows, "sha256": f"sha256:{self._digest}"}
        members["rows_root"] = self._root
        uploads = Uploads(
            documents=self._documents,
            sealer=self._world.sealer,
            seed_sealer=PlainSealer,
            files=self._files,
            issuer=ISSUER,
            clock=lambda: datetime.now(UTC),
        )
        token = sign("upload", members | claims, KEYS[CREDITOR])
        opened = uploads.open(self._world.caller(CREDITOR), token, ROWS_SEED.hex())
        self._files.adopt(file_name(opened.upload_id), self._file)
        return opened.upload_id

    def look(self, upload_id: str) -> UploadState:
        key = keys.upload(upload_id)
        return keys.read(self._documents.get([key])[key], UploadState)


def _sliced(parts: list[int], slices: int) -> Iterator[list[int]]:
    size = -(-len(parts) // slices)
    return (parts[at : at + size] for at in range(0, len(parts), size))


def _sum(spent: list[TaskTimes]) -> TaskTimes:
    return reduce(TaskTimes.plus, spent, TaskTimes())
