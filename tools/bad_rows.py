"""The ways for a row of a portfolio to be bad, each with what must be said of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

Members = dict[str, str]


class Fault(NamedTuple):
    """The column and code that such a row is rejected with, and how it comes about: in its members (`spoil`, in place),
    or in the line as it is written (`mangle`)."""

    column: str
    code: str
    spoil: Callable[[Members], None]
    mangle: Callable[[bytes], bytes]


def faults_of(kind: str, file_format: str, as_of: datetime) -> list[Fault]:
    """Every way to be bad that rows of this kind and format have; `as_of` is that of the good ones."""
    later = (as_of + timedelta(days=400)).isoformat(timespec="seconds")
    naive = as_of.replace(tzinfo=None).isoformat(timespec="seconds")
    return [
        *_of_both(),
        *(_of_debts(later, naive) if kind == "debt" else _of_consents(later, naive)),
        *(_of_csv() if file_format == "csv" else _of_json()),
    ]


def _cell(column: str, code: str, value: str, **others: str) -> Fault:
    """Puts this value into the column, and those into others."""
    return Fault(column, code, lambda members: members.update({column: value, **others}), lambda line: line)


def _line(code: str, mangle: Callable[[bytes], bytes]) -> Fault:
    """The line itself is bad."""
    return Fault("", code, lambda _members: None, mangle)


def _number(code: str, change: Callable[[str], str]) -> Fault:
    """The telephone number is bad."""
    return Fault(
        "recipient", code, lambda members: members.update(recipient=change(members["recipient"])), lambda line: line
    )


def _of_both() -> list[Fault]:
    return [
        _number("wrong-type-or-form", lambda number: number.removeprefix("+")),
        _number("wrong-type-or-form", lambda number: f"{number[:3]} {number[3:]}"),
        _number("not-e164", lambda number: number + "00"),
        _cell("recipient", "missing", ""),
        _cell("recipient", "formula", "+cmd|' /C calc'!A0"),
        _cell("subject", "wrong-type-or-form", "440106199001011234"),
        _line("row-too-long", lambda line: b"x" * 66_000 + line),
        _line("undecodable", lambda line: b"\xff" + line),  # a byte that neither charset has
        _line("nul-character", lambda line: b"\0" + line),
    ]


def _of_debts(later: str, naive: str) -> list[Fault]:
    return [
        _cell("debt_ref", "wrong-type-or-form", "L" * 129),
        _cell("currency", "unknown-currency", "RMB"),
        _cell("currency", "wrong-type-or-form", "元"),
        _cell("outstanding", "formula", "=SUM(D2:D9)"),
        _cell("outstanding", "formula", "-200.00"),
        _cell("outstanding", "wrong-type-or-form", "27,911.00"),
        _cell("outstanding", "too-precise", "27911.005"),
        _cell("outstanding", "nothing-owed", "0.00", status="open"),
        _cell("outstanding", "missing", ""),
        _cell("as_of", "dated-ahead", later, valid_until=""),
        _cell("as_of", "wrong-type-or-form", naive),
        _cell("valid_until", "too-long", later),
        _cell("status", "unknown-value", "overdue"),
        _cell("collectors", "wrong-type-or-form", "keji;某科技"),
        _cell("region", "wrong-type-or-form", "广东"),
        _cell("product", "unknown-value", "mortgage"),
    ]


def _of_consents(later: str, naive: str) -> list[Fault]:
    return [
        _cell("channels", "unknown-value", "sms;fax"),
        _cell("channels", "formula", "@sms"),
        _cell("channels", "missing", ""),
        _cell("granted_at", "dated-ahead", later, expires_at=""),
        _cell("granted_at", "wrong-type-or-form", naive),
        _cell("expires_at", "out-of-order", "2001-01-01T00:00:00Z"),
        _cell("method", "unknown-value", "telepathy"),
        _cell("notice", "missing", ""),
        _cell("time_zone", "unknown-time-zone", "Asia/Peking"),
    ]


def _of_csv() -> list[Fault]:
    return [
        _line("too-many-fields", lambda line: b"," + line),
        _line("too-few-fields", lambda line: line.split(b",")[0] + b"\r\n"),
        _line("misplaced-quote", lambda line: b'"+86" ' + line),
    ]


def _of_json() -> list[Fault]:
    return [
        _line("not-json", lambda line: line.rstrip()[:-1] + b"\n"),
        _line("not-an-object", lambda line: b"[" + line.rstrip() + b"]\n"),
        _line("member-twice", lambda line: line.rstrip()[:-1] + b',"recipient":"+8613900139000"}\n'),
        Fault("", "unknown-member", lambda members: members.update(name="余敏"), lambda line: line),
    ]
