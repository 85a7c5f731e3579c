"""Finds every amount of money that a text claims, in Chinese and English, in the ways that amounts are really written.

A number is money if it has a currency mark (27911元, ￥27911, USD 1234, Rs. 500/-), if the text says that it is owed or
to be paid (欠款27911), or if it counts in 万. Dates, times, phone and order numbers, percentages and counts of
instalments have none of these. Fail closed: money that cannot be read with certainty is an unreadable claim.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct

from duecare_core.domain.text.amount_meaning import Meaning, Qualifiers
from duecare_core.domain.text.currencies import (
    ANY_CURRENCY,
    FIRST_OF_A_MARK,
    LAST_OF_A_MARK,
    CurrencyMark,
    mark_after,
    mark_before,
)
from duecare_core.domain.text.folding import BIDI_OVERRIDES, FoldedText
from duecare_core.domain.text.numeral_runs import NumeralRun, find_runs, read_letters_as_digits
from duecare_core.domain.text.numerals import CHINESE, SCALES, Number, read_english, read_number
from duecare_core.domain.text.unmarked_amounts import counts, is_money

# No honest text has so many. Everything after them is one unreadable claim.
MAX_CLAIMS = 16
MAX_NUMBERS = 40
MAX_UNREADABLE = 4  # one is enough to deny
_UNREADABLE = Decimal("Infinity")  # larger than any debt
_INDIAN = frozenset({"INR", "PKR", "LKR", "NPR"})
_DOTTED = frozenset({"IDR", "VND", "EUR", "BRL"})


class Claim(Struct, frozen=True):
    """An amount in a text: its value, the currencies that its mark can mean, its meaning, and its offsets.

    An unreadable claim is infinite and has no currency.
    """

    amount: Decimal
    currencies: frozenset[str]
    meaning: Meaning
    start: int
    end: int

    def borne_out(self, currency: str, outstanding: Decimal) -> bool:
        """Whether a confirmed debt bears it out: an owed amount must be equal, an offered one at most as large."""
        if self.meaning is Meaning.UNREADABLE or currency not in self.currencies:
            return False
        return self.amount == outstanding or (self.amount < outstanding and self.meaning is Meaning.OFFERED)


def read_amounts(folded: FoldedText, original: str) -> tuple[Claim, ...]:
    """Every claim, from left to right, with offsets into the original."""
    if overridden := _overridden(original):
        return (overridden,)
    text, confused = read_letters_as_digits(folded.chars)
    return tuple(
        Claim(claim.amount, claim.currencies, claim.meaning, *folded.span(claim.start, claim.end))
        for claim in sorted(
            _Amounts(text, find_runs(text, confused, MAX_NUMBERS + 1)).claims(), key=lambda claim: claim.start
        )
    )


def _overridden(original: str) -> Claim | None:
    """An unreadable claim if the text overrides the display order: a reader sees other numbers than this module
    reads."""
    at = min((original.find(override) for override in BIDI_OVERRIDES if override in original), default=None)
    return None if at is None else _unreadable(at, at + 1)


def _unreadable(start: int, end: int) -> Claim:
    return Claim(_UNREADABLE, frozenset(), Meaning.UNREADABLE, start, end)


_SCALE = re.compile(rf""" ?({"|".join(sorted(SCALES, key=len, reverse=True))})(?![a-z])|[(\[【“"'](k|w)[)\]】”"']""")
_APPROXIMATELY = re.compile(r" ?[余多来几]")  # 27911余元 is more than a number
_SMALL_CHANGE = re.compile(rf"零?(?:([\d{CHINESE}])[角毛])?(?:零?([\d{CHINESE}])分)?[整正]?")
_RANGE = re.compile(r" ?(?:[-~–—至到]|to) ?")
_MAX_QUALIFIER_DISTANCE = 64  # characters after the last number within which a word can qualify it
_OR_MORE = re.compile(r" ?(?:起(?!诉|止|算|计|见)|以上|(?:or|and) (?:more|above))")
_NEVER_BETWEEN = frozenset(",。;!?、%‰℃")  # cannot be between a number and its mark; any other sign can
_MAX_GAP = 4
# The most common characters after a number that begin neither a mark nor a scale: a shortcut.
_NO_MARK_NOR_SCALE = frozenset("年月日时期分天,。、") | {""}
_TOGETHER = ("一", "两")  # 一块 usually means "together"


class _Amounts:
    """The numbers of one text and their currency marks."""

    def __init__(self, text: str, runs: list[NumeralRun]) -> None:
        self.text = text
        self.runs = runs
        self._read_to = 0  # the end of the previous claim
        self._qualifiers: Qualifiers | None = None

    def claims(self) -> Iterator[Claim]:
        found = unreadable = 0
        for at, run in enumerate(self.runs):
            if run.start < self._read_to:
                continue
            claim = self._claim(run)
            if claim is None and at < MAX_NUMBERS:
                continue
            found += 1
            if claim is None or found > MAX_CLAIMS:
                yield _unreadable(run.start, run.end)
                return
            others = list(self._in_range_with(at, claim))
            self._read_to = max(one.end for one in (claim, *others))
            yield claim
            yield from others
            unreadable += claim.meaning is Meaning.UNREADABLE
            if unreadable == MAX_UNREADABLE:
                return

    def _claim(self, run: NumeralRun) -> Claim | None:
        before = self._mark_before(run.start)
        scale, scaled, after = "", run.end, None
        approximate: re.Match[str] | None = None
        if self.text[run.end : run.end + 1] not in _NO_MARK_NOR_SCALE:
            scale, scaled = self._scale(run)
            approximate = _APPROXIMATELY.match(self.text, scaled)
            after = self._mark_after(run, approximate.end() if approximate else scaled)
        another = self._mark_after(run, after.end) if after and not after.either else None  # 5000元(美元)
        codes = [mark.currencies for mark in (before, after, another) if mark]
        if not codes and not is_money(self.text, run, scaled, scale):
            return None
        start = before.start if before else run.start
        end = after.end if after else scaled
        currencies = frozenset.intersection(*codes) if codes else ANY_CURRENCY
        number = self._number(run, currencies, scale)
        goes_on = scale and self.text[scaled : scaled + 1].isdecimal()  # 9w9
        if number is None or goes_on or (approximate and after):
            return _unreadable(start, end)
        amount = number * SCALES.get(scale, 1)
        change = _SMALL_CHANGE.match(self.text, end) if after and self.text[after.start] in "元块圆" else None
        if change and change[0]:
            amount, end = amount + _small(change[1], "0.1") + _small(change[2], "0.01"), change.end()
        return self._read(amount, currencies, start, end)

    def _read(self, amount: Decimal, currencies: frozenset[str], start: int, end: int) -> Claim:
        if self._qualifiers is None:
            self._qualifiers = Qualifiers(self.text, min(len(self.text), self.runs[-1].end + _MAX_QUALIFIER_DISTANCE))
        meaning = self._qualifiers.of(start, end, self._read_to)
        if meaning is Meaning.OWED and _OR_MORE.match(self.text, end):
            return _unreadable(start, end)
        return Claim(amount, currencies, meaning, start, end)

    def _number(self, run: NumeralRun, currencies: frozenset[str], scale: str = "") -> Decimal | None:
        number: Number | None = None
        if run.certain:
            number = read_english(run.text) if run.english else read_number(run.text)
        if number is None:
            return None
        if number.grouping == "indian" and not currencies & _INDIAN:
            return None
        if number.grouping == "dotted" and not currencies <= _DOTTED:
            return None
        if number.grouping == "doubtful" and not scale:
            return number.value * 1000 if currencies and currencies <= _DOTTED else None
        return number.value

    def _in_range_with(self, at: int, claim: Claim) -> Iterator[Claim]:
        """The other number of a range: in $500-1000 and 500至1000元 one mark applies to both."""
        for other in self.runs[max(0, at - 1) : at + 2]:
            if other.start < self._read_to or not (other.end <= claim.start or claim.end <= other.start):
                continue
            behind = other.start > claim.start
            gap = (claim.end, other.start) if behind else (other.end, claim.start)
            joined = gap[1] - gap[0] <= _MAX_GAP and _RANGE.fullmatch(self.text, *gap) is not None
            if behind:
                joined = joined and not (counts(self.text, other.end) or self._mark_after(other, other.end))
            if joined:
                number = self._number(other, claim.currencies)
                yield (
                    _unreadable(other.start, other.end)
                    if number is None
                    else self._read(number, claim.currencies, other.start, other.end)
                )

    def _mark_before(self, start: int) -> CurrencyMark | None:
        for at in range(start, max(0, start - _MAX_GAP), -1):
            char = self.text[at - 1]
            if char in LAST_OF_A_MARK and (mark := mark_before(self.text, at)):
                return mark
            if not _may_separate(char):
                return None
        return None

    def _mark_after(self, run: NumeralRun, end: int) -> CurrencyMark | None:
        mark, at = None, end
        for at in range(end, min(len(self.text), end + _MAX_GAP)):
            char = self.text[at]
            mark = mark_after(self.text, at) if char in FIRST_OF_A_MARK else None
            if mark or not _may_separate(char):
                break
        if mark is None:
            return None
        if mark.either and at > end:
            # In 1234 $500 and (1) RMB 500 the mark belongs to the number after it.
            behind = self.text[mark.end : mark.end + (1 if self.text[end] in " (" else 3)]
            return None if any(char.isdecimal() for char in behind) else mark
        return None if self.text[mark.start : mark.end] == "块" and run.text in _TOGETHER else mark

    def _scale(self, run: NumeralRun) -> tuple[str, int]:
        match = None if run.english else _SCALE.match(self.text, run.end)
        return (match[1] or match[2], match.end()) if match else ("", run.end)


def _may_separate(char: str) -> bool:
    return not char.isalnum() and char not in _NEVER_BETWEEN


def _small(digit: str | None, unit: str) -> Decimal:
    number = read_number(digit) if digit else None
    return number.value * Decimal(unit) if number else Decimal(0)
