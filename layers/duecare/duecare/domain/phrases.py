"""Phrases found in a text, whatever stands between their characters; each finding is a rule and a span, never the text.

A phrase is looked for in the squeezed skeleton of the text (`folding.skeleton`). Patterns are bounded: no quantifier
without a limit, so that time grows with length only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain
from operator import add

from msgspec import Struct

from duecare.domain.folding import AS_LETTERS, Folded, skeleton_pattern

FORBIDDEN = "TEXT_FORBIDDEN"

# A phrase as long as this is no accident of letters that meet across a space; a shorter one must be whole words.
_LONG = 12
_STEM = 8  # of a phrase of this length the ending may differ
_LATIN = frozenset("abcdefghijklmnopqrstuvwxyz")
_LONE_DIGIT = re.compile(r"(?<=[a-z])\d(?=[a-z])")  # b 0 s s, where the folding of words does not see a word
_BEFORE = 32
_GRAM = 3


class Finding(Struct, frozen=True):
    """What a rule found: its id, the reason it is for, and where, as offsets into the original text."""

    rule: str
    code: str
    start: int
    end: int


class Phrase(Struct, frozen=True, kw_only=True):
    """One rule. `pattern` is tried only where one of `anchors` (words of which every match has at least one) occurs.
    A match does not count where `unless_before` matches just before it, or `unless` anywhere in the text. `words`: it
    must begin and end with whole words, however long it is.
    """

    rule: str
    code: str
    anchors: tuple[str, ...]
    pattern: str
    unless_before: str | None = None
    unless: str | None = None
    words: bool = False


def phrase(
    rule: str,
    code: str,
    anchors: str,
    pattern: str,
    *,
    unless_before: str | None = None,
    unless: str | None = None,
    words: bool = False,
) -> Phrase:
    """A rule from its words; white space in a pattern is layout."""
    return Phrase(
        rule=rule,
        code=code,
        anchors=tuple(skeleton_pattern(anchors).split()),
        pattern=pattern,
        unless_before=f"(?:{unless_before})$" if unless_before else None,
        unless=unless,
        words=words,
    )


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Compiled when a text first needs it: most texts need few, and a cold start none."""
    return re.compile(skeleton_pattern(pattern), re.VERBOSE)


class Phrases:
    """Rules that are looked for together, found by the first characters of their anchors."""

    def __init__(self, rules: Iterable[Phrase]) -> None:
        self.rules = tuple(rules)
        self._by_gram: dict[str, list[tuple[str, int]]] = {}
        for at, rule in enumerate(self.rules):
            for anchor in rule.anchors:
                self._by_gram.setdefault(anchor[:_GRAM], []).append((anchor, at))
        self._grams = frozenset(self._by_gram)

    def to_try(self, text: Searched) -> list[Phrase]:
        """The rules of which an anchor occurs, in their order: few, in most texts."""
        tried: set[int] = set()
        for gram in self._grams & text.grams:
            for anchor, at in self._by_gram[gram]:
                if at not in tried and anchor in text.chars:
                    tried.add(at)
        return [self.rules[at] for at in sorted(tried)]


class Searched(Struct, frozen=True):
    """A skeleton squeezed to its letters and digits, `kept[i]` being where the character `chars[i]` stands in it.

    `grams` are its characters, and its pairs and triples of characters.
    """

    text: Folded
    chars: str
    kept: list[int]
    grams: frozenset[str]

    def is_word_start(self, start: int) -> bool:
        """In the skeleton, where spaces and signs still stand; the same holds for `is_word_end`."""
        at = self.kept[start]
        return at == 0 or self.text.chars[at] not in _LATIN or self.text.chars[at - 1] not in _LATIN

    def is_word_end(self, end: int) -> bool:
        at = self.kept[end - 1]
        return self.text.chars[at] not in _LATIN or self.text.chars[at + 1 : at + 2] not in _LATIN

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Offsets of `chars[start:end]` in the original text."""
        return self.text.span(self.kept[start], self.kept[end - 1] + 1)


def searched(text: Folded) -> Searched:
    """A skeleton made ready for phrases."""
    kept = [at for at, char in enumerate(text.chars) if char.isalnum()]
    chars = _LONE_DIGIT.sub(_as_letter, "".join([text.chars[at] for at in kept]))
    pairs = list(map(add, chars, chars[1:]))
    return Searched(text, chars, kept, frozenset(chain(chars, pairs, map(add, pairs, chars[2:]))))


def _as_letter(match: re.Match[str]) -> str:
    return match[0].translate(AS_LETTERS)


def find(text: Searched, phrases: Phrases) -> Iterator[Finding]:
    """The first match of each phrase that counts."""
    for rule in phrases.to_try(text):
        if rule.unless and compiled(rule.unless).search(text.chars):
            continue
        pattern, at = compiled(rule.pattern), 0
        while match := pattern.search(text.chars, at):
            end = _end(rule, match, text)
            if end is not None:
                yield Finding(rule.rule, rule.code, *text.span(match.start(), end))
                break
            at = match.start() + 1  # what does not count may overlap what does


def _end(rule: Phrase, match: re.Match[str], text: Searched) -> int | None:
    """Where the match ends, or None where it does not count."""
    start, end = match.span()
    before = match.string[max(0, start - _BEFORE) : start]
    if start == end or (rule.unless_before and compiled(rule.unless_before).search(before)):
        return None
    if end - start >= _LONG and not rule.words:
        return end
    if not text.is_word_start(start):
        return None
    if text.is_word_end(end) or (end - start >= _STEM and not rule.words):
        return end
    # A letter of the next word may have been taken for an ending: "loser so" for "losers o".
    shorter = (at for at in range(end - 1, max(start, end - 4), -1) if text.is_word_end(at))
    return next((at for at in shorter if compiled(rule.pattern).fullmatch(match.string, start, at)), None)
