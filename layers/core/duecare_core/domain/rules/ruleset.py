"""The rules that a decision applies: a pack of contact rules, and how long an answer is valid."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from duecare_core.domain.rules.pack import Pack
from duecare_core.domain.rules.rule_types import ReplyWords
from duecare_core.domain.text.reader import condense


class Rules(Struct, frozen=True, kw_only=True):
    """One version of the rules. `answer_validity`: the longest time for which an answer is valid (`valid_until`)."""

    pack: Pack
    answer_validity: timedelta = timedelta(seconds=120)

    @property
    def version(self) -> str:
        return self.pack.version

    @property
    def digest(self) -> str:
        """`sha256:` of the pack's RFC 8785 bytes."""
        return self.pack.digest

    def stop_words(self, at: datetime) -> frozenset[str]:
        """The condensed replies that stop messages, by the rows in force on this day (UTC)."""
        return _condensed(word for row in self._words(at) for word in row.stop)

    def start_words(self, at: datetime) -> frozenset[str]:
        """The condensed replies that lift a stop."""
        return _condensed(word for row in self._words(at) for word in row.start)

    def _words(self, at: datetime) -> list[ReplyWords]:
        """The rows of every country, because a number does not show in which language its holder says stop."""
        day = at.toordinal()
        return [row for row in self.pack.of_kind(ReplyWords) if row.span[0] <= day <= row.span[1]]


def _condensed(words: Iterable[str]) -> frozenset[str]:
    return frozenset(condense(word) for word in words)
