"""Acknowledgements as bytes, and their key."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from duecare_core.domain.facts.chain import ChainHead
from duecare_core.domain.fields import E164
from duecare_core.errors import BadEvidence
from duecare_core.evidence.acknowledgement import TYP, AcknowledgementKey, AcknowledgementKeyRecord, claims, published
from duecare_core.evidence.canonical import canonical
from duecare_core.evidence.jose import jws
from duecare_core.evidence.jose.keys import b64
from duecare_core.evidence.pseudonyms import Pseudonyms
from duecare_core.evidence.record import recipient_digest
from duecare_core.evidence.statement import SealedStatement, StatementRecord, read_sealed

ID = "sha256:" + "1" * 64
NUMBER = E164("+8613812345678")
AT = datetime(2026, 11, 24, 9, 0, 0, 999999, tzinfo=UTC)
RECORD = StatementRecord(kind="opt-out", issuer="xinxi", kid="k", received_at=AT, effect="in_force")
SALT = b"s" * 16


def test_the_payload_is_that_of_the_contract() -> None:
    record = StatementRecord(
        kind="dispute",
        issuer="xinxi",
        kid="k",
        received_at=AT,
        effect="superseded",
        superseded_by=ID,
        chain=ChainHead("mou-zichan", 2, ID),
    )
    assert claims(ID, record, (NUMBER, SALT)) == {
        "statement_id": ID,
        "kind": "dispute",
        "party": "xinxi",
        "iat": int(AT.timestamp()),
        "effect": "superseded",
        "superseded_by": ID,
        "recipient": recipient_digest(SALT, NUMBER),
        "recipient_salt": b64(SALT),
        "chain": {"of": "mou-zichan", "seq": 2, "head": ID},
    }


def test_what_does_not_apply_is_left_out() -> None:
    assert set(claims(ID, RECORD, None)) == {"statement_id", "kind", "party", "iat", "effect"}


def test_it_is_a_compact_jws_over_canonical_bytes_and_the_same_every_time() -> None:
    key, payload = AcknowledgementKey(b"a" * 32), claims(ID, RECORD, (NUMBER, SALT))
    token = key.sign(payload)
    assert token == key.sign(dict(reversed(payload.items())))
    read = jws.read(token)
    assert (read.alg, read.kid, read.typ) == ("EdDSA", key.kid, TYP)
    assert token.split(".")[1] == b64(canonical(json.loads(json.dumps(payload))))
    jws.verify(token, key.public)
    with pytest.raises(BadEvidence):
        jws.verify(token, AcknowledgementKey(b"b" * 32).public)


def test_the_published_key_says_what_it_is_for() -> None:
    key = AcknowledgementKey(b"a" * 32)
    jwk = published(AcknowledgementKeyRecord(kid=key.kid, jwk=key.public, first_used_at=AT))
    assert jwk == {**key.public, "kid": key.kid, "alg": "EdDSA", "use": "sig", "purpose": "acknowledgement"}


def test_the_salt_differs_with_the_statement_and_the_pepper_and_has_16_bytes() -> None:
    one = Pseudonyms(b"p" * 32)
    salts = {
        one.recipient_salt(ID),
        one.recipient_salt("sha256:" + "2" * 64),
        Pseudonyms(b"q" * 32).recipient_salt(ID),
    }
    assert len(salts) == 3
    assert {len(salt) for salt in salts} == {16}


@pytest.mark.parametrize("content", [SealedStatement("a.b.c", "d.e.f"), SealedStatement("a.b.c", None)])
def test_a_sealed_statement_is_read_with_its_acknowledgement(content: SealedStatement) -> None:
    assert read_sealed(content.encode()) == content


def test_sealed_bytes_that_are_no_text_are_an_error() -> None:
    with pytest.raises(BadEvidence):
        read_sealed(b"\xff")
