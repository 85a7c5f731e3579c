"""Phrases found in a text, whatever stands between their characters; each finding is a rule and a span, never the text.

A phrase is looked for in the squeezed text (folded letters and digits, `folding.squeeze`). Patterns are bounded: no
quantifier without a limit, so that time grows with length only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from msgspec import Struct

from duecare.domain.folding import Folded

FORBIDDEN = "TEXT_FORBIDDEN"

# A phrase as long as this is no accident of letters that meet across a space; a shorter one must be whole words.
_LONG = 12
_LATIN = frozenset("abcdefghijklmnopqrstuvwxyz")


class Finding(Struct, frozen=True):
    """What a rule found: its id, the reason it is for, and where, as offsets into the original text."""

    rule: str
    code: str
    start: int
    end: int


class Phrase(Struct, frozen=True, kw_only=True):
    """One rule. `pattern` is tried only where one of `anchors` (the first three characters of words of which a match
    has at least one) occurs; a match does not count where `unless_before`
    matches just before it, or `unless` anywhere in the text."""

    rule: str
    code: str
    anchors: frozenset[str]
    pattern: re.Pattern[str]
    unless_before: re.Pattern[str] | None = None
    unless: re.Pattern[str] | None = None


def phrase(
    rule: str, code: str, anchors: str, pattern: str, *, unless_before: str | None = None, unless: str | None = None
) -> Phrase:
    """A rule from its words; white space in a pattern is layout."""
    return Phrase(
        rule=rule,
        code=code,
        anchors=frozenset(word[:3] for word in anchors.split()),
        pattern=re.compile(pattern, re.VERBOSE),
        unless_before=re.compile(f"(?:{unless_before})$", re.VERBOSE) if unless_before else None,
        unless=re.compile(unless, re.VERBOSE) if unless else None,
    )


class Searched(Struct, frozen=True):
    """A text made ready for phrases: squeezed, and where its Latin words begin and end."""

    squeezed: Folded
    grams: frozenset[str]
    starts: frozenset[int]
    ends: frozenset[int]


def searched(folded: Folded, squeezed: Folded) -> Searched:
    """Word boundaries are those of the folded text, in which spaces and signs still stand."""
    starts, ends, at, inside = set(), set(), 0, False
    for char in folded.chars:
        if char.isalnum():
            letter = char in _LATIN
            if letter and not inside:
                starts.add(at)
            if inside and not letter:
                ends.add(at)
            inside = letter
            at += 1
        elif inside:
            ends.add(at)
            inside = False
    ends.add(at)
    chars = squeezed.chars
    pairs = [a + b for a, b in pairwise(chars)]
    grams = frozenset((*chars, *pairs, *(pair + c for pair, c in zip(pairs, chars[2:], strict=False))))
    return Searched(squeezed, grams, frozenset(starts), frozenset(ends))


def find(text: Searched, phrases: Iterable[Phrase]) -> Iterator[Finding]:
    """The first match of each phrase that counts."""
    chars = text.squeezed.chars
    for rule in phrases:
        if rule.anchors.isdisjoint(text.grams):
            continue
        if rule.unless and rule.unless.search(chars):
            continue
        for match in rule.pattern.finditer(chars):
            if match.end() > match.start() and _counts(rule, match, text):
                yield Finding(rule.rule, rule.code, *text.squeezed.span(*match.span()))
                break


def _counts(rule: Phrase, match: re.Match[str], text: Searched) -> bool:
    start, end = match.span()
    if rule.unless_before and rule.unless_before.search(match.string[max(0, start - 16) : start]):
        return False
    if end - start >= _LONG:
        return True
    begins = match.string[start] not in _LATIN or start in text.starts
    finishes = match.string[end - 1] not in _LATIN or end in text.ends
    return begins and finishes


_LEET = re.compile(r"[a-z][@$!0134578]{1,3}[a-z]|(?<![a-z0-9])[@$!0134578]{1,2}[a-z]{3}")
_LEET_LETTERS = (str.maketrans("@$!0134578", "asioleastb"), str.maketrans("@$!0134578", "asioieastb"))


def unleet(folded: Folded) -> list[Folded]:
    """The folded text with digits and signs inside words read as the letters they stand for; 1 is an l or an i."""
    if not _LEET.search(folded.chars):
        return []
    return [Folded(folded.chars.translate(letters), folded.at) for letters in _LEET_LETTERS]
