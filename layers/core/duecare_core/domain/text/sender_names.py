"""The sender that a text names: in a sender tag (短信签名, `【…】` or `[…]`), or by name in the text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from msgspec import Struct

from duecare_core.domain.text.unicode_14 import without_newer


class SenderTag(Struct, frozen=True):
    """A sender tag at the start or the end of a text, with its offsets."""

    name: str
    start: int
    end: int


_LEADING = re.compile(r"\s{0,8}【([^【】]{1,80})】")
_TRAILING = re.compile(r"【([^【】]{1,80})】\s{0,8}$")
# Square brackets have other uses ([T], [link]). They are a sender tag at the start or end of a Chinese text.
_LEADING_SQUARE = re.compile(r"\s{0,8}\[([^\[\]]{1,80})\]")
_TRAILING_SQUARE = re.compile(r"\[([^\[\]]{2,80})\]\s{0,8}$")
_BRACKETED = re.compile(r"[【「『〖]([^【】「」『』〖〗]{1,80})[】」』〗]")
_MORE = re.compile(r"(?:\s{0,8}【[^【】]{1,80}】){2,8}")
_WHOLE_PHRASE = re.compile("[\ufdfa\ufdfb]")  # each becomes a sentence if normalized
# Unicode's format characters (category Cf).
_INVISIBLE = re.compile(
    "[\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001"
    "\U000e0020-\U000e007f]"
)
_CHINESE = re.compile("[一-鿿]")
_TAIL = 100  # the most characters from the start of a tag to the end of the text


def normalize(text: str) -> str:
    """NFKC of Unicode 14.0: full-width digits, letters and signs become the plain ones."""
    return unicodedata.normalize("NFKC", without_newer(text))


def find_sender_tags(text: str) -> tuple[SenderTag, ...]:
    """The sender tags at the start and the end of a text. `[…]` counts only if there is no `【…】`."""
    tags = _at_the_ends(text, _LEADING, _TRAILING)
    if not tags and _CHINESE.search(text):
        tags = _at_the_ends(text, _LEADING_SQUARE, _TRAILING_SQUARE)
    return tags


def _at_the_ends(text: str, leading: re.Pattern[str], trailing: re.Pattern[str]) -> tuple[SenderTag, ...]:
    first = leading.match(text)
    last = trailing.search(text, max(0, len(text) - _TAIL))
    found = [match for match in (first, last) if match]
    if first and last and first.start(1) == last.start(1):
        found.pop()
    return tuple(SenderTag(match[1].strip(), *match.span()) for match in found)


class NamedSenders(Struct, frozen=True):
    """The senders that a text names, after NFKC, trimming and case folding; look-alike letters make another name.

    `tagged`: the names in sender tags. `text`: the whole text, which must contain a name if there is no tag.
    """

    tagged: tuple[str, ...]
    text: str

    def are_among(self, sender_names: Iterable[str]) -> bool:
        """Whether the text names one of these senders and no other."""
        names = [_plain(name) for name in sender_names]
        if self.tagged:
            return all(name in names for name in self.tagged)
        return any(_contains_name(name, self.text) for name in names if name)


def find_senders(text: str) -> NamedSenders:
    """The senders that the text names."""
    text = normalize(_WHOLE_PHRASE.sub("\ufffd", text))
    text = (text if text.isprintable() else _INVISIBLE.sub("", text)).strip()
    tagged = [tag.name for tag in find_sender_tags(text)]
    # Further tags right after the first count too. If there is no tag at either end, every bracketed name counts as
    # one, because a stranger's tag after a greeting must not pass by a registered name elsewhere in the text.
    others = _MORE.match(text) if tagged else None
    tagged += _BRACKETED.findall(others[0] if others else "" if tagged else text)
    return NamedSenders(tuple(_plain(name) for name in tagged), _plain(text))


def _plain(name: str) -> str:
    return normalize(name).strip().casefold()


def _contains_name(name: str, text: str) -> bool:
    """Whether the text contains the name; a Latin letter or digit at its ends must be the end of a word."""
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
