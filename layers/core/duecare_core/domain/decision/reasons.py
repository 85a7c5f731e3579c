"""The reasons for a deny: their order, and their messages in English and Chinese.

The order is the contract's (`ReasonCode`). The messages are in one catalogue per language.
"""

from __future__ import annotations

from typing import NamedTuple, get_args

from duecare_core.domain.decision import reason_messages_en as en
from duecare_core.domain.decision import reason_messages_zh as zh
from duecare_core.domain.fields import ReasonCode


class Sentence(NamedTuple):
    """The message of one reason."""

    en: str
    zh: str


CODES: tuple[ReasonCode, ...] = get_args(ReasonCode)
ORDER: dict[str, int] = {code: place for place, code in enumerate(CODES)}
REASONS: dict[str, Sentence] = {code: Sentence(en.MESSAGES[code], zh.MESSAGES[code]) for code in CODES}


def sentence(code: str, language: str) -> str:
    """The message of a reason. `language`: `zh-CN`; anything else is English."""
    reason = REASONS[code]
    return reason.zh if language == "zh-CN" else reason.en
