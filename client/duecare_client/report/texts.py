"""Texts as a page about a case file shows them: the number masked, what cannot be seen spelled out, findings marked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import phonenumbers
from markupsafe import Markup, escape

_SEEN = frozenset("\n\t")
# Beside the categories of controls: letters that show nothing at all.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_UNSEEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_HIDDEN_AT_LEAST = 4
_CHINESE = re.compile("[\u201c\u201d\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")


def spelled(text: str) -> str | Markup:
    """With controls and invisible characters as their code points: on the page a text says what it says, in the order
    in which it says it."""
    if not any(map(_is_unseen, text)):
        return text
    parts = (_code_point(char) if _is_unseen(char) else escape(char) for char in text)
    return Markup("").join(parts)


def _is_unseen(char: str) -> bool:
    return char not in _SEEN and (char in _BLANK or unicodedata.category(char) in _UNSEEN)


def _code_point(char: str) -> Markup:
    return Markup('<span class="unseen">U+{}</span>').format(f"{ord(char):04X}")


_FULL_WIDTH = {ord(char): ord(char) + 0xFEE0 for char in ",:;?!()"}


def chinese(text: str) -> str:
    """A sentence of the page with the full-width punctuation that Chinese is printed with. Only for words of ours: what
    others wrote is shown as they wrote it."""
    set_in = [*text]
    for place, char in enumerate(text):
        beside = "".join(set_in[max(0, place - 1) : place] + set_in[place + 1 : place + 2])
        if ord(char) in _FULL_WIDTH and _CHINESE.search(beside):
            set_in[place] = char.translate(_FULL_WIDTH)
    return "".join(set_in)


class Mask:
    """Hides the middle of a number, also where a text has it without its country code, with gaps, or in full-width
    digits. What comes out is as long as what went in, so that offsets stay what they are."""

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
        if self._found is None:  # no number that there is: nothing of it is shown
            return text.replace(self._whole, "*" * len(self._whole)) if self._whole else text
        return self._found.sub(self._hide, text)

    def _hide(self, match: re.Match[str]) -> str:
        places = [place for place, char in enumerate(match[0]) if char.isdecimal()]
        hidden = set(places[self._head : len(places) - self._tail])
        return "".join("*" if place in hidden else char for place, char in enumerate(match[0]))


def _code_length(digits: str) -> int:
    """Of the country code (ITU-T E.164: no code is the beginning of another)."""
    codes = phonenumbers.COUNTRY_CODE_TO_REGION_CODE
    lengths = (length for length in (1, 2, 3) if digits[:length].isdecimal() and int(digits[:length]) in codes)
    return next(lengths, 0)


class Span(NamedTuple):
    """Where in the text a finding is: offsets of characters, the end exclusive."""

    number: int
    start: int
    end: int


class Piece(NamedTuple):
    """A stretch of the text that the same findings mark; `ends`: those that end with it."""

    text: str
    numbers: tuple[int, ...]
    ends: tuple[int, ...]


def pieces(text: str, spans: Iterable[Span]) -> tuple[Piece, ...]:
    """The text cut wherever a finding begins or ends. Findings may overlap."""
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
