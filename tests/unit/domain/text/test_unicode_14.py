"""A text has the same readings on every Python: newer versions of Unicode change nothing."""

from __future__ import annotations

import hashlib
import unicodedata

from duecare_core.domain.text.folding import fold
from duecare_core.domain.text.sender_names import normalize
from duecare_core.domain.text.unicode_14 import UNKNOWN_SIGN, is_newer, is_newer_invisible, without_newer

EVERY = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
# Made with Python 3.11 and 3.13, whose Unicode is 14.0 and 15.1.
EVERY_FOLDED = "e60d3549280ec1c30bda5e99ebeaf365938fa03951eb006b2a8075f8695cc1d7"
EVERY_NORMALIZED = "48160ed4dfadd14a0f41b527ceca8acc0d27925bdbd0eb5b52985d349d0e34c0"


def digest(made: list[str]) -> str:
    return hashlib.sha256("\n".join(made).encode()).hexdigest()


def test_every_character_folds_alike_on_every_python() -> None:
    assert digest([fold(char).chars for char in EVERY]) == EVERY_FOLDED


def test_every_character_is_normalized_alike_and_is_or_is_not_a_letter_on_every_python() -> None:
    forms = [normalize(char) for char in EVERY]
    assert digest([form.casefold() for form in forms]) == EVERY_NORMALIZED
    assert not any(char.isalnum() for form in forms for char in form if is_newer(char))


def test_newer_characters_are_those_that_unicode_14_does_not_have() -> None:
    newer = [char for char in EVERY if is_newer(char)]
    assert len(newer) == 5116
    if unicodedata.unidata_version == "14.0.0":
        assert {unicodedata.category(char) for char in newer} == {"Cn"}
        return
    assert "Cn" not in {unicodedata.category(char) for char in newer}
    invisible = [char for char in newer if unicodedata.category(char) in ("Cf", "Mn", "Me")]
    assert invisible == [char for char in newer if is_newer_invisible(char)]


def test_each_newer_character_becomes_the_unknown_sign_anywhere_in_a_text() -> None:
    assert all(without_newer(f"欠款{char}元") == f"欠款{UNKNOWN_SIGN}元" for char in EVERY if is_newer(char))
    assert without_newer("欠款\U0001f600元\ud800") == "欠款\U0001f600元\ud800"


def test_an_invisible_newer_character_does_not_hide_a_word() -> None:
    assert fold("po\U00013439lice").chars == "police"
