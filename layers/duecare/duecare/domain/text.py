"""What a text claims: who sends it, which amounts, and how to stop it.

Every pattern here is bounded or linear: a text cannot make it run for long.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from enum import Enum

from msgspec import Struct


class Meaning(Enum):
    """What a text says of an amount."""

    OWED = "owed"  # the debt, or nothing that says otherwise
    OFFERED = "offered"  # a settlement, minimum or instalment


class Claim(Struct, frozen=True):
    """An amount in a text: its value, the currencies its mark can stand for, what it is said to be, and where it is
    (offsets into the normalised text)."""

    amount: Decimal
    currencies: frozenset[str]
    meaning: Meaning
    start: int
    end: int


def normalize(text: str) -> str:
    """NFKC: full-width digits, letters and signs become the plain ones. Done once per message."""
    return unicodedata.normalize("NFKC", text)


def condense(text: str) -> str:
    """Letters and digits alone, in one case: what is left when quotes, spaces and signs do not count."""
    return "".join(char for char in normalize(text).casefold() if char.isalnum())


_DOLLARS = "USD AUD CAD HKD NZD SGD TWD"
_MARKS: dict[str, str] = {
    "人民币": "CNY",
    "rmb": "CNY",
    "cny": "CNY",
    "元": "CNY HKD MOP TWD",
    "圆": "CNY HKD MOP TWD JPY",
    "块": "CNY HKD MOP TWD",
    "¥": "CNY JPY",
    "us$": "USD",
    "usd": "USD",
    "美元": "USD",
    "美金": "USD",
    "dollars": _DOLLARS,
    "$": _DOLLARS,
    "hk$": "HKD",
    "hkd": "HKD",
    "港币": "HKD",
    "港元": "HKD",
    "€": "EUR",
    "eur": "EUR",
    "欧元": "EUR",
    "£": "GBP",
    "gbp": "GBP",
    "英镑": "GBP",
    "₹": "INR",
    "inr": "INR",
    "rs.": "INR PKR LKR NPR MUR",
    "rs": "INR PKR LKR NPR MUR",
    "₱": "PHP",
    "php": "PHP",
    "rp": "IDR",
    "idr": "IDR",
    "日元": "JPY",
    "jpy": "JPY",
    "aud": "AUD",
    "sgd": "SGD",
    "cad": "CAD",
}
_CURRENCIES = {mark: frozenset(codes.split()) for mark, codes in _MARKS.items()}
_TIMES = {"千": 1_000, "万": 10_000, "亿": 100_000_000}
_MARK = "|".join(re.escape(mark) for mark in sorted(_MARKS, key=len, reverse=True))
# A Latin mark inside a word is no mark: "rs" in "hours", "rp" in "corp".
_AMOUNT = re.compile(
    rf"(?:(?<![a-z])(?P<before>{_MARK}) {{0,2}}:? {{0,2}})?"
    r"(?<![\d.])(?P<number>\d{1,3}(?:,\d{2,3}){1,5}(?:\.\d{1,4})?|\d{1,15}(?:\.\d{1,4})?)(?![\d])"
    rf" {{0,2}}(?P<times>[千万亿])?(?: {{0,2}}(?P<after>{_MARK})(?![a-z]))?"
)
_OFFERED = re.compile(
    r"减免|结清|结算|最低|分期|首期|首付|每期|优惠|打折|仅需|只需|还款计划"
    r"|settle|minimum|instal|discount|reduced|offer|pay only|per month|plan"
)
_OWED = re.compile(
    r"欠|逾期|应还|未还|待还|总额|本金|owe|owing|outstanding|balance|overdue|past due|debt of|amount due"
)
_CLAUSE = re.compile(r"[,。;!?\n,]|\.(?: |$)")
_NEAR = 24


def claims(normalized: str) -> tuple[Claim, ...]:
    """Every amount of money in a normalised text."""
    text = normalized.casefold()
    if len(text) != len(normalized):  # casefolding can lengthen a text ("ß"); offsets must hold
        text = normalized.lower() if len(normalized.lower()) == len(normalized) else normalized
    return tuple(_claims(text))


def _claims(text: str) -> Iterable[Claim]:
    for match in _AMOUNT.finditer(text):
        marks = [mark for mark in (match["before"], match["after"]) if mark]
        if not marks:
            continue
        currencies = frozenset.intersection(*(_CURRENCIES[mark] for mark in marks))
        amount = Decimal(match["number"].replace(",", "")) * _TIMES.get(match["times"], 1)
        yield Claim(amount, currencies, _meaning(text, *match.span()), *match.span())


def _meaning(text: str, start: int, end: int) -> Meaning:
    """The nearest word that says what the amount is, looking back within the clause, then on to its end.

    Nothing found means owed: an amount that nobody qualifies is read as the debt.
    """
    before = _CLAUSE.split(text[max(0, start - _NEAR) : start])[-1]
    after = _CLAUSE.split(text[end : end + _NEAR])[0]
    owed = max((m.end() for m in _OWED.finditer(before)), default=-1)
    offered = max((m.end() for m in _OFFERED.finditer(before)), default=-1)
    if owed != offered:
        return Meaning.OWED if owed > offered else Meaning.OFFERED
    return Meaning.OFFERED if _OFFERED.search(after) else Meaning.OWED


_LEADING_SIGN = re.compile(r"^\s{0,8}[【\[]([^】\]]{1,80})[】\]]")
_TRAILING_SIGN = re.compile(r"[【\[]([^【】\[\]]{1,80})[】\]]\s{0,8}$")


def names_sender(normalized: str, sender_names: Iterable[str]) -> bool:
    """Whether the text names one of these senders: its sign (`【…】` at the start or the end) is one of them, or, in a
    text without a sign, the name stands in the text."""
    names = [_fold(name) for name in sender_names]
    sign = _LEADING_SIGN.search(normalized) or _TRAILING_SIGN.search(normalized)
    if sign:
        return _fold(sign[1]) in names
    text = _fold(normalized)
    return any(_stands_in(name, text) for name in names if name)


def _fold(name: str) -> str:
    return normalize(name).strip().casefold()


def _stands_in(name: str, text: str) -> bool:
    """As a word of its own where the name begins or ends with a Latin letter or digit."""
    start = text.find(name)
    while start >= 0:
        end = start + len(name)
        cut_before = start > 0 and _latin(text[start - 1]) and _latin(name[0])
        cut_after = end < len(text) and _latin(text[end]) and _latin(name[-1])
        if not cut_before and not cut_after:
            return True
        start = text.find(name, start + 1)
    return False


def _latin(char: str) -> bool:
    return char.isascii() and char.isalnum()
