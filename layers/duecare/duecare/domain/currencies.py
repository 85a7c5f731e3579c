"""The marks that make a number an amount of money, and the currencies that each can stand for (ISO 4217)."""

from __future__ import annotations

import re

from msgspec import Struct

from duecare.domain.kinds import MINOR_UNITS

# A number that is said to be owed without any mark is in no particular currency, so it contradicts none.
ANY_CURRENCY = frozenset(MINOR_UNITS)

_DOLLARS = "USD AUD CAD HKD NZD SGD TWD BBD BSD BZD FJD JMD NAD TTD XCD LRD GYD MXN ARS CLP COP"
_RUPEES = "INR PKR LKR NPR MUR SCR"
_YUAN = "CNY HKD MOP TWD"
_POUNDS = "GBP EGP FKP GIP SHP"

# Codes that are words; they stand beside numbers without meaning money.
_WORDS = "ALL BAM BOB COP CUP GEL LAK MAD MOP PEN RON SLE SOS TOP TRY"
# Written before or after the number.
_EITHER = {
    "¥": "CNY JPY",
    "$": _DOLLARS,
    "us$": "USD",
    "a$": "AUD",
    "au$": "AUD",
    "c$": "CAD",
    "ca$": "CAD",
    "hk$": "HKD",
    "nz$": "NZD",
    "s$": "SGD",
    "nt$": "TWD",
    "€": "EUR",
    "£": _POUNDS,
    "₹": "INR",
    "₨": _RUPEES,
    "₱": "PHP",
    "₩": "KRW",
    "₫": "VND",
    "฿": "THB",
    "₦": "NGN",
    "rmb": "CNY",
    "cnh": "CNY",
    "人民币": "CNY",
    "美元": "USD",
    "美金": "USD",
    "港币": "HKD",
    "港元": "HKD",
    "日元": "JPY",
    "欧元": "EUR",
    "英镑": "GBP",
    "加元": "CAD",
    "加币": "CAD",
    "澳元": "AUD",
    "澳币": "AUD",
    "澳门元": "MOP",
    "新元": "SGD",
    "新币": "SGD",
    "台币": "TWD",
    "新台币": "TWD",
    "韩元": "KRW",
    "卢比": _RUPEES,
    "卢布": "RUB",
    "泰铢": "THB",
    "令吉": "MYR",
    "比索": "PHP MXN ARS CLP COP UYU DOP CUP",
    "us dollars": "USD",
    "australian dollars": "AUD",
    "canadian dollars": "CAD",
    "hong kong dollars": "HKD",
    "singapore dollars": "SGD",
    "new zealand dollars": "NZD",
    "indian rupees": "INR",
    "ringgit": "MYR",
    "rupiah": "IDR",
    "naira": "NGN",
    "rand": "ZAR",
    "shillings": "KES TZS UGX SOS",
    "yen": "JPY",
    "baht": "THB",
    "rs.": _RUPEES,
    "rs": _RUPEES,
    "rupees": _RUPEES,
    "rupee": _RUPEES,
    "rp": "IDR",
    "rp.": "IDR",
    "rm": "MYR",
    "ksh": "KES",
    "ghs": "GHS",
    "php": "PHP",
    "yuan": "CNY",
    "renminbi": "CNY",
    "dollars": _DOLLARS,
    "dollar": _DOLLARS,
    "pounds": _POUNDS,
    "euros": "EUR",
    "euro": "EUR",
    "pesos": "PHP MXN ARS CLP COP UYU DOP CUP",
} | {code.lower(): code for code in MINOR_UNITS if code not in _WORDS.split()}
# Written after the number only; 元 also before it, in brackets: 金额(元):27911.
_AFTER = {
    "元": _YUAN,
    "块钱": _YUAN,
    "块": _YUAN,
    "圆": _YUAN + " JPY",
    "bucks": _DOLLARS,
    "quid": "GBP",
    "/-": _RUPEES,
    "/=": "KES TZS UGX",
}
_BRACKETED = {"(元)": _YUAN, "(人民币)": "CNY", "(rmb)": "CNY", "(大写)": " ".join(ANY_CURRENCY)}
# "P1,234" and "R1,234" are marks only where the number is written as money.
_LETTERS = {"p": "PHP", "r": "ZAR"}

_CODES = {mark: frozenset(codes.split()) for table in (_EITHER, _AFTER, _BRACKETED) for mark, codes in table.items()}
_LETTER_CODES = {mark: frozenset(codes.split()) for mark, codes in _LETTERS.items()}
# How long the marks are that begin or end with a character, the longest first.
_BY_FIRST: dict[str, list[int]] = {}
_BY_LAST: dict[str, list[int]] = {}
for _mark in sorted(_CODES, key=len, reverse=True):
    for _lengths, _char in ((_BY_FIRST, _mark[0]), (_BY_LAST, _mark[-1])):
        if len(_mark) not in _lengths.setdefault(_char, []):
            _lengths[_char].append(len(_mark))
_WRITTEN_AS_MONEY = re.compile(r"\d{1,3}(?:,\d{3})+|\d{1,9}\.\d\d(?!\d)")
_NO_MARK = {"元": "旦月宵素宝件首", "块": "儿头"}  # 元旦 is a day


class Mark(Struct, frozen=True):
    """Where a mark stands, what it can stand for, and whether it can also belong to a number after it."""

    start: int
    end: int
    currencies: frozenset[str]
    either: bool


def mark_before(text: str, end: int) -> Mark | None:
    """The mark that ends at `end`, the longest, as one that stands before a number."""
    for length in _BY_LAST.get(text[end - 1 : end], ()):
        mark = text[end - length : end] if length <= end else ""
        if (
            mark in _CODES
            and mark not in _AFTER
            and not (_latin(mark[0]) and end > length and _latin(text[end - length - 1]))
        ):
            return Mark(end - length, end, _CODES[mark], either=True)
    letter = text[end - 1 : end]
    if letter in _LETTER_CODES and not text[end - 2 : end - 1].isalnum() and _WRITTEN_AS_MONEY.match(text, end):
        return Mark(end - 1, end, _LETTER_CODES[letter], either=True)
    return None


def mark_after(text: str, start: int) -> Mark | None:
    """The mark that begins at `start`, the longest, as one that stands after a number."""
    for length in _BY_FIRST.get(text[start : start + 1], ()):
        mark = text[start : start + length]
        if mark in _CODES:
            following = text[start + length : start + length + 1]
            if not (_latin(mark[-1]) and _latin(following)) and (
                not following or following not in _NO_MARK.get(mark, "")
            ):
                return Mark(start, start + len(mark), _CODES[mark], either=mark not in _AFTER)
    return None


def _latin(char: str) -> bool:
    return "a" <= char <= "z"
