"""A sealed decision: what was sealed is opened byte for byte, and nothing of it can be exchanged or changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from duecare.usecases import table
from duecare_core.domain.fields import RecipientTag, TextMac
from duecare_core.errors import BadEvidence
from duecare_core.evidence.canonical import digest
from duecare_core.evidence.record import Record, encode
from duecare_core.evidence.sealed_decision import (
    InputsKey,
    OpenedDecision,
    Summary,
    encode_summary,
    read_summary,
    summarize,
)
from tests.support.world import RECIPIENT, World

KEY = InputsKey(b"k" * 32)
NONCE = b"n" * 12
_WORLD = World().honest()
DECIDED = _WORLD.verify()
AT = datetime(2026, 11, 24, 9, tzinfo=UTC)


def sealed(inputs: bytes = DECIDED.inputs, **changes: Any) -> tuple[str, bytes, bytes, OpenedDecision]:
    """The id, the summary and the ciphertext of a decision, and what is in it."""
    record = structs.replace(DECIDED.record, **changes)
    data = encode(record)
    seal = _WORLD.decision_seal(record)
    summary = encode_summary(summarize(record, digest(data), seal.recipient_tag, seal.text_mac))
    opened = OpenedDecision(*DECIDED.envelope, record, data, inputs)
    return record.decision_id, summary, KEY.seal(record.decision_id, summary, opened, NONCE), opened


def test_what_was_sealed_is_opened() -> None:
    decision_id, summary, ciphertext, opened = sealed()
    assert KEY.open(decision_id, summary, ciphertext) == opened


@pytest.mark.parametrize(
    "changes",
    [
        {"message_id": DECIDED.record.text_sha256},
        {"debt_ref": DECIDED.record.inputs_sha256},
        {"message_id": DECIDED.record.recipient_digest, "debt_ref": DECIDED.record.recipient_digest},
        {"inputs_sha256": ""},
        {"inputs_sha256": "sha256:" + "0" * 64},
        {"text_sha256": "sha256:" + "0" * 64},
        {"salt": "0" * 32},
        {"salt": "no salt"},
        {"message_id": '\U0001f4a9\u2028"\\'},
    ],
    ids=lambda changes: "-".join(changes) + str(sum(map(len, changes.values()))),
)
def test_a_record_whose_digests_do_not_follow_from_its_inputs_is_opened_as_it_was(changes: dict[str, str]) -> None:
    decision_id, summary, ciphertext, opened = sealed(**changes)
    assert KEY.open(decision_id, summary, ciphertext) == opened


@pytest.mark.parametrize("inputs", [b"", b"{}", b"null", b"not JSON", b"[\n]"])
def test_inputs_that_cannot_be_read_are_opened_as_they_were(inputs: bytes) -> None:
    decision_id, summary, ciphertext, opened = sealed(inputs)
    assert KEY.open(decision_id, summary, ciphertext) == opened


def test_digests_that_follow_from_the_rest_take_no_room() -> None:
    others = [digest(name) for name in (b"1", b"2", b"3")]
    kept = sealed(inputs_sha256=others[0], text_sha256=others[1], recipient_digest=others[2])
    assert len(kept[2]) - len(sealed()[2]) >= 80


def test_neither_number_nor_text_nor_salt_is_in_it() -> None:
    _, summary, ciphertext, opened = sealed()
    for secret in (RECIPIENT[1:].encode(), opened.record.salt.encode(), bytes.fromhex(opened.record.salt)):
        assert secret not in summary + ciphertext


def test_another_id_summary_key_or_a_changed_byte_is_refused() -> None:
    decision_id, summary, ciphertext, _ = sealed()
    other = read_summary(summary)._replace(decision="deny")
    attempts = [
        (KEY, "a" * 26, summary, ciphertext),
        (KEY, decision_id, encode_summary(other), ciphertext),
        (InputsKey(b"o" * 32), decision_id, summary, ciphertext),
        (KEY, decision_id, summary, b""),
        (KEY, decision_id, summary, ciphertext[:20]),
        *((KEY, decision_id, summary, ciphertext[:at] + b"\0" + ciphertext[at + 1 :]) for at in (0, 12, 100, 300)),
    ]
    for key, *asked in attempts:
        with pytest.raises(BadEvidence):
            key.open(*asked)


def test_a_record_that_is_not_the_one_in_the_summary_is_refused() -> None:
    """By somebody who holds the key, so that the ciphertext itself is good."""
    decision_id, summary, _, opened = sealed()
    for changed in ({"decision": "deny"}, {"decision_id": "b" * 26}):
        record = structs.replace(opened.record, **changed)
        forged = opened._replace(record=record, record_bytes=encode(record))
        with pytest.raises(BadEvidence):
            KEY.open(decision_id, summary, KEY.seal(decision_id, summary, forged, NONCE))


IDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=63)


@given(
    st.builds(
        lambda gateway, creditor, message_id, flags, attempt, at, validity: Summary(
            "sha256:" + "a" * 64,
            RecipientTag("A" * 43),
            TextMac("A" * 22),
            gateway,
            creditor,
            message_id,
            "allow" if flags[0] else "deny",
            attempt,
            flags[1],
            flags[2],
            AT + timedelta(seconds=at),
            AT + timedelta(seconds=at + validity),
        ),
        IDS,
        IDS,
        st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=128),
        st.tuples(st.booleans(), st.booleans(), st.booleans()),
        st.integers(1, 2**32 - 1),
        st.integers(0, 10**9),
        st.integers(0, 10**6),
    )
)
def test_a_summary_is_read_as_it_was_written(summary: Summary) -> None:
    if max(len(summary.gateway.encode()), len(summary.creditor.encode())) < 256:
        assert read_summary(encode_summary(summary)) == summary


@given(st.binary(max_size=200))
def test_bytes_that_are_no_summary_are_refused(data: bytes) -> None:
    try:
        summary = read_summary(data)
    except BadEvidence:
        return
    assert encode_summary(summary) == data


def test_ids_that_are_too_long_are_refused() -> None:
    summary = read_summary(sealed()[1])
    with pytest.raises(BadEvidence):
        encode_summary(summary._replace(gateway="g" * 256))


def test_an_allow_is_one_that_may_be_delivered() -> None:
    summary = read_summary(sealed()[1])
    assert summary.allows
    for change in ({"decision": "deny"}, {"enforced": False}, {"provisional": True}):
        assert not summary._replace(**change).allows  # type: ignore[arg-type]


def test_the_summary_is_what_the_table_holds_and_names_the_record() -> None:
    key = table.decision(DECIDED.record.decision_id)
    stored = read_summary(_WORLD.documents.get([key])[key].summary)
    record: Record = DECIDED.record
    assert stored.record_sha256 == digest(encode(record))
    assert (stored.at, stored.valid_until, stored.attempt) == (record.at, record.valid_until, 1)
    assert (stored.gateway, stored.creditor, stored.message_id) == (record.gateway, record.creditor, record.message_id)
