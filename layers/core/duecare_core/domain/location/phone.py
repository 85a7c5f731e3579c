"""Telephone numbers (ITU-T E.164): one spelling per person, because a recipient's key is made from it."""

from __future__ import annotations

import re
from typing import TypeGuard

import phonenumbers

from duecare_core.domain.fields import E164

# Mobile numbers of Argentina are written with and without a 9. Both are possible numbers of the same person.
_ARGENTINE_MOBILE = re.compile(r"\+549(\d{10})")
# Mobile numbers of China and all numbers of the North American plan: their form alone shows that they are possible and
# canonical. Most numbers are among them, and the library takes thirty times as long.
_BY_FORM = re.compile(r"\+(?:861[3-9][0-9]{9}|1[2-9][0-9]{9})")


def is_e164(number: str) -> TypeGuard[E164]:
    """Whether this is a possible number in its canonical E.164 spelling.

    Two spellings of one number (`+4407…` and `+447…`) would have two keys, and a stop would hold for one of them only.
    """
    if _BY_FORM.fullmatch(number):
        return True
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return False
    canonical = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return phonenumbers.is_possible_number(parsed) and canonical == number


def canonical_number(number: str) -> E164:
    """The spelling from which the recipient's key is made: one per person, also where `is_e164` accepts two."""
    argentine = _ARGENTINE_MOBILE.fullmatch(number)
    return E164(f"+54{argentine[1]}" if argentine else number)
