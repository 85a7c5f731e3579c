"""Uploads in a test world: announce, put the file, run the workers; over any adapters of the ports."""

from __future__ import annotations

import csv
import gzip as gz
import hashlib
import io
import os
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from duecare.usecases.imports.announce import Uploads, UploadTicket, UploadView
from duecare.usecases.imports.close import CloseImport
from duecare.usecases.imports.import_part import ImportPart
from duecare.usecases.imports.ingest import Ingest, PartMessage
from duecare.usecases.imports.row_evidence import RowEvidence
from duecare.usecases.imports.upload_state import ImportDeps, UploadState, file_name
from duecare_core.domain.portfolio.portfolio import Manifest, Portfolio
from duecare_core.domain.portfolio.row_reader import read_rows
from duecare_core.domain.validation import validate
from duecare_core.evidence.jose import jws
from duecare_core.evidence.rows_root import RowsTree, canonical_row, row_leaf, row_salt
from duecare_core.evidence.statement import sign
from tests.support.memory import MemoryFiles, MemoryQueue
from tests.support.world import ISSUER, KEYS, World, debt_members

SEED = bytes(range(32))
Rows = Sequence[dict[str, Any]]
COLUMNS = ("recipient", "debt_ref", "currency", "outstanding", "as_of", "status")


class Imports:
    """The use cases of imports in a world. `bulk`, `files`: adapters other than those in memory."""

    def __init__(self, world: World, *, bulk: Any = None, files: Any = None, on_overshoot: Any = None) -> None:
        self.world = world
        self.files = files or MemoryFiles()
        self.queue = MemoryQueue()
        bulk = bulk or world.documents
        deps = ImportDeps(
            documents=world.documents,
            bulk=bulk,
            files=self.files,
            pseudonyms=world.pseudonyms,
            clock=world.clock,
            entropy=os.urandom,
            backoff=world.backoff,
            seed_opener=lambda: world.sealer,
            key_sealer=lambda: world.sealer,
        )
        self.uploads = Uploads(
            documents=world.documents,
            sealer=world.sealer,
            seed_sealer=lambda: world.sealer,
            files=self.files,
            issuer=ISSUER,
            clock=world.clock,
        )
        self.evidence = RowEvidence(world.documents, self.files, lambda: world.sealer)
        world.row_evidence = self.evidence
        world.upload_files = self.files
        self.ingest = Ingest(deps, self.queue)
        self.rows = ImportPart(deps, world.rules, on_overshoot or (lambda _: None))
        self.close = CloseImport(deps, lambda: world.acknowledgement_key)

    def manifest(self, data: bytes, rows: int, party: str = "mou-zichan", **changes: Any) -> str:
        claims = {
            "iss": party,
            "aud": ISSUER,
            "iat": int(self.world.now.timestamp()),
            "kind": "debt",
            "format": "csv",
            "charset": "utf-8",
            "rows": rows,
            "sha256": f"sha256:{hashlib.sha256(data).hexdigest()}",
        }
        return sign("upload", claims | changes, KEYS[party])

    def announce(
        self, data: bytes, rows: int, party: str = "mou-zichan", rows_seed: str | None = None, **changes: Any
    ) -> UploadTicket:
        return self.uploads.open(self.world.caller(party), self.manifest(data, rows, party, **changes), rows_seed)

    def put(self, upload_id: str, data: bytes) -> UploadState | None:
        """The file arrives, and the event with it."""
        self.files.write(file_name(upload_id), [data])
        return self.ingest(upload_id)

    def work(self) -> None:
        """Import every part that the queue holds."""
        while self.queue.messages:
            self.one(self.queue.messages.pop(0))

    def one(self, message: bytes) -> None:
        work = msgspec.json.decode(message, type=PartMessage)
        upload = self.rows(work.upload, work.part)
        if upload is not None:
            self.close(work.upload, upload)

    def send(self, data: bytes, rows: int, party: str = "mou-zichan", **changes: Any) -> UploadView:
        """Announce, put and import a file. Returns the upload afterwards."""
        opened = self.announce(data, rows, party, **changes)
        self.put(opened.upload_id, data)
        self.work()
        return self.look(opened.upload_id, party)

    def debts(self, rows: Rows, **changes: Any) -> UploadView:
        return self.send(as_csv(rows), len(rows), **changes)

    def look(self, upload_id: str, party: str = "mou-zichan") -> UploadView:
        return self.uploads.look(self.world.caller(party), upload_id)

    def rooted(self, data: bytes, rows: int, *, seed: bytes = SEED, **changes: Any) -> UploadView:
        """As `send`, with the root of the file's rows under this seed."""
        root = changes.pop("rows_root", None) or self.root(data, rows, seed=seed, **changes)
        return self.send(data, rows, rows_seed=seed.hex(), rows_root=root, **changes)

    def root(self, data: bytes, rows: int, *, seed: bytes = SEED, **changes: Any) -> str:
        manifest = validate(jws.read(self.manifest(data, rows, **changes)).payload, Manifest)
        return root_of(manifest, data, seed)

    def rejects(self, upload_id: str) -> list[list[str]]:
        """The rejects file without its header."""
        data = b"".join(self.files.read(f"rejects/{upload_id}.csv"))
        header, *rows = csv.reader(io.StringIO(data.decode(), newline=""))
        assert header == ["row", "column", "code", "message"]
        return rows


def root_of(manifest: Manifest, data: bytes, seed: bytes) -> str:
    """The `rows_root` of a file."""
    portfolio, tree = Portfolio(manifest), RowsTree()
    for row in read_rows([data], portfolio.shape, portfolio.columns, portfolio.required):
        tree.add(row_leaf(row_salt(seed, row.number), canonical_row(portfolio.members(row))))
    return tree.finish()


def debt_row(world: World, number: int, **changes: Any) -> dict[str, Any]:
    """A debt of a separate recipient."""
    return debt_members(world.now, recipient=recipient(number), debt_ref=f"L-{number}", **changes)


def recipient(number: int) -> str:
    return f"+86138{number:08}"


def as_csv(rows: Iterable[dict[str, Any]], *, gzip: bool = False, charset: str = "utf-8") -> bytes:
    """Every column that a row has; lists are `;`-separated."""
    rows = list(rows)
    columns = list(dict.fromkeys([*COLUMNS, *(name for row in rows for name in row)]))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(
        {name: ";".join(cell) if isinstance(cell, list) else cell for name, cell in row.items()} for row in rows
    )
    data = text.getvalue().encode(charset)
    return gz.compress(data) if gzip else data
