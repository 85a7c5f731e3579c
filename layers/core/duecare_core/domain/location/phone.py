"""Telephone numbers: one person, one spelling (ITU-T E.164), one key."""

from __future__ import annotations

import re

import phonenumbers

# Argentina's mobile numbers are written with and without a 9; both are possible numbers of the same person.
_ARGENTINE_MOBILE = re.compile(r"\+549(\d{10})")
# Mobile numbers of China, and all of the North American plan: possible and in their one spelling by form alone. Most
# numbers are one of them, and the library takes thirty times as long to say so.
_BY_FORM = re.compile(r"\+(?:861[3-9][0-9]{9}|1[2-9][0-9]{9})")


def is_e164(number: str) -> bool:
    """Whether this is a possible number in its one E.164 spelling.

    One person must not get two keys by two spellings (`+4407…` and `+447…`): a stop would hold for one of them only.
    """
    if _BY_FORM.fullmatch(number):
        return True
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return False
    canonical = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return phonenumbers.is_possible_number(parsed) and canonical == number


def canonical_number(number: str) -> str:
    """What a recipient's key is made of: the number, in the one spelling that `is_e164` cannot hold it to."""
    argentine = _ARGENTINE_MOBILE.fullmatch(number)
    return f"+54{argentine[1]}" if argentine else number
