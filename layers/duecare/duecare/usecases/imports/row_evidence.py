"""The evidence of an upload's rows: what a case file needs to show that the creditor signed a row (rows_root.py).

The hashes of all rows are one object. The rows themselves, with their salts, are one object for each part: its first
line is a key, sealed for the function that builds case files, and each other line a row's number, a tag of its
recipient, and the row encrypted under that key. A row can therefore be erased without opening any other
(row_erasure.py). None of these objects expires: a consent may be relied on for years.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator
from tempfile import TemporaryFile
from types import TracebackType

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from duecare.ports import Documents, Entropy, FileStore, Opener
from duecare.usecases import table
from duecare.usecases.imports.upload_state import UploadState, hashes_name, rows_name
from duecare_core.errors import BadEvidence, Conflict, NotFound, SealFailed, StoreFailed
from duecare_core.evidence.canonical import strict_json
from duecare_core.evidence.casefile.row_proofs import ProvenRow
from duecare_core.evidence.log.merkle import HASH_BYTES
from duecare_core.evidence.rows_root import RowHashes, RowsTree, row_leaf, row_salt

_KEY_BYTES = 32
_PIECE = 1 << 18


class FileHashes:
    """The hashes of a file's rows, while it is read. All but a tile a level are in a temporary file; the levels above
    the leaves, a 255th of all, are kept in memory."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._leaves = TemporaryFile()  # noqa: SIM115  closed by __exit__
        self._levels: list[bytearray] = []
        self._tree = RowsTree(self._keep)

    def __enter__(self) -> FileHashes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaves.close()

    def add(self, number: int, row: bytes) -> bytes:
        """Add the next row, in its canonical form. Returns its salt."""
        salt = row_salt(self._seed, number)
        self._tree.add(row_leaf(salt, row))
        return salt

    def finish(self) -> str:
        """The root. To be called once, after the last row."""
        return self._tree.finish()

    def pieces(self) -> Iterator[bytes]:
        """The object that `RowHashes` reads, after `finish`."""
        self._leaves.seek(0)
        while piece := self._leaves.read(_PIECE):
            yield piece
        yield from map(bytes, self._levels)

    def _keep(self, level: int, hashes: bytes) -> None:
        if level == 0:
            self._leaves.write(hashes)
            return
        if level > len(self._levels):
            self._levels.append(bytearray())
        self._levels[level - 1] += hashes


class EncryptedRows:
    """The rows of one part, encrypted under a key of its own. `seal`: seals the key."""

    def __init__(self, seal: Callable[[bytes], bytes], entropy: Entropy) -> None:
        key = entropy(_KEY_BYTES)
        self._aead = AESGCM(key)
        self._lines = [base64.b64encode(seal(key))]

    def add(self, statement: str, number: int, tag: bytes, salt: bytes, row: bytes) -> None:
        """`tag`: of the recipient (`Pseudonyms.row_tag`)."""
        # The key is new and each number occurs once in a part, so the number is a good nonce.
        encrypted = self._aead.encrypt(_nonce(number), salt + row, statement.encode())
        self._lines.append(b"%d %s %s" % (number, base64.b64encode(tag), base64.b64encode(encrypted)))

    def data(self) -> bytes:
        return b"\n".join(self._lines)


class RowEvidence:
    """Reads the evidence of a row for a case file. `opener`: opens the keys of the parts."""

    def __init__(self, documents: Documents, files: FileStore, opener: Callable[[], Opener]) -> None:
        self._documents = documents
        self._files = files
        self._opener = opener

    def __call__(self, manifest_id: str, number: int) -> ProvenRow | None:
        """None if the manifest has no `rows_root`. Raises Conflict for a row that was erased or rejected, StoreFailed,
        SealFailed."""
        upload_id = table.upload_id_of(manifest_id)
        key = table.upload(upload_id)
        upload = table.find(self._documents.get([key]), key, UploadState)
        if upload is None:
            raise StoreFailed("the upload of a row that a decision relies on does not exist")
        if upload.manifest.rows_root is None:
            return None
        plain = self._row(upload_id, upload, number)
        salt, row = plain[:HASH_BYTES], plain[HASH_BYTES:]
        name = hashes_name(upload_id, upload.split)
        try:
            hashes = RowHashes(upload.manifest.rows, lambda at, count: self._files.read_range(name, at, count))
            proof = hashes.proof(number)
        except (BadEvidence, NotFound) as error:
            raise StoreFailed("the hashes of an upload's rows cannot be read") from error
        return ProvenRow(
            statement=upload.statement_of(number),
            row=strict_json(row),
            salt=salt.hex(),
            proof=tuple(hash_.hex() for hash_ in proof),
        )

    def _row(self, upload_id: str, upload: UploadState, number: int) -> bytes:
        """The row's salt and its canonical form."""
        for part in parts_of(number, upload.rows_per_part, upload.parts):
            try:
                data = b"".join(self._files.read(rows_name(upload_id, upload.split, part)))
            except NotFound:
                continue
            sealed_key, *lines = data.split(b"\n")
            wanted = b"%d " % number
            for line in lines:
                if line.startswith(wanted):
                    aead = AESGCM(self._opener().open(base64.b64decode(sealed_key)))
                    encrypted = base64.b64decode(line.split(b" ")[2])
                    try:
                        return aead.decrypt(_nonce(number), encrypted, upload.statement_of(number).encode())
                    except InvalidTag as error:
                        raise SealFailed("a row cannot be opened") from error
        raise Conflict(
            "A row that this decision relies on is no longer there, so it has no case file.", name="no-case-file"
        )


def parts_of(number: int, rows_per_part: int, parts: int) -> Iterable[int]:
    """The parts that may hold a row: its own and, as duplicate rows are moved there, the last."""
    return dict.fromkeys(((number - 1) // rows_per_part, parts - 1))


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")
