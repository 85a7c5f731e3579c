"""The rules that a decision applies, as data. The pack of contact rules by country will be loaded into this value."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct

from duecare.domain.text import condense


class Rules(Struct, frozen=True, kw_only=True):
    """One version of the rules. Words are compared after `text.condense`."""

    version: str
    answer_validity: timedelta
    opt_out_words: frozenset[str]
    opt_in_words: frozenset[str]


def _words(*words: str) -> frozenset[str]:
    return frozenset(condense(word) for word in words)


RULES = Rules(
    version="2026-11-24",
    # How long an answer may be acted on (the contract's `valid_until`).
    answer_validity=timedelta(seconds=120),
    # Replies that stop messages: China's gateways' practice, and 47 CFR 64.1200(a)(10).
    opt_out_words=_words(
        *("T", "TD", "R", "N", "退订", "退", "拒收", "停止", "不要发了"),
        *("STOP", "STOPALL", "QUIT", "END", "REVOKE", "OPT OUT", "CANCEL", "UNSUBSCRIBE"),
    ),
    opt_in_words=_words("START", "恢复订阅"),
)
