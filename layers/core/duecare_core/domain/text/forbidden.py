"""Forbidden content: impersonating an authority, threats of arrest, violence or exposure, invented blacklists, abuse.

Sources: the Banking Association's guideline and GB/T 45251-2025 (no impersonation of state organs, no threats, no
invented blacklists), 12 CFR 1006.14 and 1006.18 (harassment, false representation), RBI Directions 2025, FCA CONC 7. A
plain announcement that the creditor may sue is allowed, and so is a warning against impersonators."""

from __future__ import annotations

from duecare_core.domain.text.folding import FoldedText
from duecare_core.domain.text.forbidden_en import ENGLISH
from duecare_core.domain.text.forbidden_zh import CHINESE
from duecare_core.domain.text.phrases import FORBIDDEN, Phrase, PhraseMatch, compiled

PHRASES: tuple[Phrase, ...] = CHINESE + ENGLISH


# A sender tag, or the opening words of a text, in the name of an authority. These patterns need the brackets and
# punctuation that squeezing removes.
_AUTHORITY_TAG = r"""[【\[](?![^【】\[\]]{0,20}医院)[^【】\[\]]{0,24}
    (?:公安|派出所|法院|检察院|人民政府|市政府|法庭|经侦|刑侦|警务|警方|公检法|司法局|执行局|纪委|专案组|反诈|网警|交警
      |police|court\b|sheriff|hmrc|\birs\b|\bfbi\b|\bcbi\b|crime\ branch|magistrate|ministry\ of|department\ of\ justice
      |government\ of)
    [^【】\[\]]{0,24}[】\]]"""
_AUTHORITY_OPENING = r"""\W{0,8}(?:(?:final|urgent|important)\ )?(?:[a-z]{1,16}\ ){0,2}
    (?:police|court|sheriff|hmrc|irs|fbi|cbi|crime\ branch|cyber\ ?(?:crime|cell)|magistrates?|ministry\ of\ justice)
    (?:'s)?(?:\ (?:office|department|dept|station|notice|alert|order|summons|warning|cell|division|unit|final)){0,3}
    \ ?[:\-–!]"""


def find_impersonating_tags(text: FoldedText) -> list[PhraseMatch]:
    """A sender tag or an opening in the name of an authority; `text` is a skeleton. At most one match."""
    bracketed = "【" in text.chars or "[" in text.chars
    match = compiled(_AUTHORITY_TAG).search(text.chars) if bracketed else None
    match = match or compiled(_AUTHORITY_OPENING).match(text.chars)
    return [PhraseMatch("posing_as_authority.sign", FORBIDDEN, *text.span(*match.span()))] if match else []
