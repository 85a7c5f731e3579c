"""Telephone numbers: one person, one spelling (ITU-T E.164)."""

from __future__ import annotations

import phonenumbers


def is_e164(number: str) -> bool:
    """Whether this is a possible number in its one E.164 spelling.

    One person must not get two keys by two spellings (`+4407…` and `+447…`): a stop would hold for one of them only.
    """
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return False
    canonical = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return phonenumbers.is_possible_number(parsed) and canonical == number
