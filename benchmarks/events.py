"""Lambda events of API Gateway's HTTP API (payload 2.0), with one message or a batch."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from typing import Any

from duecare_core.evidence.jose.keys import thumbprint
from tests.support.world import CASE_TEXT, KEYS

# The length of one SMS: 70 characters of Chinese, 160 of English.
TEXT_ZH = (
    "【某资产】王先生您好,您的贷款本期尚欠27911元,已逾期十二天,请您尽快通过应用归还,"
    "如已还款请忽略本短信,有疑问请致电客服咨询。退订回T"
)
TEXT_EN = "【某资产】 From a debt collector: you owe CNY 27,911.00. Reply STOP to end"

_sent = 0


def event(recipient: str, **changes: Any) -> dict[str, Any]:
    """One message of the case to this recipient; every call has a new message_id."""
    return _event("POST /v1/verify", _message(recipient, changes))


def batch_event(recipients: Iterable[str]) -> dict[str, Any]:
    return _event("POST /v1/verify/batch", {"messages": [_message(recipient, {}) for recipient in recipients]})


def denied_event() -> dict[str, Any]:
    """A message to a recipient without consent or debt."""
    return event("+8613800000000", debt_ref=None)


def _message(recipient: str, changes: dict[str, Any]) -> dict[str, Any]:
    global _sent  # noqa: PLW0603
    _sent += 1
    return {
        "message_id": f"20261124-{os.getpid():07d}-{_sent:09d}",
        "recipient": recipient,
        "creditor": "mou-zichan",
        "collector": "keji",
        "debt_ref": "A-1",
        "channel": "sms",
        "text": CASE_TEXT,
    } | changes


def _event(route: str, body: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(body, ensure_ascii=False)
    method, path = route.split(" ")
    return {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "accept": "application/json",
            "accept-language": "zh-CN",
            "authorization": "Bearer " + "x" * 300,
            "content-length": str(len(text.encode())),
            "content-type": "application/json",
            "host": "abcdefghij.execute-api.us-east-1.amazonaws.com",
            "user-agent": "python-httpx/0.28",
            "x-amzn-trace-id": "Root=1-00000000-000000000000000000000000",
            "x-forwarded-for": "192.0.2.1",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "abcdefghij",
            "authorizer": {
                "lambda": {
                    "party": "xinxi",
                    "kid": thumbprint(KEYS["xinxi"]),
                    "iat": str(int(time.time())),
                    "exp": str(int(time.time()) + 1800),
                    "aud": "true",
                    "lifetime": "true",
                }
            },
            "domainName": "abcdefghij.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "abcdefghij",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "python-httpx/0.28",
            },
            "requestId": "bench=",
            "routeKey": route,
            "stage": "$default",
            "time": "24/Nov/2026:09:00:00 +0000",
            "timeEpoch": 1795510800000,
        },
        "body": text,
        "isBase64Encoded": False,
    }
