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
from typing import Final

from msgspec import Struct

from duecare_core.domain.fields import ReasonCode
from duecare_core.domain.text.folding import AS_LETTERS, FoldedText, skeleton_pattern

FORBIDDEN: Final = "TEXT_FORBIDDEN"

# A phrase as long as this is no accident of letters that meet across a space; a shorter one must be whole words.
_LONG = 12
_STEM = 8  # of a phrase of this length the ending may differ
_LATIN = frozenset("abcdefghijklmnopqrstuvwxyz")
_LETTERS_AND_DIGITS = re.compile(r"[^\W_]+")
_LONE_DIGIT = re.compile(r"\d(?<=[a-z].)(?=[a-z])")  # b 0 s s, where the folding of words does not see a word
_BEFORE = 32
MAX_MATCHES_PER_TOPIC = 3  # a text that says so much of one kind is held back for it, whatever else it says
_SHORT = 200  # a text of so many characters is searched as a whole
_LOOKS_AHEAD = 16


class PhraseMatch(Struct, frozen=True):
    """What a rule found: its id, the reason it is for, and where, as offsets into the original text."""

    rule: str
    code: ReasonCode
    start: int
    end: int


class Phrase(Struct, frozen=True, kw_only=True):
    """One rule. `pattern` is tried only where one of `anchors` (words of which every match has at least one) occurs.
    A match does not count where `unless_before` matches just before it, or `unless` anywhere in the text. `words`: it
    must begin and end with whole words, however long it is. `longest`: no match has more characters. `begins`: what
    every match begins with, so that most places of a text are passed over before the pattern is tried there.
    """

    rule: str
    code: ReasonCode
    anchors: tuple[str, ...]
    pattern: str
    begins: str = ""
    unless_before: str | None = None
    unless: str | None = None
    words: bool = False
    longest: int = 16


def phrase(  # noqa: PLR0913
    rule: str,
    code: ReasonCode,
    anchors: str,
    pattern: str,
    *,
    begins: str = "",
    unless_before: str | None = None,
    unless: str | None = None,
    words: bool = False,
    longest: int = 16,
) -> Phrase:
    """A rule from its words; white space in a pattern is layout."""
    return Phrase(
        rule=rule,
        code=code,
        anchors=tuple(skeleton_pattern(anchors).split()),
        pattern=pattern,
        begins=begins,
        unless_before=f"(?:{unless_before})$" if unless_before else None,
        unless=unless,
        words=words,
        longest=longest,
    )


ToTry = list[tuple[Phrase, list[str]]]


@cache
def compiled(pattern: str, begins: str = "") -> re.Pattern[str]:
    """Compiled when a text first needs it: most texts need few, and a cold start none."""
    return re.compile(skeleton_pattern(f"(?={begins})(?:{pattern})" if begins else pattern), re.VERBOSE)


class Phrases:
    """Rules that are looked for together, found by what their anchors begin with: a character, or two of ASCII."""

    def __init__(self, rules: Iterable[Phrase]) -> None:
        self.rules = tuple(rules)
        self._by_beginning: dict[str, list[tuple[str, int]]] = {}
        for at, rule in enumerate(self.rules):
            for anchor in rule.anchors:
                beginning = anchor[:2] if anchor[:2].isascii() else anchor[0]
                self._by_beginning.setdefault(beginning, []).append((anchor, at))
        self._beginnings = frozenset(self._by_beginning)

    def to_try(self, text: SearchableText) -> ToTry:
        """The rules of which an anchor occurs, in their order, each with those that do: few, in most texts."""
        occurring: dict[int, list[str]] = {}
        ascii_alone = text.chars.encode("ascii", "ignore").decode()
        pairs = map(add, ascii_alone, ascii_alone[1:])
        for beginning in self._beginnings.intersection(chain(text.chars, pairs)):
            for anchor, at in self._by_beginning[beginning]:
                if anchor in text.chars:
                    occurring.setdefault(at, []).append(anchor)
        return [(self.rules[at], occurring[at]) for at in sorted(occurring)]


class SearchableText(Struct, frozen=True):
    """A skeleton squeezed to its letters and digits, `kept[i]` being where the character `chars[i]` stands in it."""

    text: FoldedText
    chars: str
    kept: list[int]

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


def searchable(text: FoldedText) -> SearchableText:
    """A skeleton made ready for phrases."""
    pieces = list(_LETTERS_AND_DIGITS.finditer(text.chars))
    chars = _LONE_DIGIT.sub(_as_letter, "".join([piece[0] for piece in pieces]))
    kept = list(chain.from_iterable([range(*piece.span()) for piece in pieces]))
    return SearchableText(text, chars, kept)


def _as_letter(match: re.Match[str]) -> str:
    return match[0].translate(AS_LETTERS)


def find_matches(text: SearchableText, to_try: ToTry, code: ReasonCode) -> Iterator[PhraseMatch]:
    """The first match of each phrase for this reason that counts; of a topic with so many, no more."""
    found: dict[str, int] = {}
    for rule, anchors in to_try:
        if rule.code != code:
            continue
        topic = rule.rule.partition(".")[0]
        if found.get(topic, 0) == MAX_MATCHES_PER_TOPIC or (rule.unless and compiled(rule.unless).search(text.chars)):
            continue
        for start, end in _stretches(rule, text.chars, anchors):
            if match := _first(rule, text, start, end):
                found[topic] = found.get(topic, 0) + 1
                yield PhraseMatch(rule.rule, rule.code, *text.span(*match))
                break


def _first(rule: Phrase, text: SearchableText, start: int, end: int) -> tuple[int, int] | None:
    pattern = compiled(rule.pattern, rule.begins)
    while match := pattern.search(text.chars, start, end):
        match_end = _end(rule, match, text)
        if match_end is not None:
            return match.start(), match_end
        start = match.start() + 1  # what does not count may overlap what does
    return None


def _stretches(rule: Phrase, chars: str, anchors: list[str]) -> Iterator[tuple[int, int]]:
    """Where in a long text a match can be: around the anchors, as far as a match and what it looks ahead to reach."""
    if len(chars) <= _SHORT:
        yield 0, len(chars)
        return
    places = sorted([place for anchor in anchors for place in _places(anchor, chars)])
    start = end = 0
    for anchor_start, anchor_end in places:
        if anchor_end - rule.longest > end:
            if end:
                yield start, end
            start = anchor_end - rule.longest
        end = anchor_start + rule.longest + _LOOKS_AHEAD
    yield start, end


def _places(anchor: str, chars: str) -> Iterator[tuple[int, int]]:
    at = chars.find(anchor)
    while at >= 0:
        yield at, at + len(anchor)
        at = chars.find(anchor, at + 1)


def _end(rule: Phrase, match: re.Match[str], text: SearchableText) -> int | None:
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
    return next((at for at in shorter if compiled(rule.pattern, rule.begins).fullmatch(match.string, start, at)), None)
