"""Telephone numbers (ITU-T E.164): one spelling per person, because a recipient's key is made from it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeGuard

import phonenumbers

from duecare_core.domain.fields import E164

# Mobile numbers of China and all numbers of the North American plan: their form alone shows that they are possible and
# canonical. Most numbers are among them, and the library takes thirty times as long.
_BY_FORM = re.compile(r"\+(?:861[3-9][0-9]{9}|1[2-9][0-9]{9})")

_IVORIAN = {digit: prefix for prefix, digits in {"01": "0123", "05": "456", "07": "789"}.items() for digit in digits}
_GABONESE = {"1": "11", "2": "62", "4": "74", "5": "65", "6": "66", "7": "77"}
_VIETNAMESE = (
    dict(zip(["120", "121", "122", "126", "128"], ["70", "79", "77", "76", "78"], strict=True))
    | dict(zip(["123", "124", "125", "127", "129"], ["83", "84", "85", "81", "82"], strict=True))
    | {f"16{digit}": f"3{digit}" for digit in "23456789"}
    | {"186": "56", "188": "58", "199": "59"}
)
# Spellings that are no longer in use, or that exist beside another one, by country code: the form of the old spelling,
# and the number of today. A plan is here only if the old spelling determines the number of today.
_RENUMBERED: dict[str, tuple[re.Pattern[str], Callable[[re.Match[str]], str]]] = {
    # Ivory Coast, 31 January 2021: mobile numbers of 8 digits got the operator's two digits in front, and their second
    # digit shows the operator. (The operator of a fixed line cannot always be told.)
    "+225": (
        re.compile(r"\+225([014-9]([0-9])\d{6})"),
        lambda old: f"+225{_IVORIAN[old[2]]}{old[1]}",
    ),
    # Benin, 30 November 2024: 8 digits became 10.
    "+229": (re.compile(r"\+229(\d{8})"), lambda old: f"+22901{old[1]}"),
    # Gabon, 2019: 7 digits, with or without a leading 0, became 8.
    "+241": (re.compile(r"\+2410?([124567])(\d{6})"), lambda old: f"+241{_GABONESE[old[1]]}{old[2]}"),
    # Mexico, 3 August 2019: no 1 before mobile numbers.
    "+52": (re.compile(r"\+521(\d{10})"), lambda old: f"+52{old[1]}"),
    # Argentina: mobile numbers are written with and without a 9. Both are possible numbers of the same person.
    "+54": (re.compile(r"\+549(\d{10})"), lambda old: f"+54{old[1]}"),
    # Brazil, 2012 to 2016: a 9 before mobile numbers, which began with 6, 8 or 9. (With 7 they may be as they were.)
    "+55": (re.compile(r"\+55(\d\d)([689]\d{7})"), lambda old: f"+55{old[1]}9{old[2]}"),
    # Colombia, 1 September 2021: 60 before fixed lines.
    "+57": (re.compile(r"\+57([1245678]\d{7})"), lambda old: f"+5760{old[1]}"),
    # Vietnam, 2018: mobile prefixes of three digits became two.
    "+84": (re.compile(rf"\+84({'|'.join(_VIETNAMESE)})(\d{{7}})"), lambda old: f"+84{_VIETNAMESE[old[1]]}{old[2]}"),
}


def is_e164(number: str) -> TypeGuard[E164]:
    """Whether this is a possible number in its canonical E.164 spelling.

    Two spellings of one number (`+4407…` and `+447…`) would have two keys, and a stop would hold for one of them only.
    """
    if _BY_FORM.fullmatch(number):
        return True
    return _formatted(number) == number


def canonical_number(number: str) -> E164:
    """The spelling from which the recipient's key is made: one per person, also where `is_e164` accepts two."""
    renumbered = _RENUMBERED.get(number[:3]) or _RENUMBERED.get(number[:4])
    if renumbered is None:
        return E164(number)
    form, todays = renumbered
    old = form.fullmatch(number)
    return E164(todays(old) if old else number)


def todays_number(number: str) -> E164 | None:
    """The canonical number of today for any spelling of it, also of an earlier numbering plan; None if there is none.

    For statements that protect the recipient: they are never refused for an old spelling.
    """
    for spelling in (canonical_number(number), _formatted(number)):
        if spelling and is_e164(spelling):
            return canonical_number(spelling)
    return None


def _formatted(number: str) -> str | None:
    """The library's E.164 spelling of a possible number; None if it is not possible."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
