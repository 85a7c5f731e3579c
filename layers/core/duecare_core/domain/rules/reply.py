"""The meaning of a recipient's reply (47 CFR 64.1200(a)(10) and the practice of China's gateways)."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from duecare_core.domain.rules.ruleset import Rules
from duecare_core.domain.text.reader import condense


class Reply(Enum):
    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"
    NONE = "none"


def read_reply(text: str, rules: Rules, at: datetime) -> Reply:
    """A reply has a meaning if it is one of the pack's words alone, in any case, with any white space and punctuation.

    `at`: when the reply was received.
    """
    word = condense(text)
    if word in rules.stop_words(at):
        return Reply.OPT_OUT
    return Reply.OPT_IN if word in rules.start_words(at) else Reply.NONE
