"""A table in memory that does something between two calls of a use case, as another process would."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from duecare.ports import Document, Situation
from duecare_core.errors import StoreFailed, VersionConflict
from tests.support.memory import MemoryTable

Act = Callable[[], Any]


class Interrupted(MemoryTable):
    """`before_load`, `before_commit`: what happens before the call of that number, counted from when it was set: 1 for
    the next one. `loads`, `commits`: how many calls there were since."""

    def __init__(self) -> None:
        super().__init__()
        self._acts: dict[tuple[str, int], Act] = {}
        self.loads = self.commits = 0
        self._acting = False

    def before_load(self, number: int, act: Act) -> None:
        self.loads = 0
        self._acts["load", number] = act

    def before_commit(self, number: int, act: Act) -> None:
        self.commits = 0
        self._acts["commit", number] = act

    def load(self, pks: Sequence[str], keys: Sequence[Any], meanwhile: Callable[[], None] | None = None) -> Situation:
        if not self._acting:
            self.loads += 1
            self._act("load", self.loads)
        return super().load(pks, keys, meanwhile)

    def commit(self, documents: Sequence[Document]) -> None:
        self._before_commit()
        super().commit(documents)

    def commit_each(self, groups: Sequence[Sequence[Document]]) -> list[VersionConflict | StoreFailed | None]:
        self._before_commit()
        return [self._committed_group(group) for group in groups]

    def _committed_group(self, group: Sequence[Document]) -> VersionConflict | None:
        try:
            MemoryTable.commit(self, group)
        except VersionConflict as stale:
            return stale
        return None

    def _before_commit(self) -> None:
        if not self._acting:
            self.commits += 1
            self._act("commit", self.commits)

    def _act(self, call: str, number: int) -> None:
        act = self._acts.pop((call, number), None)
        if act:
            self._acting = True
            act()
            self._acting = False


class CountingReader:
    """`DocumentReader` that counts its reads."""

    def __init__(self, table: MemoryTable) -> None:
        self._table = table
        self.reads = 0

    def get(self, keys: Iterable[Any]) -> dict[Any, Document]:
        self.reads += 1
        return self._table.get(keys)
