"""Prepares texts for the page: masks the number, spells out invisible characters, cuts the text at findings."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import phonenumbers
from markupsafe import Markup, escape

_VISIBLE = frozenset("\n\t")
# Invisible characters that are not in a category of control characters.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_HIDDEN_AT_LEAST = 4
_CHINESE = re.compile("[\u201c\u201d\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")


def spelled(text: str) -> str | Markup:
    """The text with control and invisible characters as code points, so that the page cannot hide or reorder words."""
    if not any(map(_is_invisible, text)):
        return text
    parts = (_code_point(char) if _is_invisible(char) else escape(char) for char in text)
    return Markup("").join(parts)


def _is_invisible(char: str) -> bool:
    return char not in _VISIBLE and (char in _BLANK or unicodedata.category(char) in _INVISIBLE_CATEGORIES)


def _code_point(char: str) -> Markup:
    return Markup('<span class="unseen">U+{}</span>').format(f"{ord(char):04X}")


_FULL_WIDTH = {ord(char): ord(char) + 0xFEE0 for char in ",:;?!()"}


def chinese(text: str) -> str:
    """A sentence of the catalogue with full-width punctuation, as Chinese is printed. Text from others is shown
    unchanged."""
    characters = [*text]
    for position, char in enumerate(text):
        neighbours = "".join(characters[max(0, position - 1) : position] + characters[position + 1 : position + 2])
        if ord(char) in _FULL_WIDTH and _CHINESE.search(neighbours):
            characters[position] = char.translate(_FULL_WIDTH)
    return "".join(characters)


class Mask:
    """Hides the middle of a number, also if a text has it without its country code, with gaps, or in full-width digits.
    The length of the text does not change, so offsets stay valid."""

    def __init__(self, number: str) -> None:
        digits = number.removeprefix("+")
        national = digits[_code_length(digits) :]
        self._tail = min(4, max(0, len(national) - _HIDDEN_AT_LEAST))
        self._head = min(3, max(0, len(national) - self._tail - _HIDDEN_AT_LEAST))
        gap = r"[^\w]{0,2}"
        found = gap.join(f"[{digit}{chr(ord('0') + ord(digit) - 48 + 0xFEE0)}]" for digit in national)
        self._found = re.compile(found) if national.isdecimal() and national.isascii() else None
        self._whole = number

    def __call__(self, text: str) -> str:
        if self._found is None:  # not a telephone number: nothing of it is shown
            return text.replace(self._whole, "*" * len(self._whole)) if self._whole else text
        return self._found.sub(self._hide, text)

    def _hide(self, match: re.Match[str]) -> str:
        places = [place for place, char in enumerate(match[0]) if char.isdecimal()]
        hidden = set(places[self._head : len(places) - self._tail])
        return "".join("*" if place in hidden else char for place, char in enumerate(match[0]))


def _code_length(digits: str) -> int:
    """The length of the country code (ITU-T E.164: no code is a prefix of another)."""
    codes = phonenumbers.COUNTRY_CODE_TO_REGION_CODE
    lengths = (length for length in (1, 2, 3) if digits[:length].isdecimal() and int(digits[:length]) in codes)
    return next(lengths, 0)


class Span(NamedTuple):
    """The range of a finding in the text: offsets of characters, the end exclusive."""

    number: int
    start: int
    end: int


class Piece(NamedTuple):
    """A part of the text that the same findings mark; `ends`: the findings that end with it."""

    text: str
    numbers: tuple[int, ...]
    ends: tuple[int, ...]


def pieces(text: str, spans: Iterable[Span]) -> tuple[Piece, ...]:
    """The text, cut at every start and end of a finding. Findings may overlap."""
    spans = tuple(spans)
    cuts = sorted({0, len(text), *(cut for one in spans for cut in (one.start, one.end))})
    return tuple(
        Piece(
            text[start:end],
            tuple(one.number for one in spans if one.start <= start and end <= one.end),
            tuple(one.number for one in spans if one.end == end),
        )
        for start, end in pairwise(cuts)
    )
