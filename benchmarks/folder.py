"""`Files`, `LogFiles` and `Archive` in a folder, so that what a benchmark's files hold is nobody's memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote

from duecare.errors import NotFound
from duecare.ports import Target

PIECE = 256 * 1024


class FolderFiles:
    """Each object is a file under its name. Nobody outside may put or read anything: there are no links."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def adopt(self, name: str, path: Path) -> None:
        """An object that is a file which is there already, without copying it."""
        os.link(path, self._place(name))

    def target(self, name: str, *, content_type: str, sha256: str, size: int | None, seconds: int) -> Target:
        return Target(f"file:{name}", {"content-type": content_type})

    def link(self, name: str, seconds: int) -> str:
        return f"file:{name}"

    def read(self, name: str) -> Iterator[bytes]:
        try:
            file = (self._folder / name).open("rb")
        except FileNotFoundError:
            raise NotFound("There is no such object.", name="no-object") from None
        return _pieces(file)

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        place = self._place(name)
        unfinished = place.with_name(f".{place.name}.{os.getpid()}")
        with unfinished.open("wb") as file:
            file.writelines(pieces)
        unfinished.replace(place)

    def names(self, prefix: str) -> Iterator[str]:
        top = self._folder / prefix.rpartition("/")[0]
        files = (path for path in top.rglob("*") if path.is_file() and not path.name.startswith("."))
        found = sorted(str(path.relative_to(self._folder)) for path in files)
        return (name for name in found if name.startswith(prefix))

    def delete(self, names: Iterable[str]) -> None:
        for name in list(names):
            (self._folder / name).unlink(missing_ok=True)

    def _place(self, name: str) -> Path:
        place = self._folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        return place


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece


class FolderLogFiles:
    """`LogFiles` in a folder. One process writes there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = FolderFiles(folder)

    def read(self, name: str) -> bytes | None:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, objects: Mapping[str, bytes]) -> None:
        for name, data in objects.items():
            self._files.write(name, [data])

    def publish(self, name: str, data: bytes, replaces: bytes | None) -> bool:
        if self.read(name) != replaces:
            return False
        self._files.write(name, [data])
        return True

    def delete(self, name: str) -> None:
        self._files.delete([name])


class FolderArchive:
    """`Archive` in a folder, without its locks. Names are as flat as S3's: no copy costs a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True)

    def keep(self, objects: Mapping[str, bytes], until: datetime) -> None:
        for name, data in objects.items():
            self._place(name).write_bytes(data)

    def read(self, name: str) -> bytes:
        try:
            return self._place(name).read_bytes()
        except FileNotFoundError:
            raise NotFound("There is no such object.", name="no-object") from None

    def names(self, prefix: str) -> Iterator[str]:
        found = sorted(unquote(path.name) for path in self._folder.iterdir())
        return (name for name in found if name.startswith(prefix))

    def kept_at(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        for name in self.names(prefix):
            yield name, datetime.fromtimestamp(self._place(name).stat().st_mtime, UTC)

    def erase(self, names: Iterable[str]) -> None:
        for name in names:
            self._place(name).unlink(missing_ok=True)

    def _place(self, name: str) -> Path:
        return self._folder / quote(name, safe="")
