"""The rules that a decision applies, as data. The pack of contact rules by country will be loaded into this value."""

from __future__ import annotations

import re
from datetime import timedelta

from msgspec import Struct

from duecare.domain.text import condense


class Rules(Struct, frozen=True, kw_only=True):
    """One version of the rules. Words and wordings are compared after `text.condense`."""

    version: str
    answer_validity: timedelta
    opt_out_words: frozenset[str]
    opt_in_words: frozenset[str]
    opt_out_wording: re.Pattern[str]


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
    # Wordings that tell a recipient how to stop: 退订回T, 拒收请回复R, 回TD退订; Reply STOP to opt out, and kin.
    # Every quantifier is bounded and no two can match the same text, so time grows with length only.
    opt_out_wording=re.compile(
        r"(?:退订|拒收)请?(?:回复|回|发送|发)(?:td|[trn]|退订|拒收)"
        r"|(?:回复|回|发送|发)(?:td|[trn])(?:可|即可)?(?:退订|拒收)"
        r"|(?:reply|text|txt|send|respond)(?:with)?(?:stop|quit|end|cancel|unsubscribe|td?)"
        r"(?:to|for)?(?:opt|stop|end|cancel|unsub|quit)"
        r"|(?:reply|text|txt|send)(?:with)?stop"
        r"|(?:tooptout|tostop|tounsubscribe)(?:these(?:messages|texts))?(?:reply|text|txt|send)(?:with)?(?:stop|quit|end|td?)"
    ),
)
