"""Signs that a text is one part of a longer message.

A threat that is cut in two is in neither part, so a message must be judged whole, before it is split. A part lacks the
sender's name or the way to opt out, and is denied for that; the signs say why. A clear number at an end of the text,
such as (1/2) or 第1条/共2条, denies a part that has both.
"""

from __future__ import annotations

import re
from bisect import bisect_left

from duecare_core.domain.text.folding import FoldedText

MAX_PARTS = 20
_DIGITS = r"[1-9][0-9]?|[一二三四五六七八九十]"
_OF = r"\s?(?:[/|⁄∕]|of|之)\s?"
_UNIT = r"\s?(?:条|则|段|页|部分)"
_GAP = r"[\s,、/|;]{0,3}[(\[]?\s?"
_WORD = r"(?:part|pt|msg|sms|text)\.?\s?"
# These mean nothing else, wherever they are.
_COUNTED = re.compile(rf"第\s?({_DIGITS}){_UNIT}{_GAP}共\s?({_DIGITS}){_UNIT}")
_COUNTED_BACKWARDS = re.compile(rf"共\s?({_DIGITS}){_UNIT}{_GAP}第\s?({_DIGITS}){_UNIT}")
# These do at an end of the text: (1/2), [1/2], part 1 of 2.
_BRACKETED = rf"[(\[{{<【〔〈《「]\s?(?:{_WORD})?({_DIGITS}){_OF}({_DIGITS})\s?[)\]}}>】〕〉》」]"
_NAMED = rf"{_WORD}({_DIGITS}){_OF}({_DIGITS})"
_AT_START = tuple(re.compile(rf"\s*{form}") for form in (_BRACKETED, _NAMED))
_AT_END = tuple(re.compile(rf"{form}[\s.,:;。!“”-]*\Z") for form in (_BRACKETED, _NAMED))
_NUMERALS = {numeral: value for value, numeral in enumerate("一二三四五六七八九十", 1)}
_BETWEEN = ("/", "of", "|", "⁄", "∕", "之")  # the signs of `_OF`
_END = 40  # characters before the end in which a number at the end begins
# This may be a date or a fraction as well.
_BARE = re.compile(r"\s*([1-9])\s?[/／]\s?([1-9])(?![0-9/／])|(?<![0-9/／.])([1-9])\s?[/／]\s?([1-9])\s*\Z")
_CONTINUES = re.compile(r"\s*[a-z,,、。.;;::!!??…))」』》%]")
_BREAKS_OFF = re.compile(r"(?:[,,、(([「『《:;;/&+-]|…|\.\.)\s*\Z")


def find_number(folded: FoldedText, first: int, last: int) -> tuple[int, int] | None:
    """The place of a clear number of a part, as offsets into the original text. `first` and `last`: where the text
    without its sender tag and opt-out wording begins and ends, as such offsets."""
    chars = folded.chars
    if "共" in chars and "第" in chars:
        for counted, order in ((_COUNTED, 1), (_COUNTED_BACKWARDS, -1)):
            match = counted.search(chars)
            if match and _is_count(*match.groups()[::order]):
                return folded.span(*match.span())
    if not any(sign in chars for sign in _BETWEEN):
        return None
    start, end = bisect_left(folded.at, first), bisect_left(folded.at, last)
    found = [form.match(chars, at) for at in (0, start) for form in _AT_START]
    found += [form.search(chars, max(0, at - _END), at) for at in (end, len(chars)) for form in _AT_END]
    return next((folded.span(*match.span()) for match in found if match and _is_count(*match.groups())), None)


def _is_count(part: str, parts: str) -> bool:
    """Whether it counts parts: the second of two, and not the fifth of four."""
    return 2 <= _value(parts) <= MAX_PARTS and _value(part) <= _value(parts)


def _value(text: str) -> int:
    return _NUMERALS.get(text) or int(text)


def find_bare_number(text: str) -> tuple[int, int] | None:
    """The place of a number such as 1/2 at an end of the text, which may be a date as well."""
    for match in _BARE.finditer(text):
        part, parts = (group for group in match.groups() if group)
        if _is_count(part, parts):
            return match.span()
    return None


def looks_cut(text: str) -> bool:
    """Whether a text begins within a sentence, or breaks off in one."""
    return bool(_CONTINUES.match(text) or _BREAKS_OFF.search(text[-8:]))
