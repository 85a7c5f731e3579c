"""Who a text says it is from: its sign (短信签名, `【…】` or `[…]`), or the name in the text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from msgspec import Struct


class SenderTag(Struct, frozen=True):
    """A sender's sign at the start or the end of a text, with its offsets."""

    name: str
    start: int
    end: int


_LEADING = re.compile(r"\s{0,8}【([^【】]{1,80})】")
_TRAILING = re.compile(r"【([^【】]{1,80})】\s{0,8}$")
# Square brackets also hold other things ([T], [link]); they are a sign at the start or end of a Chinese text.
_LEADING_SQUARE = re.compile(r"\s{0,8}\[([^\[\]]{1,80})\]")
_TRAILING_SQUARE = re.compile(r"\[([^\[\]]{2,80})\]\s{0,8}$")
_BRACKETED = re.compile(r"[【「『〖]([^【】「」『』〖〗]{1,80})[】」』〗]")
_MORE = re.compile(r"(?:\s{0,8}【[^【】]{1,80}】){2,8}")
_WHOLE_PHRASE = re.compile("[\ufdfa\ufdfb]")  # one character each, a sentence once normalized
# Unicode's format characters (category Cf).
_INVISIBLE = re.compile(
    "[\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001"
    "\U000e0020-\U000e007f]"
)
_CHINESE = re.compile("[一-鿿]")
_TAIL = 100  # as far from the end as a sign can begin


def normalize(text: str) -> str:
    """NFKC: full-width digits, letters and signs become the plain ones."""
    return unicodedata.normalize("NFKC", text)


def find_sender_tags(text: str) -> tuple[SenderTag, ...]:
    """The signs at the start and the end of a text, with offsets into what is given. `【…】` goes before `[…]`."""
    signs = _at_the_ends(text, _LEADING, _TRAILING)
    if not signs and _CHINESE.search(text):
        signs = _at_the_ends(text, _LEADING_SQUARE, _TRAILING_SQUARE)
    return signs


def _at_the_ends(text: str, leading: re.Pattern[str], trailing: re.Pattern[str]) -> tuple[SenderTag, ...]:
    first = leading.match(text)
    last = trailing.search(text, max(0, len(text) - _TAIL))
    found = [match for match in (first, last) if match]
    if first and last and first.start(1) == last.start(1):
        found.pop()
    return tuple(SenderTag(match[1].strip(), *match.span()) for match in found)


def names_sender(text: str, sender_names: Iterable[str]) -> bool:
    """Whether the text names one of these senders and no other: every sign it bears is one of them, or, in a text
    without a sign, the name stands in the text. Compared after NFKC, trimming and case folding; look-alike letters are
    other names."""
    text = normalize(_WHOLE_PHRASE.sub("\ufffd", text))
    text = (text if text.isprintable() else _INVISIBLE.sub("", text)).strip()
    names = [_plain(name) for name in sender_names]
    signs = [sign.name for sign in find_sender_tags(text)]
    # More signs right behind the first are signs too; and where none stands at an end, whatever is in their brackets
    # is read as one, or a stranger's sign behind a word of greeting would hide behind the name in the text.
    others = _MORE.match(text) if signs else None
    signs += _BRACKETED.findall(others[0] if others else "" if signs else text)
    if signs:
        return all(_plain(sign) in names for sign in signs)
    folded = _plain(text)
    return any(_stands_in(name, folded) for name in names if name)


def _plain(name: str) -> str:
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
