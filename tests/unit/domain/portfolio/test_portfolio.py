"""The rows of a portfolio: each equals a single statement or is rejected with a reason."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from duecare_core.domain.facts.statement import ConsentStatement, DebtStatement
from duecare_core.domain.portfolio.portfolio import Manifest, Portfolio, check_manifest, rejects_csv
from duecare_core.domain.portfolio.row_reader import BadRow, FileShape, Reject
from duecare_core.domain.validation import validate
from duecare_core.errors import Unacceptable

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
RECIPIENT = "+8613900139000"
DIGEST = "sha256:" + "0" * 64
SIGNED = {"iss": "mou-zichan", "aud": "https://duecare.example", "iat": int(NOW.timestamp())}
PAYLOAD = {**SIGNED, "kind": "debt", "format": "csv", "charset": "utf-8", "rows": 2, "sha256": DIGEST}
DEBT = {
    "recipient": RECIPIENT,
    "debt_ref": "LOAN-1",
    "currency": "CNY",
    "outstanding": "27911.00",
    "as_of": "2026-11-24T08:00:00+08:00",
    "status": "open",
    "collectors": "keji;lvshi",
    "region": "CN-GD",
    "subject": "",
}
CONSENT = {
    "recipient": RECIPIENT,
    "channels": "sms;voice",
    "granted_at": "2026-03-01T10:00:00+08:00",
    "expires_at": "",
    "method": "contract",
    "notice": DIGEST,
}


def portfolio(**members: Any) -> Portfolio:
    return Portfolio(validate({**PAYLOAD, **members}, Manifest))


def stated(members: dict[str, Any], **manifest: Any) -> Any:
    return portfolio(**manifest).statement(members, NOW)


def rejected(members: dict[str, Any], **manifest: Any) -> tuple[str, str]:
    reject = stated(members, **manifest)
    assert isinstance(reject, Reject)
    for value in members.values():
        assert not isinstance(value, str) or len(value) < 5 or value not in reject.message
    return reject.column, reject.code


# Rows


def test_a_debt_row_equals_the_single_statement() -> None:
    members = {**SIGNED, **DEBT, "collectors": ["keji", "lvshi"]}
    del members["subject"]
    assert stated(DEBT) == validate(members, DebtStatement)


def test_a_consent_row_equals_the_single_statement() -> None:
    members = {**SIGNED, **CONSENT, "channels": ["sms", "voice"]}
    del members["expires_at"]
    assert stated(CONSENT, kind="consent") == validate(members, ConsentStatement)


def test_a_json_row_has_real_lists_and_no_separators() -> None:
    row = {**CONSENT, "channels": ["sms", "voice"], "expires_at": None}
    assert stated(row, kind="consent", format="jsonl") == stated(CONSENT, kind="consent")
    assert rejected(CONSENT, kind="consent", format="jsonl") == ("channels", "wrong-type-or-form")
    assert rejected({**row, "method": ""}, kind="consent", format="jsonl") == ("method", "unknown-value")
    assert rejected({**DEBT, "outstanding": 27911}, format="jsonl") == ("outstanding", "wrong-type-or-form")


def test_the_manifest_dates_the_debts_that_give_no_date() -> None:
    as_of = NOW - timedelta(hours=1)
    undated = {**DEBT, "as_of": ""}
    assert rejected(undated) == ("as_of", "missing")
    assert stated(undated, as_of=as_of.isoformat()).as_of == as_of
    assert stated(DEBT, as_of=as_of.isoformat()) == stated(DEBT)


def test_columns_are_the_members_without_those_of_the_manifest() -> None:
    assert portfolio().required == {"recipient", "debt_ref", "currency", "outstanding", "as_of", "status"}
    assert portfolio(as_of=NOW.isoformat()).required == portfolio().required - {"as_of"}
    assert portfolio(kind="consent").required == {"recipient", "channels", "granted_at", "method", "notice"}
    assert portfolio().columns == set(DebtStatement.__struct_fields__) - set(SIGNED)
    assert portfolio(kind="consent").columns == set(ConsentStatement.__struct_fields__) - set(SIGNED)


def test_the_shape_of_the_file_is_the_manifests() -> None:
    assert portfolio(format="jsonl+gzip", charset="gb18030").shape == FileShape("jsonl", True, "gb18030")
    assert portfolio().shape == FileShape("csv", False, "utf-8")


def test_invalid_rows_do_not_stop_the_reading_of_a_file() -> None:
    header, good = ",".join(DEBT), ",".join(DEBT.values())
    data = f"{header}\n{good}\n{good},\n{good.replace('CNY', 'RMB')}\n{good}".encode()
    found = dict(portfolio().read([data], NOW))
    assert found[1] == found[4] == stated(DEBT)
    assert [found[2].code, found[3].code] == ["too-many-fields", "unknown-currency"]
    lines = (json.dumps({**DEBT, "collectors": ["keji", "lvshi"], "subject": None}) + "\n").encode()
    assert list(portfolio(format="jsonl").read([lines], NOW)) == [(1, stated(DEBT))]


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("recipient", "", "missing"),
        ("recipient", "13900139000", "wrong-type-or-form"),
        ("recipient", "+86 139 0013 9000", "wrong-type-or-form"),
        ("recipient", "+86139001390001234", "wrong-type-or-form"),
        ("recipient", "+861390013900000", "not-e164"),
        ("debt_ref", "LOAN\n1", "wrong-type-or-form"),
        ("currency", "RMB", "unknown-currency"),
        ("outstanding", "27,911.00", "wrong-type-or-form"),
        ("outstanding", "27911.005", "too-precise"),
        ("outstanding", "0", "nothing-owed"),
        ("as_of", "2026-11-24", "wrong-type-or-form"),
        ("as_of", "2026-11-24T08:00:00", "wrong-type-or-form"),
        ("as_of", "2026-11-24T08:00:00Z", "dated-ahead"),
        ("as_of", "9999-11-24T08:00:00Z", "out-of-range"),
        ("status", "overdue", "unknown-value"),
        ("collectors", "keji; lvshi", "wrong-type-or-form"),
        ("collectors", "keji;", "wrong-type-or-form"),
        ("region", "Guangdong", "wrong-type-or-form"),
        ("subject", "440106199001011234", "wrong-type-or-form"),
    ],
)
def test_a_reject_names_the_first_invalid_column_and_never_its_value(column: str, value: str, code: str) -> None:
    assert rejected({**DEBT, column: value}) == (column, code)


@pytest.mark.parametrize("cell", ["=1+1", "+cmd|' /C calc'!A0", "@x", "-2", "\t=1", "\r1"])
@pytest.mark.parametrize("column", ["recipient", "currency", "outstanding", "as_of", "status", "collectors", "region"])
def test_an_invalid_cell_that_looks_like_a_formula_is_rejected_as_one(column: str, cell: str) -> None:
    assert rejected({**DEBT, column: cell}) == (column, "formula")


def test_a_formula_within_a_list_is_found() -> None:
    assert rejected({**DEBT, "collectors": "keji;=1+1"}) == ("collectors", "formula")
    assert rejected({**CONSENT, "channels": ["sms", "@x"]}, kind="consent", format="jsonl") == ("channels", "formula")


def test_a_reference_may_look_like_a_formula() -> None:
    assert stated({**DEBT, "debt_ref": "=1+1"}).debt_ref == "=1+1"


def test_messages_are_in_words() -> None:
    reject = stated({**DEBT, "outstanding": "1,000"})
    expected = "a decimal amount without sign, separators and currency, of at most 4 decimal places, is expected"
    assert reject.message == expected


# Manifests


@pytest.mark.parametrize(
    "member",
    [
        {"rows": 0},
        {"rows": 5_000_001},
        {"kind": "mandate"},
        {"format": "xlsx"},
        {"charset": "gbk"},
        {"sha256": "0" * 64},
        {"extra": 1},
        {"as_of": "2026-11-24"},
        {"confirm_withdrawals": 0},
    ],
)
def test_a_manifest_has_its_limits(member: dict[str, Any]) -> None:
    with pytest.raises(Unacceptable):
        validate({**PAYLOAD, **member}, Manifest)


@pytest.mark.parametrize(
    ("members", "pointer", "code"),
    [
        ({"iat": NOW.timestamp() + 61}, "/iat", "in-the-future"),
        ({"as_of": "2026-11-24T06:00:01Z"}, "/as_of", "dated-ahead"),
        ({"as_of": "1969-01-01T00:00:00Z"}, "/as_of", "out-of-range"),
        ({"as_of": "9999-12-31T23:59:59-01:00"}, "/as_of", "out-of-range"),
        ({"kind": "consent", "as_of": "2026-11-24T06:00:00Z"}, "/as_of", "debts-only"),
        ({"kind": "consent", "snapshot": True, "as_of": "2026-11-24T06:00:00Z"}, "/snapshot", "debts-only"),
        ({"snapshot": True}, "/as_of", "missing"),
        ({"confirm_withdrawals": 7}, "/confirm_withdrawals", "snapshot-only"),
    ],
)
def test_a_manifest_that_cannot_be_accepted_says_where(members: dict[str, Any], pointer: str, code: str) -> None:
    with pytest.raises(Unacceptable) as refused:
        check_manifest(validate({**PAYLOAD, **members}, Manifest), NOW)
    assert (pointer, code) in [(violation.pointer, violation.code) for violation in refused.value.errors]


def test_a_snapshot_as_of_now_is_accepted() -> None:
    assert check_manifest(validate(PAYLOAD, Manifest), NOW) is None
    snapshot = {"snapshot": True, "as_of": NOW.isoformat(), "confirm_withdrawals": 300_000}
    assert check_manifest(validate({**PAYLOAD, **snapshot}, Manifest), NOW) is None


# The rejects file


def told(*rejects: BadRow) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(rejects_csv(rejects)).decode(), newline=""), strict=True))


def test_rejects_are_listed_in_their_order() -> None:
    assert b"".join(rejects_csv([])) == b"row,column,code,message\r\n"
    rows = told(BadRow(2, Reject("as_of", "missing", "this, and\nthat")), BadRow(7, Reject("", "not-json", 'a "word"')))
    assert rows[1:] == [["2", "as_of", "missing", "this, and\nthat"], ["7", "", "not-json", 'a "word"']]


def test_rejects_do_nothing_in_a_spreadsheet_and_hold_no_telephone_number() -> None:
    rows = told(BadRow(1, Reject("=1+1", "@x", f"+ {RECIPIENT} 13900139000")), BadRow(2, Reject("-", "\t=1", "\r=1")))
    assert rows[1:] == [["1", "'=1+1", "'@x", "'+ +*** ***"], ["2", "'-", "'\t=1", "'\r=1"]]


def test_a_million_rejects_come_in_parts() -> None:
    parts = list(rejects_csv(BadRow(number, Reject("as_of", "missing", "…")) for number in range(1, 5001)))
    assert b"".join(parts).count(b"\r\n") == 5001
    assert max(map(len, parts)) < 64 * 1024
