"""Reads numbers as they are written in texts: grouped digits, Chinese numerals, and English ones.

Each reader returns the value of one run of numerals, or None if it cannot be read with certainty: a malformed group,
two notations in one number, an omitted unit. Linear in the run's length.

(The library cn2an reads Chinese numerals too. It takes 450 ms to import and 100 µs a number, and it accepts ambiguous
numbers such as 一万二 and 贰万七千, which must not pass as a claim of money.)
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache

from msgspec import Struct

PLAIN_DIGITS = "零一二三四五六七八九"
FORMAL_DIGITS = "零壹贰叁肆伍陆柒捌玖"
SMALL_UNITS = {"十": 10, "百": 100, "千": 1_000, "拾": 10, "佰": 100, "仟": 1_000}
LARGE_UNITS = {"万": 10_000, "亿": 100_000_000}
CHINESE = "".join(sorted({*PLAIN_DIGITS, *FORMAL_DIGITS, "两", *SMALL_UNITS, *LARGE_UNITS}))

_DIGITS = {char: value for digits in (PLAIN_DIGITS, FORMAL_DIGITS) for value, char in enumerate(digits)} | {"两": 2}
_FORMAL = frozenset(FORMAL_DIGITS[1:])
_PLAIN = frozenset(PLAIN_DIGITS[1:] + "两")

_WHOLE = r"(?:0|[1-9]\d{0,14})"
_THREE_DECIMALS = re.compile(r"[1-9]\d{0,2}\.\d{3}")
_UNGROUPED = re.compile(rf"{_WHOLE}(?:\.\d{{1,6}})?")
_WESTERN = re.compile(r"[1-9]\d{0,2}(?:([,' ])\d{3})(?:\1\d{3}){0,4}(?:\.\d{1,4})?")
_INDIAN = re.compile(r"[1-9]\d?(?:,\d{2}){1,5},\d{3}(?:\.\d{1,4})?")
_DOTTED = re.compile(r"[1-9]\d{0,2}(?:\.\d{3}){1,5}(?:,\d{2})?")
_ITEM = re.compile(r"(?P<number>\d+(?:[.,' ]\d+)*)|(?P<char>.)", re.DOTALL)


class Number(Struct, frozen=True):
    """A value, and its grouping if only some currencies use that grouping."""

    value: Decimal
    grouping: str = ""  # "indian", "dotted", "doubtful" (27.911 is dotted to some) or ""


def read_number(run: str) -> Number | None:
    """The value of digits with separators, of Chinese numerals, or of digits with Chinese units; None if uncertain."""
    if not run.isascii():
        value = _read_chinese(run.replace(" ", ""))
        return None if value is None else Number(value)
    return _read_digits(run)


def _read_digits(run: str) -> Number | None:
    if _UNGROUPED.fullmatch(run):
        return Number(Decimal(run), "doubtful" if _THREE_DECIMALS.fullmatch(run) else "")
    if _WESTERN.fullmatch(run):
        return Number(Decimal(re.sub("[,' ]", "", run)))
    if _INDIAN.fullmatch(run):
        return Number(Decimal(run.replace(",", "")), "indian")
    if _DOTTED.fullmatch(run):
        return Number(Decimal(run.replace(".", "").replace(",", ".")), "dotted")
    return None


def _read_chinese(run: str) -> Decimal | None:
    """贰万柒仟玖佰壹拾壹, 二七九一一, 1万2千, 2.79万, 2万7911. A unit must be smaller than the one before it."""
    chars = set(run)
    if len(run) > 40 or not (_FORMAL.isdisjoint(chars) or _PLAIN.isdisjoint(chars)):
        return None
    if chars <= _DIGITS.keys():
        return _read_positional(run)
    reader = _Units()
    for item in _ITEM.finditer(run):
        taken = reader.take_number(item["number"]) if item["number"] else reader.take(item["char"])
        if not taken:
            return None
    return reader.value()


def _read_positional(run: str) -> Decimal | None:
    if len(run) > 1 and (run[0] == "零" or "两" in run):
        return None
    return Decimal("".join(str(_DIGITS[char]) for char in run))


class _Units:
    """The value of a Chinese numeral, built from its digits and units in order. A method returns False if the next one
    does not fit."""

    def __init__(self) -> None:
        self.total = Decimal(0)  # closed by 万 or 亿
        self.section = Decimal(0)  # closed by 十, 百 or 千 since then
        self.pending: Decimal | None = None  # a number that waits for its unit
        self.arabic: str = ""  # the same in Arabic digits, if written so
        self.zero = False
        self.written: set[str] = set()
        self.small = self.large = 10**12
        self.unit = 0  # the last unit

    def take_number(self, run: str) -> bool:
        number = _read_digits(run)
        if number is None or number.grouping in ("indian", "dotted") or self.pending is not None:
            return False
        self.pending, self.arabic = number.value, run
        self.written.add("arabic")
        return len(self.written) == 1

    def take(self, char: str) -> bool:
        if char in _DIGITS:
            return self._take_digit(char)
        if char in SMALL_UNITS:
            return self._take_small(SMALL_UNITS[char])
        return char in LARGE_UNITS and self._take_large(LARGE_UNITS[char])

    def _take_digit(self, char: str) -> bool:
        if char == "零":
            if self.zero or self.pending is not None or not self.unit:
                return False
            self.zero = True
            return True
        if self.pending is not None:
            return False
        self.pending = Decimal(_DIGITS[char])
        self.written.add("chinese")
        return len(self.written) == 1

    def _take_small(self, unit: int) -> bool:
        if self.pending is None and unit == 10 and not self.section and not self.total:
            self.pending = Decimal(1)  # 十五
            self.written.add("chinese")
        if self.pending is None or unit >= self.small or self._inexact():
            return False
        self.section += self.pending * unit
        self._close(unit)
        self.small = unit
        return True

    def _take_large(self, unit: int) -> bool:
        count = self.section + (self.pending or 0)
        if not count or unit >= self.large or (self.section and self._inexact()):
            return False
        self.total += count * unit
        self.section = Decimal(0)
        self._close(unit)
        self.small, self.large = 10**12, unit
        return True

    def _close(self, unit: int) -> None:
        self.pending, self.arabic, self.zero, self.unit = None, "", False, unit

    def _inexact(self) -> bool:
        """Whether a fraction such as 2.5 comes before a unit that is not the first."""
        return self.unit > 0 and self.pending is not None and self.pending != int(self.pending)

    def value(self) -> Decimal | None:
        if self.pending is None:
            return self.total + self.section if self.unit and not self.zero else None
        # 一万二 can mean 12000 or 10002, so a last digit needs 十 or 零 before it. 2万7911 is unambiguous.
        certain = self.unit == 10 or self.zero or (self.unit == 10_000 and len(self.arabic.split(".")[0]) == 4)
        if not certain or self.pending >= self.unit:
            return None
        return self.total + self.section + self.pending


_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_WORDS = {word: value for value, word in enumerate(_ONES.split())} | {
    w: 20 + 10 * i for i, w in enumerate(_TENS.split())
}
SCALES = {
    "thousand": 10**3,
    "k": 10**3,
    "lakh": 10**5,
    "lakhs": 10**5,
    "lac": 10**5,
    "lacs": 10**5,
    "million": 10**6,
    "mn": 10**6,
    "m": 10**6,
    "crore": 10**7,
    "crores": 10**7,
    "cr": 10**7,
    "billion": 10**9,
    "bn": 10**9,
    "w": 10**4,
    "wan": 10**4,
    "grand": 10**3,
}
_LARGE_WORDS = {word: scale for word, scale in SCALES.items() if len(word) > 2}
_ENGLISH_WORD = "|".join(sorted((*_WORDS, *_LARGE_WORDS, "hundred"), key=len, reverse=True))
_ENGLISH = rf"(?<![a-z])(?:{_ENGLISH_WORD})(?:(?: ?-? ?| and )(?:{_ENGLISH_WORD})){{0,24}}(?![a-z])"


@cache
def english_numbers() -> re.Pattern[str]:
    """The pattern of a run of English numerals; compiled on first use."""
    return re.compile(_ENGLISH)


def read_english(run: str) -> Number | None:
    """The value of English numerals, such as Twenty Seven Thousand Nine Hundred and Eleven; None if uncertain."""
    total = section = 0
    last_scale, last = 10**12, 1000
    for word in re.findall(_ENGLISH_WORD, run):
        if word in _LARGE_WORDS:
            if not section or _LARGE_WORDS[word] >= last_scale:
                return None
            last_scale = _LARGE_WORDS[word]
            total, section, last = total + section * last_scale, 0, 1000
        elif word == "hundred":
            if not 0 < section < 100 or last >= 100:
                return None
            section, last = section * 100, 100
        else:
            value = _WORDS[word]
            if not (last >= 100 or (20 <= last < 100 and 0 < value < 10)):
                return None
            section, last = section + value, value
    return Number(Decimal(total + section)) if total + section else None
