"""Bad input to POST /v1/verify and POST /v1/statements: each its problem, and nothing stored, repeated or logged."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.functional.conftest import RECIPIENT, Stack, leaks
from tests.support import events

SECRET = "SECRET-余敏"
MESSAGE: dict[str, Any] = json.loads(events.load("verify-honest")["body"])
GOOD = json.dumps(MESSAGE, ensure_ascii=False)


def refused(stack: Stack, event: dict[str, Any]) -> tuple[int, str]:
    """Status and problem of an event that must leave no trace."""
    before = stack.items()
    answer = stack.call(event)
    told = json.dumps(answer.body, ensure_ascii=False)
    assert not leaks(told)
    assert "SECRET" not in told
    assert "SECRET" not in stack.said.getvalue()
    assert stack.items() == before
    return answer.status, answer.problem


def event(body: Any, route: str = "verify-honest", **changes: Any) -> dict[str, Any]:
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return events.load(route) | {"body": text} | changes


def in_base64(data: bytes) -> dict[str, Any]:
    return event(base64.b64encode(data).decode(), isBase64Encoded=True)


def nested(depth: int) -> str:
    return '{"text":' + "[" * depth + "]" * depth + "}"


UNREADABLE: dict[str, dict[str, Any]] = {
    "no-body": {key: value for key, value in events.load("verify-honest").items() if key != "body"},
    "empty": event(""),
    "truncated": event(GOOD[: len(GOOD) // 2]),
    "truncated-within-an-escape": event('{"text": "SECRET\\u26'),
    "two-values": event(GOOD + GOOD),
    "not-json": event("message_id=m-1&text=SECRET"),
    "single-quotes": event("{'text': 'SECRET'}"),
    "a-comment": event('{"text": "SECRET"} // comment'),
    "not-a-number": event('{"text": NaN}'),
    "infinity": event('{"text": -Infinity}'),
    "lone-high-surrogate": event(GOOD.replace("余敏", "\\ud83d")),
    "lone-low-surrogate": event(GOOD.replace("余敏", "\\udca9")),
    "surrogates-the-wrong-way-round": event(GOOD.replace("余敏", "\\udca9\\ud83d")),
    "lone-surrogate-in-a-name": event('{"\\ud800SECRET": 1}'),
    "lone-surrogate-as-it-is": event(GOOD.replace("余敏", "\ud800")),
    "member-twice": event(GOOD[:-1] + ', "recipient": "+8613912345678"}'),
    "nested-too-deeply": event(nested(100_000)),
    "a-number-of-10000-digits": event('{"text": ' + "9" * 10_000 + "}"),
    "byte-order-mark": event("\ufeff" + GOOD),
    "control-character-as-it-is": event(GOOD.replace("余敏", "\x07")),
    "not-utf-8": in_base64(GOOD.encode().replace("余".encode(), b"\xff")),
    "overlong-utf-8": in_base64(GOOD.encode().replace("余".encode(), b"\xc0\xaf")),
    "surrogate-in-utf-8": in_base64(GOOD.encode().replace("余".encode(), b"\xed\xa0\x80")),
    "truncated-utf-8": in_base64(GOOD.encode()[: GOOD.encode().index("余".encode()) + 1]),
    "gb18030": in_base64(GOOD.encode("gb18030")),
    "utf-16": in_base64(GOOD.encode("utf-16")),
    "not-base64": event(GOOD, isBase64Encoded=True),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_body_that_cannot_be_read_is_a_400(stack: Stack, name: str) -> None:
    stack.register("xinxi")
    assert refused(stack, UNREADABLE[name]) == (400, "unreadable")


@pytest.mark.parametrize("name", ["empty", "not-utf-8", "lone-high-surrogate", "nested-too-deeply"])
def test_statements_that_cannot_be_read_are_a_400_too(stack: Stack, name: str) -> None:
    stack.register("xinxi")
    told = events.load("state-honest") | {key: UNREADABLE[name][key] for key in ("body", "isBase64Encoded")}
    assert refused(stack, told) == (400, "unreadable")


@pytest.mark.parametrize("route", ["verify-honest", "state-honest"])
def test_a_body_over_a_mebibyte_is_a_413(stack: Stack, route: str) -> None:
    stack.register("xinxi")
    assert refused(stack, event({"text": SECRET * 200_000}, route)) == (413, "too-large")


def test_a_body_is_measured_in_bytes(stack: Stack) -> None:
    stack.register("xinxi")
    assert refused(stack, event({"text": "余" * 400_000})) == (413, "too-large")


def test_a_body_of_exactly_a_mebibyte_is_read(stack: Stack) -> None:
    stack.register("xinxi")
    assert refused(stack, event(GOOD + " " * (1024 * 1024 - len(GOOD.encode()) + 1))) == (413, "too-large")
    answer = stack.call(event(GOOD + " " * (1024 * 1024 - len(GOOD.encode()))))
    assert answer.status == 200


@pytest.mark.parametrize(
    "media_type", [None, "", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "SECRET"]
)
@pytest.mark.parametrize("route", ["verify-honest", "state-honest"])
def test_another_media_type_is_a_415(stack: Stack, route: str, media_type: str | None) -> None:
    stack.register("xinxi")
    told = events.load(route)
    told["headers"].pop("content-type")
    if media_type is not None:
        told["headers"]["content-type"] = media_type
    assert refused(stack, told) == (415, "wrong-media-type")


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "Application/JSON", "application/json ;x=y"])
def test_application_json_may_have_parameters(stack: Stack, media_type: str) -> None:
    stack.register("xinxi")
    told = events.load("verify-honest")
    told["headers"]["content-type"] = media_type
    assert stack.call(told).status == 200


# Readable, but not acceptable

ABSENT = object()
BAD_MEMBERS: dict[str, tuple[str, Any, str]] = {
    # name: (member, value, code)
    "no-message-id": ("message_id", ABSENT, "missing"),
    "no-recipient": ("recipient", ABSENT, "missing"),
    "no-creditor": ("creditor", ABSENT, "missing"),
    "no-channel": ("channel", ABSENT, "missing"),
    "no-text": ("text", ABSENT, "missing"),
    "unknown-member": ("amount", "27911", "unknown-member"),
    "message-id-a-number": ("message_id", 27911, "wrong-type-or-form"),
    "message-id-null": ("message_id", None, "wrong-type-or-form"),
    "message-id-empty": ("message_id", "", "wrong-type-or-form"),
    "message-id-too-long": ("message_id", "m" * 129, "wrong-type-or-form"),
    "message-id-with-a-new-line": ("message_id", "m-1\n", "wrong-type-or-form"),
    "message-id-with-a-null": ("message_id", "m\0SECRET", "wrong-type-or-form"),
    "message-id-with-an-escape": ("message_id", "\x1b[31mSECRET", "wrong-type-or-form"),
    "recipient-national": ("recipient", RECIPIENT[3:], "wrong-type-or-form"),
    "recipient-with-00": ("recipient", "00" + RECIPIENT[1:], "wrong-type-or-form"),
    "recipient-with-spaces": ("recipient", "+86 138 1234 5678", "wrong-type-or-form"),
    "recipient-with-a-new-line": ("recipient", RECIPIENT + "\n", "wrong-type-or-form"),
    "recipient-full-width": ("recipient", "+86138123456７8", "wrong-type-or-form"),
    "recipient-arabic-digits": ("recipient", "+٨٦١٣٨١٢٣٤٥٦٧٨", "wrong-type-or-form"),
    "recipient-with-a-zero-width-space": ("recipient", "+86\u200b13812345678", "wrong-type-or-form"),
    "recipient-too-long": ("recipient", "+861381234567890123", "wrong-type-or-form"),
    "recipient-too-short": ("recipient", "+86138", "wrong-type-or-form"),
    "recipient-of-no-country": ("recipient", "+99912345678", "not-e164"),
    "recipient-with-a-trunk-zero": ("recipient", "+4407911123456", "not-e164"),
    "recipient-of-impossible-length": ("recipient", "+447911123456789", "not-e164"),
    "recipient-a-number": ("recipient", 8613812345678, "wrong-type-or-form"),
    "creditor-in-capitals": ("creditor", "Mou-Zichan", "wrong-type-or-form"),
    "creditor-all": ("creditor", "*", "wrong-type-or-form"),
    "creditor-with-a-separator": ("creditor", "mou#zichan", "wrong-type-or-form"),
    "creditor-a-list": ("creditor", ["mou-zichan"], "wrong-type-or-form"),
    "collector-empty": ("collector", "", "wrong-type-or-form"),
    "debt-ref-with-a-tab": ("debt_ref", "A\t1", "wrong-type-or-form"),
    "channel-unknown": ("channel", SECRET, "unknown-value"),
    "channel-not-verified": ("channel", "voice", "unknown-value"),
    "channel-a-number-of-somebody": ("channel", RECIPIENT, "unknown-value"),
    "text-empty": ("text", "", "wrong-type-or-form"),
    "text-too-long": ("text", "余" * 2001, "wrong-type-or-form"),
    "text-an-object": ("text", {"SECRET": SECRET}, "wrong-type-or-form"),
    "send-at-without-offset": ("send_at", "2026-11-24T09:00:00", "wrong-type-or-form"),
    "send-at-a-date": ("send_at", "2026-11-24", "wrong-type-or-form"),
    "send-at-unix": ("send_at", 1795510800, "wrong-type-or-form"),
    "send-at-nonsense": ("send_at", SECRET, "wrong-type-or-form"),
    "send-at-the-30th-of-february": ("send_at", "2026-02-30T09:00:00Z", "wrong-type-or-form"),
    "shadow-a-string": ("shadow", "true", "wrong-type-or-form"),
    "shadow-a-number": ("shadow", 1, "wrong-type-or-form"),
}


@pytest.mark.parametrize("name", BAD_MEMBERS)
def test_a_member_that_is_not_as_the_contract_has_it_is_a_422_that_names_its_place(stack: Stack, name: str) -> None:
    stack.register("xinxi")
    member, value, code = BAD_MEMBERS[name]
    body = {key: other for key, other in MESSAGE.items() if key != member}
    told = event(body if value is ABSENT else body | {member: value})
    assert refused(stack, told) == (422, "unacceptable")
    assert stack.call(told).pointers == [(f"/{member}", code)]


@pytest.mark.parametrize("member", [RECIPIENT, "SECRET", "Text", "text ", "a" * 41, "余敏", "__proto__/x~1"])
def test_an_unknown_member_with_a_name_of_its_own_making_is_not_repeated(stack: Stack, member: str) -> None:
    stack.register("xinxi")
    told = event(MESSAGE | {member: 1})
    assert refused(stack, told) == (422, "unacceptable")
    assert stack.call(told).pointers == [("", "unknown-member")]


@pytest.mark.parametrize("body", ["[]", '"SECRET"', "1", "null", "true"])
@pytest.mark.parametrize("route", ["verify-honest", "state-honest"])
def test_json_that_is_no_object_is_a_422(stack: Stack, route: str, body: str) -> None:
    stack.register("xinxi")
    assert refused(stack, event(body, route)) == (422, "unacceptable")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/statements"),
        ({"statements": []}, "/statements"),
        ({"statements": "SECRET"}, "/statements"),
        ({"statements": ["a"] * 101}, "/statements"),
        ({"statements": ["a", ""]}, "/statements/1"),
        ({"statements": ["a", {"SECRET": 1}]}, "/statements/1"),
        ({"statements": ["a", None]}, "/statements/1"),
        ({"statements": ["a" * 16385]}, "/statements/0"),
        ({"statements": ["a"], "more": 1}, "/more"),
    ],
    ids=["none", "empty", "a-string", "too-many", "an-empty-one", "an-object", "a-null", "too-long", "unknown-member"],
)
def test_a_call_that_is_bad_as_a_whole_is_a_422_that_names_the_place(stack: Stack, body: Any, pointer: str) -> None:
    stack.register("xinxi")
    told = event(body, "state-honest")
    assert refused(stack, told) == (422, "unacceptable")
    assert stack.call(told).pointers[0][0] == pointer
