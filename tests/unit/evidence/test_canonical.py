"""The quick form of what has no numbers to care about is the RFC 8785 form, as rfc8785 writes it."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from duecare_core.errors import BadEvidence
from duecare_core.evidence.canonical import canonical_plain
from duecare_core.evidence.receipt import claims
from duecare_core.evidence.record import Record, as_json, encode

NAMES = st.text(st.characters(max_codepoint=127), max_size=10)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
INTEGERS = st.integers(-(2**53) + 1, 2**53 - 1)
TIMES = st.datetimes(datetime(1970, 1, 1), timezones=st.timezones())  # noqa: DTZ001


@given(
    st.recursive(
        st.none() | st.booleans() | INTEGERS | TEXTS,
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(NAMES, inner, max_size=8),
    )
)
def test_plain_values_are_written_as_rfc8785_writes_them(value: Any) -> None:
    assert canonical_plain(value) == rfc8785.dumps(value)


def test_every_character_is_written_as_rfc8785_writes_it() -> None:
    characters = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    assert canonical_plain("".join(characters)) == rfc8785.dumps("".join(characters))


@given(
    st.builds(
        Record,
        attempt=st.integers(1, 2**31),
        at=TIMES,
        send_at=st.none() | TIMES,
        retry_at=st.none() | TIMES,
        valid_until=TIMES,
        message_id=TEXTS,
        debt_ref=st.none() | TEXTS,
        reasons=st.lists(TEXTS, max_size=3).map(tuple),
        relied_on=st.lists(TEXTS, max_size=3).map(tuple),
    )
)
def test_records_and_receipts_are_written_as_rfc8785_writes_them(record: Record) -> None:
    assert encode(record) == rfc8785.dumps(as_json(record))
    assert canonical_plain(claims(record, "https://duecare.example")) == rfc8785.dumps(
        claims(record, "https://duecare.example")
    )


def test_half_a_character_is_refused() -> None:
    with pytest.raises(BadEvidence):
        canonical_plain({"text": "\ud800"})
