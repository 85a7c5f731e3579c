"""Reads a text: the amounts it claims, its sender tags, opt-out wording, disclosure, and forbidden phrases.

`read` is the entry point: pure, linear in the text's length, and it never raises. It searches the folded text
(folding.py), so look-alikes, invisible characters and signs between characters hide nothing. Every offset points into
the original text.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from duecare_core.domain.text.amount_meaning import Meaning
from duecare_core.domain.text.amounts import Claim, read_amounts
from duecare_core.domain.text.folding import fold, skeleton_of
from duecare_core.domain.text.forbidden import PHRASES, find_impersonating_tags
from duecare_core.domain.text.parts import find_number
from duecare_core.domain.text.phrases import FORBIDDEN, PhraseMatch, Phrases, find_matches, searchable
from duecare_core.domain.text.required_wording import DISCLOSURE, OPT_OUT
from duecare_core.domain.text.sender_names import NamedSenders, SenderTag, find_sender_tags, find_senders, normalize

__all__ = [
    "Claim",
    "Meaning",
    "PhraseMatch",
    "Reading",
    "SenderTag",
    "claims",
    "condense",
    "find_senders",
    "normalize",
    "read",
]

_PHRASES = Phrases((*PHRASES, *OPT_OUT, *DISCLOSURE))


class Reading(Struct, frozen=True):
    """The elements found in one text. Offsets point into the text as it was given to `read`.

    `part_number`: the place of a clear number of a part, such as (1/2).
    """

    amounts: tuple[Claim, ...]
    forbidden: tuple[PhraseMatch, ...]
    sender_tags: tuple[SenderTag, ...]
    senders: NamedSenders
    opt_out: PhraseMatch | None
    disclosure: PhraseMatch | None
    part_number: tuple[int, int] | None


def read(text: str) -> Reading:
    """Every element of a text."""
    folded = fold(text)
    skeleton = skeleton_of(folded)
    squeezed = searchable(skeleton)
    candidates = _PHRASES.candidates(squeezed)
    sender_tags = find_sender_tags(text)
    opt_out = next(find_matches(squeezed, candidates, "TEXT_OPT_OUT"), None)
    return Reading(
        amounts=read_amounts(folded, text),
        forbidden=_in_order([*find_impersonating_tags(skeleton), *find_matches(squeezed, candidates, FORBIDDEN)]),
        sender_tags=sender_tags,
        senders=find_senders(text),
        opt_out=opt_out,
        disclosure=next(find_matches(squeezed, candidates, "TEXT_DISCLOSURE"), None),
        part_number=find_number(folded, *_proper(text, sender_tags, opt_out)),
    )


def _proper(text: str, tags: tuple[SenderTag, ...], opt_out: PhraseMatch | None) -> tuple[int, int]:
    """Where the text without its sender tag and opt-out wording begins and ends."""
    first, last = 0, len(text)
    spans = [(tag.start, tag.end) for tag in tags] + ([(opt_out.start, opt_out.end)] if opt_out else [])
    for start, end in spans:
        if end * 2 <= len(text):
            first = max(first, end)
        elif start * 2 >= len(text):
            last = min(last, start)
    return first, last


def _in_order(findings: Iterable[PhraseMatch]) -> tuple[PhraseMatch, ...]:
    return tuple(sorted(findings, key=lambda finding: (finding.start, finding.rule)))


def claims(text: str) -> tuple[Claim, ...]:
    """Every amount of money that a text claims."""
    return read_amounts(fold(text), text)


def condense(text: str) -> str:
    """The letters and digits of a text, normalized and in one case; without quotes, spaces and signs."""
    return "".join(char for char in normalize(text).casefold() if char.isalnum())
