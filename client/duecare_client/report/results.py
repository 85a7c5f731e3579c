"""The result of a check in both languages.

The checks speak English. A sentence of theirs that the catalogue knows is shown in Chinese with the same values; for
any other sentence, the Chinese column says only whether the check passed, and the English sentence follows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from duecare_client.messages import Words, both, label
from duecare_client.messages.en import TEXTS
from duecare_core.evidence.casefile.bundle import Check

_PLACEHOLDER = re.compile(r"\\\{([a-z]+)\\\}")


def result(check: Check) -> tuple[Words, bool]:
    """The result, and whether the Chinese says all that the English says."""
    if check.other_engine:
        return Words(both("check.any.other_engine").zh, check.detail), False
    state = "passed" if check.ok else "failed"
    parts = [_known(state, part) for part in check.detail.split("; ")]
    known = parts if all(parts) else [_known(state, check.detail)]  # some names have a semicolon
    if all(known):
        found = [one for one in known if one]
        return Words("；".join(one.zh for one in found), check.detail), True
    general = label("check", f"{check.name}.{state}") or both(f"check.any.{state}")
    return Words(general.zh, check.detail), False


def _known(state: str, sentence: str) -> Words | None:
    """The sentence in both languages. A sentence about a failed check never becomes one about a passed check."""
    for key, pattern in _patterns(state):
        if found := pattern.fullmatch(sentence):
            values = found.groupdict()
            zh = {name: _listed(state, value) if name == "places" else value for name, value in values.items()}
            return Words(both(key, **zh).zh, sentence)
    return None


def _listed(state: str, places: str) -> str:
    """The places in chains, in Chinese."""
    known = [_known(state, one) for one in places.split(", ")]
    return "、".join(one.zh for one in known if one) if all(known) else places


@cache
def _patterns(state: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The sentences of the English catalogue as patterns, the longest first."""

    def compiled() -> Iterator[tuple[str, re.Pattern[str]]]:
        for key, text in sorted(TEXTS.items(), key=lambda one: -len(one[1])):
            if key.startswith(f"{state}."):
                yield key, re.compile(_PLACEHOLDER.sub(r"(?P<\1>.+?)", re.escape(text)), re.DOTALL)

    return tuple(compiled())
