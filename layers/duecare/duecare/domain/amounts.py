"""Every amount of money that a text claims, in Chinese and English, as amounts are really written.

A number is money where a mark stands beside it (27911元, ￥27911, USD 1234, Rs. 500/-), where the text says that it is
owed or to be paid (欠款27911), or where it counts in 万. Dates, times, phone and order numbers, percentages and counts
of instalments have none of these. Fail closed: money that cannot be read for certain is a claim too, an unreadable one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct

from duecare.domain.currencies import ANY_CURRENCY, Mark, mark_after, mark_before
from duecare.domain.folding import OVERRIDES, Folded
from duecare.domain.meaning import Meaning, Qualifiers
from duecare.domain.numerals import CHINESE, SCALES, Number, read_english, read_number
from duecare.domain.runs import Run, find_runs, names_something, straighten

# No honest text states so many; beyond them the rest counts as one unreadable claim.
MOST_CLAIMS = 24
MOST_NUMBERS = 48
_UNREADABLE = Decimal("Infinity")  # larger than any debt, so that no debt bears it out
_INDIAN = frozenset({"INR", "PKR", "LKR", "NPR"})
_DOTTED = frozenset({"IDR", "VND", "EUR", "BRL"})


class Claim(Struct, frozen=True):
    """An amount in a text: its value, the currencies its mark can stand for, what it is said to be, and where it is.

    An unreadable one is infinite and in no currency.
    """

    amount: Decimal
    currencies: frozenset[str]
    meaning: Meaning
    start: int
    end: int

    def borne_out(self, currency: str, outstanding: Decimal) -> bool:
        """Whether a confirmed debt bears it out: what is owed to the cent, what is offered up to that."""
        if self.meaning is Meaning.UNREADABLE or currency not in self.currencies:
            return False
        return self.amount == outstanding or (self.amount < outstanding and self.meaning is Meaning.OFFERED)


def read_amounts(folded: Folded, original: str) -> tuple[Claim, ...]:
    """Every claim, from left to right, with offsets into the original."""
    text, confused = straighten(folded.chars)
    claims = [
        Claim(claim.amount, claim.currencies, claim.meaning, *folded.span(claim.start, claim.end))
        for claim in _Amounts(text, find_runs(text, confused, MOST_NUMBERS + 1)).claims()
    ]
    return tuple(sorted((*_overridden(original), *claims), key=lambda claim: claim.start))


def _overridden(original: str) -> Iterator[Claim]:
    """A text whose order on the screen is overridden shows other numbers than the ones that can be read in it."""
    for override in OVERRIDES:
        at = original.find(override)
        if at >= 0:
            yield _unreadable(at, at + 1)


def _unreadable(start: int, end: int) -> Claim:
    return Claim(_UNREADABLE, frozenset(), Meaning.UNREADABLE, start, end)


# What follows a number that counts something else, or continues a date, a time, a phone number.
_COUNTS = re.compile(
    r"""\ ?(?:[年月日号时点分秒天期次个笔位人折倍周岁户家条名级类项章款楼室栋层%‰℃度米]
    |小时|工作日|用户|客户|多天|余天|[-/:.~]\d|[*@\#]
    |(?:days?|weeks?|months?|years?|hours?|hrs?|mins?|minutes?|payments?|instal[a-z]*|emis?|times|accounts?|loans?|bills?
    |missed|more|business|working|am|pm|st|nd|rd|th|percent|pct|x|of|or
    |jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?
    |nov(?:ember)?|dec(?:ember)?)(?![a-z]))""",
    re.VERBOSE,
)
_PHONE = re.compile(r"(?:1[3-9]\d{9}|[48]00\d{7}|9[56]\d{3,6}|10[01]\d{2,3}|0\d{9,11})")
# A number without a mark is money right behind one of these nouns, with or without one of the links between.
_NOUN_WORDS = """
    欠 欠款 欠费 欠缴 金额 本金 本息 应还 应还款 未还 未还款 待还 待还款 还款额 应缴 余额 总额 总计 合计 共计
    还需 仅需 只需 只要 结清款
"""
_NOUNS = tuple(_NOUN_WORDS.split())
_LINKS = ("高达", "已达", "人民币", "为", "是", "共", "达", "计", "约")
_ENGLISH_NOUNS = frozenset(
    (
        *("owe", "owes", "owed", "owing", "balance", "outstanding", "overdue", "amount", "total", "settle for", "pay"),
        *("debt", "arrears", "dues", "amount due", "total due", "balance due", "payment due"),
    )
)
_ENGLISH_LINKS = frozenset(("is", "of", "now", "only", "just", "amount", "total", "balance"))
_PAY = ("还", "付", "缴", "交")
_SCALE = re.compile(rf" ?({'|'.join(sorted(SCALES, key=len, reverse=True))})(?![a-z])")
_VAGUE = re.compile(r" ?[余多来几]")  # 27911余元 is more than a number
_SMALL_CHANGE = re.compile(rf"零?(?:([\d{CHINESE}])[角毛])?(?:零?([\d{CHINESE}])分)?[整正]?")
_RANGE = re.compile(r" ?(?:[-~–—至到]|to) ?")
_AHEAD = 64  # as far behind the last number as a word can qualify it
_OR_MORE = re.compile(r" ?(?:起(?!诉|止|算|计|见)|以上|(?:or|and) (?:more|above))")
_OWING = re.compile(r" (?:is |are )?(?:owing|owed|outstanding|overdue|in arrears|past due|payable)(?![a-z])")
_BETWEEN = frozenset(" :=.*-_·~(")  # between a number and its mark
_TOGETHER = ("一", "两")  # 一块 is mostly "together"


class _Amounts:
    """The numbers of one text and the marks beside them."""

    def __init__(self, text: str, runs: list[Run]) -> None:
        self.text = text
        self.runs = runs
        self._read_to = 0  # the end of the claim before
        self._qualifiers: Qualifiers | None = None

    def claims(self) -> Iterator[Claim]:
        found = 0
        for at, run in enumerate(self.runs):
            if run.start < self._read_to:
                continue
            claim = self._claim(run)
            if claim is None and at < MOST_NUMBERS:
                continue
            found += 1
            if claim is None or found > MOST_CLAIMS:
                yield _unreadable(run.start, run.end)
                return
            others = list(self._in_range_with(at, claim))
            self._read_to = max(one.end for one in (claim, *others))
            yield claim
            yield from others

    def _claim(self, run: Run) -> Claim | None:
        before = self._mark_before(run.start)
        scale, scaled = self._scale(run)
        vague = _VAGUE.match(self.text, scaled)
        after = self._mark_after(run, vague.end() if vague else scaled)
        codes = [mark.currencies for mark in (before, after) if mark]
        if not codes and not self._is_money(run, scaled, scale):
            return None
        start = before.start if before else run.start
        currencies = frozenset.intersection(*codes) if codes else ANY_CURRENCY
        number = self._number(run, currencies)
        if number is None or (vague and after):
            return _unreadable(start, after.end if after else scaled)
        amount, end = number * scale, after.end if after else scaled
        if after and self.text[after.start] in "元块圆" and (change := _SMALL_CHANGE.match(self.text, end)):
            amount, end = amount + _small(change[1], "0.1") + _small(change[2], "0.01"), change.end()
        return self._read(amount, currencies, start, end)

    def _read(self, amount: Decimal, currencies: frozenset[str], start: int, end: int) -> Claim:
        if self._qualifiers is None:
            self._qualifiers = Qualifiers(self.text, min(len(self.text), self.runs[-1].end + _AHEAD))
        meaning = self._qualifiers.of(start, end, self._read_to)
        if meaning is Meaning.OWED and _OR_MORE.match(self.text, end):
            return _unreadable(start, end)
        return Claim(amount, currencies, meaning, start, end)

    def _number(self, run: Run, currencies: frozenset[str]) -> Decimal | None:
        number: Number | None = None
        if run.certain:
            number = read_english(run.text) if run.english else read_number(run.text)
        if number is None:
            return None
        if number.grouping == "indian" and not currencies & _INDIAN:
            return None
        if number.grouping == "dotted" and not currencies <= _DOTTED:
            return None
        return number.value

    def _in_range_with(self, at: int, claim: Claim) -> Iterator[Claim]:
        """In $500-1000 and 500至1000元 one mark stands for both numbers."""
        for other in self.runs[max(0, at - 1) : at + 2]:
            if other.start < self._read_to:
                continue
            if other.end <= claim.start:
                joined = _RANGE.fullmatch(self.text, other.end, claim.start)
            else:
                joined = _RANGE.fullmatch(self.text, claim.end, other.start) if other.start >= claim.end else None
                joined = None if _COUNTS.match(self.text, other.end) or self._mark_after(other, other.end) else joined
            if joined:
                number = self._number(other, claim.currencies)
                yield (
                    _unreadable(other.start, other.end)
                    if number is None
                    else self._read(number, claim.currencies, other.start, other.end)
                )

    def _mark_before(self, start: int) -> Mark | None:
        at = start
        while at > 0 and start - at < 3 and self.text[at - 1] in _BETWEEN and not mark_before(self.text, at):
            at -= 1
        return mark_before(self.text, at)

    def _mark_after(self, run: Run, end: int) -> Mark | None:
        at = end
        while at < len(self.text) and at - end < 3 and self.text[at] in _BETWEEN and not mark_after(self.text, at):
            at += 1
        mark = mark_after(self.text, at)
        if mark is None:
            return None
        if mark.either and at > end:
            # In 1234 $500 the mark belongs to what it touches; and only a space or bracket parts it from its own.
            touches_next = mark.end < len(self.text) and self.text[mark.end].isdigit()
            return None if touches_next or self.text[end] not in " (" else mark
        return None if self.text[mark.start : mark.end] == "块" and run.text in _TOGETHER else mark

    def _scale(self, run: Run) -> tuple[int, int]:
        match = None if run.english else _SCALE.match(self.text, run.end)
        return (SCALES[match[1]], match.end()) if match else (1, run.end)

    def _is_money(self, run: Run, end: int, scale: int) -> bool:
        """Money without a mark."""
        if run.english or _COUNTS.match(self.text, end):
            return False
        in_wan = scale == 10_000 or (("万" in run.text or "亿" in run.text) and run.text[0] not in "万亿千百十")
        before = self.text[max(0, run.start - 40) : run.start].rstrip(" :=")
        if in_wan or _names_a_debt(before):
            return True
        if end - run.start > 1 and _OWING.match(self.text, end):
            return not self.text[run.start - 1 : run.start].isalnum() and not names_something(self.text, run.start)
        return len(run.text) > 2 and before.endswith(_PAY) and not _PHONE.fullmatch(run.text)


def _names_a_debt(before: str) -> bool:
    """Whether a text that goes on with a bare number says that the number is a debt or a payment."""
    link = next((link for link in _LINKS if before.endswith(link)), "")
    if before.endswith(_NOUNS) or before.removesuffix(link).endswith(_NOUNS):
        return True
    words = re.findall(r"[a-z]+", before[-32:]) if before[-1:].isascii() else []
    while len(words) > 1 and words[-1] in _ENGLISH_LINKS and words[-1] not in _ENGLISH_NOUNS:
        words.pop()
    return bool(words) and (words[-1] in _ENGLISH_NOUNS or " ".join(words[-2:]) in _ENGLISH_NOUNS)


def _small(digit: str | None, unit: str) -> Decimal:
    number = read_number(digit) if digit else None
    return number.value * Decimal(unit) if number else Decimal(0)
