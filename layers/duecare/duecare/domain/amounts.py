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
from duecare.domain.numerals import CHINESE, ENGLISH, SCALES, Number, read_english, read_number

# No honest text states so many; beyond them the rest counts as one unreadable claim.
MOST_CLAIMS = 32
MOST_NUMBERS = 256
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


class _Token(Struct):
    """A run of numerals and where it stands; `certain` is false where something is hidden in or before it."""

    start: int
    end: int
    text: str
    certain: bool = True
    english: bool = False


def read_amounts(folded: Folded, original: str) -> tuple[Claim, ...]:
    """Every claim, from left to right, with offsets into the original."""
    text, confused = _straighten(folded.chars)
    claims = [
        *(_overridden(original)),
        *(
            Claim(claim.amount, claim.currencies, claim.meaning, *folded.span(claim.start, claim.end))
            for claim in _Amounts(text, confused).claims()
        ),
    ]
    return tuple(sorted(claims, key=lambda claim: claim.start))


def _overridden(original: str) -> Iterator[Claim]:
    """A text whose order on the screen is overridden shows other numbers than the ones that can be read in it."""
    for override in OVERRIDES:
        at = original.find(override)
        if at >= 0:
            yield _unreadable(at, at + 1)


def _unreadable(start: int, end: int) -> Claim:
    return Claim(_UNREADABLE, frozenset(), Meaning.UNREADABLE, start, end)


# Letters drawn like digits. Runs start where no letter or digit stands before, so the search is linear.
_CONFUSABLE = re.compile(r"(?<![a-z\d,.])[oil|\d][oil|\d,.]*(?![a-z\d])")
_LETTERS_AS_MONEY = re.compile(r"(?<=[¥$₹£€])[oil|]{2}[oil|,.]*(?![a-z])|(?<![a-z])[oil|][oil|,.]{1,20}(?= ?[元块万])")
_CONFUSED = re.compile(r"[oil|][,.]?\d|\d[,.]?[oil|]|[¥$₹£€][oil|]{2}|[oil|][,.]?[oil|] ?[元块万]")
_AS_DIGITS = str.maketrans("oil|", "0111")


def _straighten(text: str) -> tuple[str, frozenset[int]]:
    """The text with o, i, l and | inside numbers read as digits, and the places where that was done."""
    if not _CONFUSED.search(text):
        return text, frozenset()
    runs = [m for m in _CONFUSABLE.finditer(text) if any(c in "oil|" for c in m[0]) and any(c.isdigit() for c in m[0])]
    runs += _LETTERS_AS_MONEY.finditer(text)
    chars = list(text)
    for run in runs:
        chars[run.start() : run.end()] = run[0].translate(_AS_DIGITS)
    return "".join(chars), frozenset(at for run in runs for at in range(*run.span()))


_TOKEN = re.compile(rf"[\d{CHINESE}](?:[ ,.'·]?[\d{CHINESE}])*")
# Single digits, each behind a sign: 2*7*9*1*1.
_SCATTERED = re.compile(r"(?<!\d)\d(?:[^\w\s,.:()。,、]{1,2}\d(?!\d)){2,}")
_NOT_MONEY_BEFORE = re.compile(
    r"(?:尾号|账号|账户|卡号|编号|单号|号码?|合同|no\.?|ref\.?|acct?|account|a/c|ending(?: in)?|id|[*x#/:-])[ :]?$"
)
# What follows a number that counts something else, or continues a date, a time, a phone number.
_COUNTS = re.compile(
    r"""\ ?(?:[年月日号时点分秒天期次个笔位人折倍周岁户家条名级类项章款楼室栋层%‰℃度米]
    |小时|工作日|用户|客户|多天|余天|[-/:.~]\d|\*
    |(?:days?|weeks?|months?|years?|hours?|hrs?|mins?|minutes?|payments?|instal[a-z]*|emis?|times|accounts?|loans?|bills?
    |missed|more|business|working|am|pm|st|nd|rd|th|percent|pct|x|of|or)(?![a-z]))""",
    re.VERBOSE,
)
_PHONE = re.compile(r"(?:1[3-9]\d{9}|[48]00\d{7}|9[56]\d{3,6}|10[01]\d{2,3}|0\d{9,11})")
# A number without a mark is money right behind one of these.
_NOUN = re.compile(
    r"(?:欠款?|欠费|欠缴|金额|本金|本息|应还款?|未还款?|待还款?|还款额|应缴|余额|总额|总计|合计|共计|还需|仅需|只需|只要|结清款"
    r"|(?<![a-z])(?:owes?|owed|owing|balance|outstanding|overdue|amount|total|settle for|pay|debt|arrears|dues?)"
    r"(?: (?:is|of|now|only|just|due|amount|total|balance)){0,3})"
    r"(?:为|是|共|达|计|约|高达|已达|人民币)?[ :=]{0,3}$"
)
_PAY = re.compile(r"(?:还|付|缴|交|支付|偿还)[ :]{0,2}$")
_SCALE = re.compile(rf" ?({'|'.join(sorted(SCALES, key=len, reverse=True))})(?![a-z])")
_VAGUE = re.compile(r" ?[余多来几]")
_SPELLED_OUT = ("hundred", "thousand", "lakh", "crore", "dollar", "rupee", "pound", "peso", "euro", "rs", "usd", "inr")
_UNITLESS = re.compile(r"[数几好上][十百千万亿]{1,2}(?=[元块])")
_SMALL_CHANGE = re.compile(rf"零?(?:([\d{CHINESE}])[角毛])?(?:零?([\d{CHINESE}])分)?[整正]?")
_RANGE = re.compile(r" ?[-~–—至到] ?")


class _Amounts:
    """The numbers of one text and the marks beside them."""

    def __init__(self, text: str, confused: frozenset[int]) -> None:
        self.text = text
        self.confused = confused
        self._qualifiers: Qualifiers | None = None

    def claims(self) -> Iterator[Claim]:
        found, numbers, end = 0, 0, -1
        for token in self._tokens():
            numbers += 1
            if token.start < end:
                continue
            claim = self._claim(token)
            if claim is None and numbers <= MOST_NUMBERS:
                continue
            found += 1
            if claim is None or found > MOST_CLAIMS:
                yield _unreadable(token.start, token.end)
                return
            end = claim.end
            yield claim

    # Numbers

    def _tokens(self) -> Iterator[_Token]:
        tokens = [token for match in _TOKEN.finditer(self.text) for token in self._split(match.start(), match[0])]
        tokens += [_Token(*m.span(), m[0], certain=False) for m in _SCATTERED.finditer(self.text)]
        tokens += [_Token(*m.span(), m[0], certain=False) for m in _UNITLESS.finditer(self.text)]
        if any(word in self.text for word in _SPELLED_OUT):
            tokens += [_Token(*match.span(), match[0], english=True) for match in ENGLISH.finditer(self.text)]
        tokens.sort(key=lambda token: (token.start, -token.end))
        return iter(tokens)

    def _split(self, start: int, run: str) -> Iterator[_Token]:
        """A run with spaces is one number where it is grouped like one, or spelled digit by digit."""
        parts = run.split(" ")
        if len(parts) == 1 or read_number(run) or any(part[0] in "十百千万亿拾佰仟" for part in parts[1:]):
            yield self._token(start, run)
        elif len(parts) > 2 and all(len(part) == 1 for part in parts):
            yield self._token(start, run, "".join(parts))
        else:
            for at, part in enumerate(parts):
                token = self._token(start, part)
                token.certain &= at == 0 or bool(
                    _NOT_MONEY_BEFORE.search(
                        self.text[max(0, start - 16 - len(parts[at - 1])) : start - 1 - len(parts[at - 1])]
                    )
                )
                yield token
                start += len(part) + 1

    def _token(self, start: int, run: str, text: str | None = None) -> _Token:
        hidden = start > 1 and self._hides(self.text[start - 1]) and self.text[start - 2].isdigit()
        certain = not hidden and not (self.confused and self.confused.intersection(range(start, start + len(run))))
        return _Token(start, start + len(run), text or run, certain)

    @staticmethod
    def _hides(sign: str) -> bool:
        return not sign.isalnum() and sign not in " \n\t,.、。;:!?()[]【】-~–—/\"'“”%*"

    # Claims

    def _claim(self, token: _Token) -> Claim | None:
        start, end = token.start, token.end
        before = self._mark_before(start)
        scale, scaled = self._scale(token)
        vague = _VAGUE.match(self.text, scaled)
        after = self._mark_after(vague.end() if vague else scaled)
        if after is None:
            vague = None
        codes = [mark.currencies for mark in (before, after) if mark]
        if not codes and not self._is_money(token, scaled, scale):
            return None
        currencies = frozenset.intersection(*codes) if codes else ANY_CURRENCY
        end = after.end if after else scaled
        number = self._number(token, currencies)
        if number is None or vague:
            return _unreadable(before.start if before else start, end)
        amount = number * scale
        if after and self.text[after.start] in "元块圆":
            change = _SMALL_CHANGE.match(self.text, after.end)
            if change and change.end() > after.end:
                amount, end = amount + _small(change[1], "0.1") + _small(change[2], "0.01"), change.end()
        start = before.start if before else start
        return Claim(amount, currencies, self._meaning(start, end), start, end)

    def _meaning(self, start: int, end: int) -> Meaning:
        if self._qualifiers is None:
            self._qualifiers = Qualifiers(self.text)
        return self._qualifiers.of(start, end)

    def _number(self, token: _Token, currencies: frozenset[str]) -> Decimal | None:
        number: Number | None = None
        if token.certain:
            number = read_english(token.text) if token.english else read_number(token.text)
        if number is None:
            return None
        if number.grouping == "indian" and not currencies & _INDIAN:
            return None
        if number.grouping == "dotted" and not currencies <= _DOTTED:
            return None
        return number.value

    def _mark_before(self, start: int) -> Mark | None:
        at = start
        while at > 0 and start - at < 3 and self.text[at - 1] in " :=":
            at -= 1
        return mark_before(self.text, at)

    def _mark_after(self, end: int) -> Mark | None:
        at = end
        while at < len(self.text) and at - end < 2 and self.text[at] in " (":
            at += 1
        mark = mark_after(self.text, at)
        if mark is None:
            return None
        # In 1234 $500 the mark belongs to what it touches.
        touches_next = mark.either and mark.end < len(self.text) and self.text[mark.end].isdigit()
        return None if at > end and touches_next else mark

    def _scale(self, token: _Token) -> tuple[int, int]:
        match = _SCALE.match(self.text, token.end)
        return (SCALES[match[1]], match.end()) if match and not token.english else (1, token.end)

    def _is_money(self, token: _Token, end: int, scale: int) -> bool:
        """Money without a mark."""
        if token.english or _COUNTS.match(self.text, end) or _PHONE.fullmatch(token.text):
            return False
        in_wan = scale == 10_000 or (token.text[0] not in "万亿千百十" and ("万" in token.text or "亿" in token.text))
        before = self.text[max(0, token.start - 40) : token.start]
        if _NOUN.search(before):
            return True
        return in_wan or (bool(_PAY.search(before)) and len(token.text) > 2)


def _small(digit: str | None, unit: str) -> Decimal:
    number = read_number(digit) if digit else None
    return number.value * Decimal(unit) if number else Decimal(0)
