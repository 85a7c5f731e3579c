"""What a recipient's reply means (47 CFR 64.1200(a)(10) and the practice of China's gateways)."""

from __future__ import annotations

from enum import Enum

from duecare.domain.rules import Rules
from duecare.domain.text import condense


class Reply(Enum):
    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"
    NONE = "none"


def read_reply(text: str, rules: Rules) -> Reply:
    """A reply is an opt-out or opt-in word alone, in any case, whatever white space and punctuation stand with it."""
    word = condense(text)
    if word in rules.opt_out_words:
        return Reply.OPT_OUT
    return Reply.OPT_IN if word in rules.opt_in_words else Reply.NONE
