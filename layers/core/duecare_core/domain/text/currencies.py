"""The marks that make a number an amount of money, and the currencies that each can mean (ISO 4217)."""

from __future__ import annotations

import re

from msgspec import Struct

from duecare_core.domain.fields import MINOR_UNITS

# An amount without a mark can be in any currency.
ANY_CURRENCY = frozenset(MINOR_UNITS)

_DOLLARS = "USD AUD CAD HKD NZD SGD TWD BBD BSD BZD FJD JMD NAD TTD XCD LRD GYD MXN ARS CLP COP"
_RUPEES = "INR PKR LKR NPR MUR SCR"
_YUAN = "CNY HKD MOP TWD"
_POUNDS = "GBP EGP FKP GIP SHP"

# Codes that are also words, and occur beside numbers without meaning money.
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
    "英磅": "GBP",
    "加元": "CAD",
    "加币": "CAD",
    "澳元": "AUD",
    "澳币": "AUD",
    "澳门元": "MOP",
    "澳门币": "MOP",
    "美刀": "USD",
    "港纸": "HKD",
    "日币": "JPY",
    "日圆": "JPY",
    "软妹币": "CNY",
    # Emoji of banknotes and of money.
    "💲": _DOLLARS,
    "💵": _DOLLARS,
    "💴": "CNY JPY",
    "💶": "EUR",
    "💷": _POUNDS,
    "💰": " ".join(ANY_CURRENCY),
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
    "大洋": _YUAN,
    "刀": _DOLLARS,
    "刀乐": _DOLLARS,
    "镑": _POUNDS,
    "磅": _POUNDS,
    "欧": "EUR",
    # Written instead of 元 and 块 to evade detection.
    "员": _YUAN,
    "园": _YUAN,
    "快": _YUAN,
    "kuai": _YUAN,
    "块": _YUAN,
    "圆": _YUAN + " JPY",
    "bucks": _DOLLARS,
    "quid": "GBP",
    "/-": _RUPEES,
    "/=": "KES TZS UGX",
}
# No debt is in these currencies, so no debt bears them out.
_COINS = dict.fromkeys(("usdt", "btc", "eth", "泰达币", "比特币", "以太坊"), "")
_SPACED = {
    joint.join(mark): codes
    for joint in (" ", ".")
    for mark, codes in (
        ("rmb", "CNY"),
        ("cny", "CNY"),
        ("usd", "USD"),
        ("yuan", "CNY"),
        ("人民币", "CNY"),
        ("美元", "USD"),
    )
}
_BRACKETED = {"(元)": _YUAN, "(人民币)": "CNY", "(rmb)": "CNY", "(大写)": " ".join(ANY_CURRENCY)}
# "P1,234", "R1 234" and "N1,234" are marks only if the number is written as money.
_LETTERS = {"p": "PHP", "r": "ZAR", "n": "NGN"}

_CODES = {
    mark: frozenset(codes.split())
    for table in (_EITHER, _COINS, _SPACED, _AFTER, _BRACKETED)
    for mark, codes in table.items()
}
_LETTER_CODES = {mark: frozenset(codes.split()) for mark, codes in _LETTERS.items()}
# The lengths of the marks that begin or end with a character, the longest first.
_BY_FIRST: dict[str, list[int]] = {}
_BY_LAST: dict[str, list[int]] = {}
for _mark in sorted(_CODES, key=len, reverse=True):
    for _lengths, _char in ((_BY_FIRST, _mark[0]), (_BY_LAST, _mark[-1])):
        if len(_mark) not in _lengths.setdefault(_char, []):
            _lengths[_char].append(len(_mark))
_MONEY = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d\d)?|\d{3,9}\.\d\d")
_MONEY_BEHIND_A_LETTER = re.compile(r" ?(?:\d{1,3}(?:[ ,]\d{3})+|\d{1,9}\.\d\d(?!\d))")
# A mark followed by one of these characters is no mark: 元旦 (New Year), 5快递 (parcels), 300员工 (staff).
_NO_MARK = {
    "元": "旦月宵素宝件首",
    "块": "儿头",
    "刀": "具片削",
    "员": "工",
    "园": "区林",
    "欧": "洲盟式美",
    "快": "递速捷讯报手餐",
}

# Every first and every last character of a mark.
FIRST_OF_A_MARK = frozenset(_BY_FIRST)
LAST_OF_A_MARK = frozenset(_BY_LAST) | _LETTER_CODES.keys()


class CurrencyMark(Struct, frozen=True):
    """A mark: its offsets, the currencies that it can mean, and whether it can also precede its number."""

    start: int
    end: int
    currencies: frozenset[str]
    either: bool


def mark_before(text: str, end: int) -> CurrencyMark | None:
    """The longest mark that ends at `end` and can precede a number."""
    letter = text[end - 1 : end]
    for length in _BY_LAST.get(letter, ()):
        mark = text[end - length : end] if length <= end else ""
        if (
            mark in _CODES
            and mark not in _AFTER
            and not (_latin(mark[0]) and end > length and _latin(text[end - length - 1]))
        ):
            return CurrencyMark(end - length, end, _CODES[mark], either=True)
    if letter in _LETTER_CODES and not text[end - 2 : end - 1].isalnum() and _MONEY_BEHIND_A_LETTER.match(text, end):
        return CurrencyMark(end - 1, end, _LETTER_CODES[letter], either=True)
    return None


def mark_after(text: str, start: int) -> CurrencyMark | None:
    """The longest mark that begins at `start` and can follow a number."""
    for length in _BY_FIRST.get(text[start : start + 1], ()):
        mark = text[start : start + length]
        if mark in _CODES:
            following = text[start + length : start + length + 1]
            if not (_latin(mark[-1]) and _latin(following)) and (
                not following or following not in _NO_MARK.get(mark, "")
            ):
                return CurrencyMark(start, start + len(mark), _CODES[mark], either=mark not in _AFTER)
    return None


def written_as_money(number: str) -> bool:
    """Whether a number is written as only money is: 27,911 or 27,911.00 or 27911.00. 10.21 may be a date."""
    return _MONEY.fullmatch(number) is not None


def _latin(char: str) -> bool:
    return "a" <= char <= "z"
