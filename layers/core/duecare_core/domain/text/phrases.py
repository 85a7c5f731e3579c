"""Finds phrases in a text, whatever separates their characters. A match is a rule and a span, never the text.

Phrases are searched in the squeezed skeleton of the text (`folding.skeleton_of`). Every quantifier of a pattern has a
limit, so that time grows only with the length of the text.
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

# A match of this length is no accident of letters that meet across a space. A shorter one must be whole words.
_LONG = 12
_STEM = 8  # a match of this length may end inside a word
_LATIN = frozenset("abcdefghijklmnopqrstuvwxyz")
_LETTERS_AND_DIGITS = re.compile(r"[^\W_]+")
_LONE_DIGIT = re.compile(r"\d(?<=[a-z].)(?=[a-z])")  # b 0 s s, which folding does not recognize as a word
_MAX_LOOK_BEHIND = 32
MAX_MATCHES_PER_TOPIC = 3  # more matches would not change the decision
_MAX_SEARCHED_WHOLE = 200  # characters; a longer text is searched only around the anchors
_MAX_LOOK_AHEAD = 16


class PhraseMatch(Struct, frozen=True):
    """A match: the rule's id, the reason that it is for, and the place as offsets into the original text."""

    rule: str
    code: ReasonCode
    start: int
    end: int


class Phrase(Struct, frozen=True, kw_only=True):
    """One rule.

    `anchors`: words of which every match contains one; the pattern is tried only if one of them occurs. `begins`: a
    pattern with which every match begins, which lets the search skip most places. A match is ignored if `unless_before`
    matches just before it or `unless` matches anywhere in the text. `words`: a match must begin and end with whole
    words, whatever its length. `longest`: the most characters that a match has.
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
    """A `Phrase`; white space in `pattern` is layout, and `anchors` are separated by it."""
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


Candidates = list[tuple[Phrase, list[str]]]


@cache
def compiled(pattern: str, begins: str = "") -> re.Pattern[str]:
    """Compiled on first use: most texts need few patterns, and a cold start none."""
    return re.compile(skeleton_pattern(f"(?={begins})(?:{pattern})" if begins else pattern), re.VERBOSE)


class Phrases:
    """Rules that are searched together, indexed by the beginning of their anchors: one character, or two of ASCII."""

    def __init__(self, rules: Iterable[Phrase]) -> None:
        self.rules = tuple(rules)
        self._by_beginning: dict[str, list[tuple[str, int]]] = {}
        for at, rule in enumerate(self.rules):
            for anchor in rule.anchors:
                beginning = anchor[:2] if anchor[:2].isascii() else anchor[0]
                self._by_beginning.setdefault(beginning, []).append((anchor, at))
        self._beginnings = frozenset(self._by_beginning)

    def candidates(self, text: SearchableText) -> Candidates:
        """The rules with an anchor in this text, in their order, each with the anchors that occur; usually few."""
        occurring: dict[int, list[str]] = {}
        ascii_alone = text.chars.encode("ascii", "ignore").decode()
        pairs = map(add, ascii_alone, ascii_alone[1:])
        for beginning in self._beginnings.intersection(chain(text.chars, pairs)):
            for anchor, at in self._by_beginning[beginning]:
                if anchor in text.chars:
                    occurring.setdefault(at, []).append(anchor)
        return [(self.rules[at], occurring[at]) for at in sorted(occurring)]


class SearchableText(Struct, frozen=True):
    """A skeleton squeezed to its letters and digits. `offsets[i]`: the offset of `chars[i]` in the skeleton."""

    text: FoldedText
    chars: str
    offsets: list[int]

    def is_word_start(self, start: int) -> bool:
        """Whether a word starts here in the skeleton, which still has spaces and signs. So does `is_word_end`."""
        at = self.offsets[start]
        return at == 0 or self.text.chars[at] not in _LATIN or self.text.chars[at - 1] not in _LATIN

    def is_word_end(self, end: int) -> bool:
        at = self.offsets[end - 1]
        return self.text.chars[at] not in _LATIN or self.text.chars[at + 1 : at + 2] not in _LATIN

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Offsets of `chars[start:end]` in the original text."""
        return self.text.span(self.offsets[start], self.offsets[end - 1] + 1)


def searchable(text: FoldedText) -> SearchableText:
    """A skeleton, squeezed for the search of phrases."""
    pieces = list(_LETTERS_AND_DIGITS.finditer(text.chars))
    chars = _LONE_DIGIT.sub(_as_letter, "".join([piece[0] for piece in pieces]))
    offsets = list(chain.from_iterable([range(*piece.span()) for piece in pieces]))
    return SearchableText(text, chars, offsets)


def _as_letter(match: re.Match[str]) -> str:
    return match[0].translate(AS_LETTERS)


def find_matches(text: SearchableText, candidates: Candidates, code: ReasonCode) -> Iterator[PhraseMatch]:
    """The first match of each rule for this reason, at most `MAX_MATCHES_PER_TOPIC` of one topic."""
    found: dict[str, int] = {}
    for rule, anchors in candidates:
        if rule.code != code:
            continue
        topic = rule.rule.partition(".")[0]
        if found.get(topic, 0) == MAX_MATCHES_PER_TOPIC or (rule.unless and compiled(rule.unless).search(text.chars)):
            continue
        for start, end in _search_ranges(rule, text.chars, anchors):
            if match := _first_match(rule, text, start, end):
                found[topic] = found.get(topic, 0) + 1
                yield PhraseMatch(rule.rule, rule.code, *text.span(*match))
                break


def _first_match(rule: Phrase, text: SearchableText, start: int, end: int) -> tuple[int, int] | None:
    pattern = compiled(rule.pattern, rule.begins)
    while match := pattern.search(text.chars, start, end):
        match_end = _match_end(rule, match, text)
        if match_end is not None:
            return match.start(), match_end
        start = match.start() + 1  # a match that is ignored may overlap one that is not
    return None


def _search_ranges(rule: Phrase, chars: str, anchors: list[str]) -> Iterator[tuple[int, int]]:
    """The ranges in which a match can be: around the anchors, as far as a match and its look-ahead reach."""
    if len(chars) <= _MAX_SEARCHED_WHOLE:
        yield 0, len(chars)
        return
    found = sorted([place for anchor in anchors for place in _occurrences(anchor, chars)])
    start = end = 0
    for anchor_start, anchor_end in found:
        if anchor_end - rule.longest > end:
            if end:
                yield start, end
            start = anchor_end - rule.longest
        end = anchor_start + rule.longest + _MAX_LOOK_AHEAD
    yield start, end


def _occurrences(anchor: str, chars: str) -> Iterator[tuple[int, int]]:
    at = chars.find(anchor)
    while at >= 0:
        yield at, at + len(anchor)
        at = chars.find(anchor, at + 1)


def _match_end(rule: Phrase, match: re.Match[str], text: SearchableText) -> int | None:
    """The end of the match, or None if the match is ignored."""
    start, end = match.span()
    before = match.string[max(0, start - _MAX_LOOK_BEHIND) : start]
    if start == end or (rule.unless_before and compiled(rule.unless_before).search(before)):
        return None
    if end - start >= _LONG and not rule.words:
        return end
    if not text.is_word_start(start):
        return None
    if text.is_word_end(end) or (end - start >= _STEM and not rule.words):
        return end
    # The pattern may have taken a letter of the next word for an ending: "loser so" as "losers o".
    shorter = (at for at in range(end - 1, max(start, end - 4), -1) if text.is_word_end(at))
    return next((at for at in shorter if compiled(rule.pattern, rule.begins).fullmatch(match.string, start, at)), None)
