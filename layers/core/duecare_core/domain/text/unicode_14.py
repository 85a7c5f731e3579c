r"""The characters that Unicode got after version 14.0, which is that of Python 3.11.

Newer Pythons know more characters, and would fold and separate them otherwise. The reader takes them for one unknown
sign, so that a text has the same readings on every Python (a test compares all characters). A Python with more
characters than Unicode 15.1 needs them here before it is supported.
"""

from __future__ import annotations

import re

UNKNOWN_SIGN = "\ufffd"
# Newer characters that are invisible: combining and format characters.
INVISIBLE = (
    "\u0ece\U00010efd-\U00010eff\U00011241\U00011f00\U00011f01\U00011f36-\U00011f3a\U00011f40\U00011f42"
    "\U00013439-\U00013440\U00013447-\U00013455\U0001e08f\U0001e4ec-\U0001e4ef"
)
_VISIBLE = (
    "\u0cf3\u2ffc-\u2fff\u31ef\U0001123f-\U00011240\U00011b00-\U00011b09\U00011f02-\U00011f10\U00011f12-\U00011f35"
    "\U00011f3e\U00011f3f\U00011f41\U00011f43-\U00011f59\U0001342f\U00013441-\U00013446\U0001b132\U0001b155"
    "\U0001d2c0-\U0001d2d3\U0001df25-\U0001df2a\U0001e030-\U0001e06d\U0001e4d0-\U0001e4eb\U0001e4f0-\U0001e4f9\U0001f6dc"
    "\U0001f774-\U0001f776\U0001f77b-\U0001f77f\U0001f7d9\U0001fa75-\U0001fa77\U0001fa87\U0001fa88\U0001faad-\U0001faaf"
    "\U0001fabb-\U0001fabd\U0001fabf\U0001face\U0001facf\U0001fada\U0001fadb\U0001fae8\U0001faf7\U0001faf8\U0002b739"
    "\U0002ebf0-\U0002ee5d\U00031350-\U000323af"
)
_NEWER_IN_BMP = "\u0cf3\u0ece\u2ffc\u2ffd\u2ffe\u2fff\u31ef"
_NEWER = re.compile(f"[{INVISIBLE}{_VISIBLE}]")
_NEWER_INVISIBLE = re.compile(f"[{INVISIBLE}]")


def is_newer(char: str) -> bool:
    return _NEWER.match(char) is not None


def is_newer_invisible(char: str) -> bool:
    return _NEWER_INVISIBLE.match(char) is not None


def without_newer(text: str) -> str:
    """The text with the unknown sign for each newer character."""
    return text if _is_old(text) else _NEWER.sub(UNKNOWN_SIGN, text)


def _is_old(text: str) -> bool:
    """Whether a text surely has no newer character. For most texts this takes a tenth of the time of the search: nearly
    all newer characters are outside the Basic Multilingual Plane, and take two units of UTF-16."""
    if text.isascii():
        return True
    if len(text.encode("utf-16-le", "surrogatepass")) != 2 * len(text):
        return False
    for char in _NEWER_IN_BMP:  # noqa: SIM110  a generator takes three times as long
        if char in text:
            return False
    return True
