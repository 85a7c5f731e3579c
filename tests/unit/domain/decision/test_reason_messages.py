"""The catalogues of messages: every reason has one in each language."""

from __future__ import annotations

from typing import get_args

import pytest

from duecare_core.domain.decision import reason_messages_en, reason_messages_zh
from duecare_core.domain.decision.reasons import CODES, sentence
from duecare_core.domain.fields import ReasonCode

CATALOGUES = {"en": reason_messages_en.MESSAGES, "zh-CN": reason_messages_zh.MESSAGES}


@pytest.mark.parametrize("language", CATALOGUES)
def test_a_catalogue_has_every_code_in_the_order_of_the_contract(language: str) -> None:
    assert tuple(CATALOGUES[language]) == CODES == get_args(ReasonCode)


@pytest.mark.parametrize("language", CATALOGUES)
def test_a_message_is_found_by_code_and_language_and_repeats_nothing_of_a_request(language: str) -> None:
    for code in CODES:
        message = sentence(code, language)
        assert message == CATALOGUES[language][code]
        assert message.endswith((".", "。"))
        assert "{" not in message
