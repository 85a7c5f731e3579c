"""`FileStore` in a folder, so that the files of a benchmark take no memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from duecare.ports import UploadTarget
from duecare_core.errors import NotFound

PIECE = 256 * 1024


class PlainSealer:
    """`Sealer` and `Opener` without KMS, which an import calls once a part."""

    def seal(self, data: bytes) -> bytes:
        return data

    def open(self, sealed: bytes) -> bytes:
        return sealed


class FolderFiles:
    """Each object is a file of its name. There are no working URLs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def adopt(self, name: str, path: Path) -> None:
        """Make an existing file an object, without copying it."""
        os.link(path, self._path(name))

    def upload_target(
        self, name: str, *, content_type: str, sha256: str, size: int | None, seconds: int
    ) -> UploadTarget:
        return UploadTarget(f"file:{name}", {"content-type": content_type})

    def download_url(self, name: str, seconds: int) -> str:
        return f"file:{name}"

    def read(self, name: str) -> Iterator[bytes]:
        try:
            file = (self._folder / name).open("rb")
        except FileNotFoundError:
            raise NotFound("There is no such object.", name="no-object") from None
        return _pieces(file)

    def read_range(self, name: str, start: int, count: int) -> bytes:
        with (self._folder / name).open("rb") as file:
            file.seek(start)
            return file.read(count)

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        path = self._path(name)
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        with unfinished.open("wb") as file:
            file.writelines(pieces)
        unfinished.replace(path)

    def names(self, prefix: str) -> Iterator[str]:
        top = self._folder / prefix.rpartition("/")[0]
        files = (path for path in top.rglob("*") if path.is_file() and not path.name.startswith("."))
        found = sorted(str(path.relative_to(self._folder)) for path in files)
        return (name for name in found if name.startswith(prefix))

    def delete(self, names: Iterable[str]) -> None:
        for name in list(names):
            (self._folder / name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece
