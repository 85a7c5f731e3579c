"""A stranger's junk costs no read of the table; whoever has a party's own form costs one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from duecare.usecases.access.authorize import MAX_TOKEN, Authorize
from duecare_core.errors import NotAllowed
from duecare_core.evidence.jose import keys
from duecare_core.evidence.jose.keys import b64
from duecare_core.evidence.jose.proof import proven_jwk
from tests.support import events
from tests.support.between import CountingReader
from tests.support.world import ISSUER, KEYS, NOW, World

SIGNATURE = b64(b"s" * 64)
HEADER = {"alg": "EdDSA", "kid": keys.thumbprint(KEYS["xinxi"]), "typ": "JWT"}
CLAIMS = {"iss": "xinxi", "aud": ISSUER, "iat": int(NOW.timestamp()), "exp": int(NOW.timestamp()) + 600}


def token(header: Any = HEADER, claims: Any = CLAIMS, signature: str = SIGNATURE) -> str:
    return ".".join([*(b64(json.dumps(part).encode()) for part in (header, claims)), signature])


JUNK = {
    "nothing": "",
    "a word": "x",
    "three words": "not.a.token",
    "an opaque token": "ya29." + "a" * 200,
    "dots": "." * 1000,
    "too long": token(claims=CLAIMS | {"jti": "x" * MAX_TOKEN}),
    "a megabyte": "a" * 1_000_000,
    "two parts": token().rpartition(".")[0],
    "four parts": token() + "." + SIGNATURE,
    "no signature": token(signature=""),
    "half a signature": token(signature=SIGNATURE[:43]),
    "a DER signature": token(signature=b64(b"s" * 71)),
    "an RSA signature": token(signature=b64(b"s" * 256)),
    "not base64url": token(signature="+" * 86),
    "HS256": token(HEADER | {"alg": "HS256"}),
    "RS256": token(HEADER | {"alg": "RS256"}),
    "none": token(HEADER | {"alg": "none"}),
    "a statement": token(HEADER | {"typ": "debt+jws"}),
    "an access token of somebody else": token(HEADER | {"typ": "at+jwt"}),
    "no kid": token({name: HEADER[name] for name in ("alg", "typ")}),
    "a kid that is no thumbprint": token(HEADER | {"kid": "key-1"}),
    "a longer kid": token(HEADER | {"kid": HEADER["kid"] + "A"}),
    "a crit": token(HEADER | {"crit": ["exp"]}),
    "no iss": token(claims={}),
    "an iss that is no party": token(claims=CLAIMS | {"iss": "https://accounts.example"}),
    "an iss that is everything": token(claims=CLAIMS | {"iss": "*"}),
    "an iss in a list": token(claims=CLAIMS | {"iss": ["xinxi"]}),
    "claims that are a list": token(claims=[CLAIMS]),
}


@pytest.fixture
def reader() -> CountingReader:
    return CountingReader(World().register().documents)


@pytest.mark.parametrize("name", JUNK)
def test_junk_costs_no_read(reader: CountingReader, name: str) -> None:
    with pytest.raises(NotAllowed):
        Authorize(reader, ISSUER)(JUNK[name])
    assert reader.reads == 0


@pytest.mark.parametrize(
    "forged",
    [
        token(),
        token(HEADER | {"kid": "A" * 43}),
        token(claims=CLAIMS | {"iss": "nobody"}),
        token(HEADER | {"alg": "ES256"}),
    ],
    ids=["a forged signature", "an unknown key", "an unknown party", "another algorithm"],
)
def test_a_forgery_in_a_partys_own_form_costs_one_read(reader: CountingReader, forged: str) -> None:
    with pytest.raises(NotAllowed):
        Authorize(reader, ISSUER)(forged)
    assert reader.reads == 1


def test_a_key_counts_from_the_moment_that_it_is_registered(reader: CountingReader) -> None:
    """Nothing of an earlier refusal is kept in the process."""
    world = World()
    authorize = Authorize(world.documents, ISSUER)
    good = events.token("xinxi", CLAIMS, kid=keys.thumbprint(events.key("xinxi")))
    with pytest.raises(NotAllowed):
        authorize(good)
    world.register("xinxi")
    world.operate.add_key("xinxi", proven_jwk(events.key("xinxi"), world.now))
    assert authorize(good).party == "xinxi"
