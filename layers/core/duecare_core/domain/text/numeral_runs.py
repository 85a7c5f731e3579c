"""Finds the numerals of a text: runs of digits, Chinese numerals and English ones, also if they are disguised."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from msgspec import Struct

from duecare_core.domain.text.numerals import CHINESE, english_numbers, read_number


class NumeralRun(Struct, frozen=True):
    """One number as it is written. `certain`: no letter, sign or space among its digits leaves a doubt about it."""

    start: int
    end: int
    text: str
    certain: bool = True
    english: bool = False


# Letters that look like digits. A run of them starts after neither a letter nor a digit, so the search is linear.
_CONFUSED = re.compile(
    r"""[oil|\d¥$₹£€]  # one of these, followed by what makes it or its neighbour a digit
    (?:(?<=[oil|])[,.]?(?:\d|[oil|]\ ?[元块万])|(?<=\d)[,.]?[oil|]|(?<=[¥$₹£€])[oil|]{2})""",
    re.VERBOSE,
)
_LETTER = re.compile("[oil|]")  # a text without one has nothing to replace
_CONFUSABLE = re.compile(r"(?<![a-z\d,.])[oil|\d][oil|\d,.]*(?![a-z\d])")
_LETTERS_ALONE = re.compile(r"(?<=[¥$₹£€])[oil|]{2}[oil|,.]*(?![a-z])|(?<![a-z])[oil|][oil|,.]{1,20}(?= ?[元块万])")
_LETTERS, _DIGITS = frozenset("oil|"), frozenset("0123456789")
_AS_DIGITS = str.maketrans("oil|", "0111")


def read_letters_as_digits(text: str) -> tuple[str, frozenset[int]]:
    """The text with o, i, l and | inside numbers replaced by digits, and the offsets of these."""
    if not (_LETTER.search(text) and _CONFUSED.search(text)):
        return text, frozenset()
    runs = [m for m in _CONFUSABLE.finditer(text) if not (_LETTERS.isdisjoint(m[0]) or _DIGITS.isdisjoint(m[0]))]
    runs += _LETTERS_ALONE.finditer(text)
    chars = list(text)
    for run in runs:
        chars[run.start() : run.end()] = run[0].translate(_AS_DIGITS)
    return "".join(chars), frozenset(at for run in runs for at in range(*run.span()))


_RUN = re.compile(rf"[\d{CHINESE}](?:[ ,.'·]?[\d{CHINESE}])*")
# Single digits separated by signs: 2*7*9*1*1.
_SCATTERED = re.compile(r"\d(?<!\d\d)(?:[^\w\s,.:()。、]{1,2}\d(?!\d)){2,}")
_APPROXIMATE = re.compile(r"[数几好上](?:[十百千万亿]{1,2}(?=[元块])|(?<=[数几])[十百千]?[万亿])")
_SPELLED_OUT = (
    "hundred",
    "thousand",
    "lakh",
    "crore",
    "dollar",
    "rupee",
    "pound",
    "peso",
    "euro",
    "grand",
    "rs",
    "usd",
    "inr",
)
_TWO_LETTERS = re.compile("[a-z][a-z]")  # every word above has two
_UNITS = frozenset("十百千万亿拾佰仟")
# The words before an identifier. A space after such a number separates it from the next one.
_IDENTIFIER_BEFORE = re.compile(
    r"""(?:尾号|账号|账户|卡号?|编号|[订运]单|单号|借据|流水|号码?|合同|日期?|电话|热线|致电|[*\#]|(?<=\d)[/:.-]
    |(?<![a-z])(?:no\.?|ref(?:erence)?\.?|acct?|account|a/c|ending(?:\ in)?
    |id|call|tel|on|loan|card|invoice|bill|order|case|file|policy|ticket))[ :#]{0,2}$""",
    re.VERBOSE,
)
_TIME_OR_DATE_CONTINUES = re.compile(r"[年月日号时点分天期次%折笔]|[:/-]\d")
# These separate two numbers. Any other sign, and any letter, may join them.
_SEPARATORS = frozenset(" ,.:()!?]】-~–—/%")


def find_runs(text: str, confused: frozenset[int], most: int) -> list[NumeralRun]:
    """The first runs of a text: at least `most` if there are so many. Of two with one start the longer is first."""
    runs: list[NumeralRun] = []
    for match in _RUN.finditer(text):
        start, run = match.start(), match[0]
        certain = _certain(text, start, match.end(), confused)
        if " " in run or "," in run:
            runs += islice(
                _split(text, start, run, certain=certain), most - len(runs)
            )  # one run may have very many parts
        else:
            runs.append(NumeralRun(start, match.end(), run, certain))
        if len(runs) == most:
            break
    end = runs[-1].end if len(runs) == most else len(text)
    others = [
        NumeralRun(*match.span(), match[0], certain=False) for match in islice(_SCATTERED.finditer(text, 0, end), most)
    ]
    others += [
        NumeralRun(*match.span(), match[0], certain=False)
        for match in islice(_APPROXIMATE.finditer(text, 0, end), most)
    ]
    if _TWO_LETTERS.search(text) and any(word in text for word in _SPELLED_OUT):
        others += [
            NumeralRun(*match.span(), match[0], english=True)
            for match in islice(english_numbers().finditer(text, 0, end), most)
        ]
    return sorted([*runs, *others], key=lambda run: (run.start, -run.end)) if others else runs


def _split(text: str, start: int, run: str, *, certain: bool) -> Iterator[NumeralRun]:
    """A run with spaces is one number if it is grouped like one, written digit by digit, or continued by a unit.

    Otherwise each part is a number. A part after digits that are no identifier may continue a disguised number, so it
    is not certain.
    """
    end = start + len(run)
    parts = run.split(" ")
    grouped = read_number(run) is not None and (len(parts) == 1 or not is_identifier(text, start))
    if grouped or any(part[0] in _UNITS for part in parts[1:]):
        yield NumeralRun(start, end, run, certain)
    elif len(parts) > 2 and all(len(part) == 1 for part in parts):
        yield NumeralRun(start, end, "".join(parts), certain)
    elif len(parts) == 1 and (comma := run.rfind(",")) > 0 and _TIME_OR_DATE_CONTINUES.match(text, end):
        # ¥1024,18:00: the comma ends a clause, and a time or a date follows.
        yield NumeralRun(start, start + comma, run[:comma], certain)
        yield NumeralRun(start + comma + 1, end, run[comma + 1 :], certain)
    else:
        sure = True
        for part in parts:
            yield NumeralRun(start, start + len(part), part, certain and sure)
            sure = is_identifier(text, start)
            start += len(part) + 1


def is_identifier(text: str, start: int) -> bool:
    """Whether the number that begins here is an identifier: of an account, an order, a telephone."""
    return bool(_IDENTIFIER_BEFORE.search(text[max(0, start - 16) : start]))


def _certain(text: str, start: int, end: int, confused: frozenset[int]) -> bool:
    """Whether there is no look-alike letter among the digits, and no unusual sign joins them to earlier digits."""
    if confused and not confused.isdisjoint(range(start, end)):
        return False
    sign = text[start - 1 : start]
    if not sign or sign in _SEPARATORS or (sign.isalnum() and not sign.isascii()):
        return True
    return not text[start - 2 : start - 1].isdecimal()
