"""The `subject` of consents and debts: an HMAC of the person's identity under a secret that only the creditor has.

Identity numbers are few enough to be guessed from a plain digest. The creditor therefore keeps a secret of 32 bytes,
and this client turns the member or column `identity` into `subject` before anything is signed. Neither the identity nor
the secret is ever sent.

    subject = "sha256:" + hex(HMAC-SHA-256(secret, UTF-8(upper(strip(NFKC(identity))))))
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import hmac
import json
import os
import re
import secrets
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import IO, Any, BinaryIO

from duecare_client.errors import BadSettings
from duecare_client.portfolio_file import PortfolioFile, chunks
from duecare_core.domain.portfolio.row_splitter import gunzipped, in_pieces, split, without_mark

IDENTITY, SUBJECT = "identity", "subject"
KINDS_WITH_SUBJECT = frozenset({"consent", "debt"})
SECRET_BYTES = 32
_HEX = re.compile(rb"[0-9a-fA-F]{64}\s*\Z")
_NEVER_PLAIN = (
    "identity is never sent as it is: give --subject-secret FILE, so that it becomes subject (make the file with "
    "`duecare keys subject-secret --out FILE`)"
)


def subject(secret: bytes, identity: str) -> str:
    """The `subject` of a person. Raises BadSettings for an identity that is empty."""
    normal = unicodedata.normalize("NFKC", identity).strip().upper()
    if not normal:
        raise BadSettings("identity is empty; leave it out if it is not known")
    return "sha256:" + hmac.new(secret, normal.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def write_secret(path: Path) -> None:
    """Writes a new secret, as 64 hexadecimal digits, to a new file of mode 0600. Raises BadSettings; never replaces a
    file."""
    try:
        # O_EXCL and the mode at creation: at no time can others read the file.
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise BadSettings(
            f"{path} exists already, and a secret is never overwritten: with another one, the subjects stated so far "
            "would no longer match"
        ) from None
    except OSError as error:
        raise BadSettings(f"{path} cannot be written: {error.strerror}") from None
    with os.fdopen(opened, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(SECRET_BYTES) + "\n")


def read_secret(path: Path) -> bytes:
    """The secret in a file: 64 hexadecimal digits, or 32 bytes. Raises BadSettings."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadSettings(f"the secret {path} cannot be read: {error.strerror}") from None
    if _HEX.match(data):
        return bytes.fromhex(data.decode("ascii").strip())
    if len(data) != SECRET_BYTES:
        raise BadSettings(f"{path} is not a secret of 32 bytes; `duecare keys subject-secret --out FILE` makes one")
    return data


def with_subject(kind: str, members: Mapping[str, Any], secret: bytes | None) -> Mapping[str, Any]:
    """The members with `subject` in place of `identity`. Raises BadSettings if that is not possible."""
    if IDENTITY not in members:
        return members
    if kind not in KINDS_WITH_SUBJECT:
        raise BadSettings(f"a {kind} statement has no identity; only consents and debts do")
    if SUBJECT in members:
        raise BadSettings("give identity or subject, not both")
    if secret is None:
        raise BadSettings(_NEVER_PLAIN)
    identity = members[IDENTITY]
    if not isinstance(identity, str):
        raise BadSettings("identity must be a string, such as an identity card number")
    others = {name: value for name, value in members.items() if name != IDENTITY}
    return {**others, SUBJECT: subject(secret, identity)}


@contextmanager
def file_to_send(path: Path, charset: str, secret: bytes | None) -> Iterator[PortfolioFile]:
    """The file, or a copy of it that has `subject` in place of `identity`. Raises BadSettings, FileRefused.

    The copy is a temporary file that only its owner can read. Its bytes depend on the file and the secret alone, so
    that an interrupted upload resumes with the same digest.
    """
    file = PortfolioFile(path)
    if not _has_identity(file, charset):
        yield file
        return
    if secret is None:
        raise BadSettings(_NEVER_PLAIN)
    with tempfile.NamedTemporaryFile(prefix="duecare-") as copy:
        _convert(file, charset, secret, copy)
        copy.flush()
        file.check_unchanged()
        yield _ConvertedFile(file, Path(copy.name))


def _has_identity(file: PortfolioFile, charset: str) -> bool:
    """Whether the CSV header has the column, or any line of JSON the member."""
    rows = _rows(file, charset)
    if file.format.startswith("csv"):
        return IDENTITY in (_fields(next(rows, None), charset) or [])
    return any(row is not None and _names_identity(row, charset) for row in rows)


class _ConvertedFile(PortfolioFile):
    """A converted copy. Path and modification time are those of the original, by which an upload is resumed."""

    def __init__(self, original: PortfolioFile, copy: Path) -> None:
        self.path, self.mtime_ns, self.format = original.path, original.mtime_ns, original.format
        self.size = copy.stat().st_size
        self._original, self._copy = original, copy

    def check_unchanged(self) -> None:
        self._original.check_unchanged()

    def open(self) -> BinaryIO:
        try:
            return self._copy.open("rb")
        except OSError as error:
            raise BadSettings(f"the copy of {self.path} cannot be read: {error.strerror}") from None


def _convert(file: PortfolioFile, charset: str, secret: bytes, copy: IO[bytes]) -> None:
    rows = _rows(file, charset)
    convert = _converted_csv if file.format.startswith("csv") else _converted_jsonl
    lines = (line + b"\n" for line in convert(rows, charset, secret))
    if file.format.endswith("gzip"):
        with gzip.GzipFile(fileobj=copy, mode="wb", filename="", mtime=0) as packed:
            packed.writelines(lines)
    else:
        copy.writelines(lines)


def _rows(file: PortfolioFile, charset: str) -> Iterator[bytes | None]:
    """The rows of a file, without a byte order mark. Raises FileRefused, BadSettings."""
    with file.open() as opened:
        raw = chunks(opened)
        pieces = in_pieces(gunzipped(raw) if file.format.endswith("gzip") else raw)
        yield from split(without_mark(pieces, charset), quoting=file.format.startswith("csv"))


def _converted_csv(rows: Iterator[bytes | None], charset: str, secret: bytes) -> Iterator[bytes]:
    names = _fields(next(rows, None), charset) or []
    if SUBJECT in names or names.count(IDENTITY) > 1:
        raise BadSettings("the file must have one column identity, or one column subject, not both")
    at = names.index(IDENTITY)
    yield _line([*names[:at], SUBJECT, *names[at + 1 :]], charset)
    for number, row in enumerate(rows, 1):
        fields = _fields(row, charset)
        if fields is None or len(fields) != len(names):
            raise _unreadable(number)
        if fields[at]:
            fields[at] = _subject_of(fields[at], number, secret)
        yield _line(fields, charset)


def _converted_jsonl(rows: Iterator[bytes | None], charset: str, secret: bytes) -> Iterator[bytes]:
    for number, row in enumerate(rows, 1):
        pairs = _pairs(row, charset)
        if pairs is None:
            raise _unreadable(number)
        members = dict(pairs)
        if len(members) != len(pairs) or {IDENTITY, SUBJECT} <= members.keys():
            raise BadSettings(f"row {number} has a member twice, or both identity and subject; nothing was sent")
        if IDENTITY in members:
            members[SUBJECT] = _subject_of(members.pop(IDENTITY), number, secret)
        yield json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode(charset)


def _subject_of(identity: Any, number: int, secret: bytes) -> str:
    if not isinstance(identity, str):
        raise BadSettings(f"row {number}: identity must be a string, such as an identity card number")
    try:
        return subject(secret, identity)
    except BadSettings as error:
        raise BadSettings(f"row {number}: {error}") from None


def _unreadable(number: int) -> BadSettings:
    return BadSettings(
        f"row {number} cannot be read, so its identity cannot be replaced; correct or remove the row. Nothing was sent"
    )


def _fields(row: bytes | None, charset: str) -> list[str] | None:
    """The fields of a CSV row; None if it cannot be read."""
    try:
        return next(csv.reader([(row or b"").decode(charset)], strict=True), None) if row else None
    except (UnicodeDecodeError, csv.Error):
        return None


def _line(fields: list[str], charset: str) -> bytes:
    text = StringIO()
    csv.writer(text, lineterminator="").writerow(fields)
    return text.getvalue().encode(charset)


def _pairs(row: bytes | None, charset: str) -> list[tuple[str, Any]] | None:
    """The members of a JSON object with all that occur twice; None if the row is none."""
    found: list[list[tuple[str, Any]]] = []

    def kept(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found.append(pairs)
        return dict(pairs)

    try:
        value = json.loads((row or b"").decode(charset), object_pairs_hook=kept)
    except (ValueError, RecursionError):
        return None
    return found[-1] if isinstance(value, dict) else None


def _names_identity(row: bytes, charset: str) -> bool:
    """Whether the word may be a member of this line of JSON; it is if in doubt. Few lines have an escape in them."""
    if b'"identity"' in row:
        return True
    return b"\\u" in row and IDENTITY in dict(_pairs(row, charset) or ())
