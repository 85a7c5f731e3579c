"""What a text says: which amounts it claims, who signs it, how to stop it, and what it must not say.

`read` is the entry: pure, linear in the text's length, and never an exception. Everything is found in the folded text
(folding.py), so that look-alikes, invisible characters and signs between characters hide nothing; every offset points
into the original.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from duecare_core.domain.text.amount_meaning import Meaning
from duecare_core.domain.text.amounts import Claim, read_amounts
from duecare_core.domain.text.folding import fold, skeleton
from duecare_core.domain.text.forbidden import PHRASES, find_impersonating_tags
from duecare_core.domain.text.phrases import FORBIDDEN, PhraseMatch, Phrases, find_matches, searchable
from duecare_core.domain.text.required_wording import DISCLOSURE, OPT_OUT
from duecare_core.domain.text.sender_names import SenderTag, find_sender_tags, names_sender, normalize

__all__ = [
    "Claim",
    "Meaning",
    "PhraseMatch",
    "Reading",
    "SenderTag",
    "claims",
    "condense",
    "names_sender",
    "normalize",
    "read",
]

_PHRASES = Phrases((*PHRASES, *OPT_OUT, *DISCLOSURE))


class Reading(Struct, frozen=True):
    """What one text says. Offsets point into the text as it was given to `read`."""

    amounts: tuple[Claim, ...]
    forbidden: tuple[PhraseMatch, ...]
    signs: tuple[SenderTag, ...]
    opt_out: PhraseMatch | None
    disclosure: PhraseMatch | None


def read(text: str) -> Reading:
    """Read a text once."""
    folded = fold(text)
    bones = skeleton(folded)
    said = searchable(bones)
    to_try = _PHRASES.to_try(said)
    return Reading(
        amounts=read_amounts(folded, text),
        forbidden=_in_order([*find_impersonating_tags(bones), *find_matches(said, to_try, FORBIDDEN)]),
        signs=find_sender_tags(text),
        opt_out=next(find_matches(said, to_try, "TEXT_OPT_OUT"), None),
        disclosure=next(find_matches(said, to_try, "TEXT_DISCLOSURE"), None),
    )


def _in_order(findings: Iterable[PhraseMatch]) -> tuple[PhraseMatch, ...]:
    return tuple(sorted(findings, key=lambda finding: (finding.start, finding.rule)))


def claims(text: str) -> tuple[Claim, ...]:
    """Every amount of money in a text, with offsets into what is given."""
    return read_amounts(fold(text), text)


def condense(text: str) -> str:
    """Letters and digits alone, in one case: what is left when quotes, spaces and signs do not count."""
    return "".join(char for char in normalize(text).casefold() if char.isalnum())
