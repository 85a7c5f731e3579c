"""Errors of members: they say what is expected, and show neither the value nor a regular expression."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from duecare.usecases.verify.pending import Message
from duecare_core.domain import fields
from duecare_core.domain.facts.statement import KINDS
from duecare_core.domain.fields import EXPECTED
from duecare_core.domain.portfolio.portfolio import Manifest
from duecare_core.domain.validation import validate
from duecare_core.errors import Unacceptable

WRONG = ("\x00", "", " ", "NOT what Is Expected! \x07", "x" * 3000)
TYPES = [name for name in vars(fields) if name[0].isupper() and "pattern" in str(getattr(fields, name))]


def message_of(value: Any, kind: Any) -> str | None:
    try:
        validate(value, kind)
    except Unacceptable as refused:
        return refused.errors[0].message
    return None


@pytest.mark.parametrize("name", TYPES)
def test_an_error_says_what_is_expected_and_shows_no_pattern(name: str) -> None:
    messages = [message for value in WRONG if (message := message_of(value, getattr(fields, name)))]
    assert messages
    for message in messages:
        assert not set("^\\$[]{}") & set(message), message
        assert message in {f"expected {expected}" for expected in EXPECTED.values()} or "length" in message


@pytest.mark.parametrize("kind", [*KINDS.values(), Manifest, Message], ids=lambda kind: kind.__name__)
def test_no_member_answers_with_a_pattern(kind: type[msgspec.Struct]) -> None:
    found = 0
    for field in msgspec.structs.fields(kind):
        for value in WRONG:
            message = message_of({"value": value}, msgspec.defstruct("Holder", [("value", field.type)]))
            found += message is not None
            assert message is None or not set("^\\$[]{}") & set(message), (field.name, message)
    assert found


def test_all_missing_members_are_named_at_once() -> None:
    with pytest.raises(Unacceptable) as refused:
        validate({"message_id": "m-1", "channel": "sms"}, Message)
    named = {violation.pointer: violation.code for violation in refused.value.errors}
    assert named == dict.fromkeys(("/recipient", "/creditor", "/text"), "missing")


@pytest.mark.parametrize(
    ("kind", "members", "pointer", "choices"),
    [
        (Message, {"channel": "pigeon"}, "/channel", "sms"),
        (KINDS["debt"], {"status": "sold"}, "/status", "open, settled, withdrawn"),
        (KINDS["mandate"], {"channels": ["sms", "pigeon"]}, "/channels/1", "sms, voice, email, im"),
    ],
)
def test_an_unknown_value_answers_with_the_known_ones_and_not_with_itself(
    kind: Any, members: dict[str, Any], pointer: str, choices: str
) -> None:
    with pytest.raises(Unacceptable) as refused:
        validate(members, kind)
    (violation,) = refused.value.errors
    assert (violation.pointer, violation.code, violation.message) == (
        pointer,
        "unknown-value",
        f"expected one of: {choices}",
    )
