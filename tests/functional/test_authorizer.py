"""The Lambda authorizer: who is let pass, and everybody who is not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256

from duecare_core.errors import StoreFailed
from duecare_core.evidence.jose.keys import algorithm, b64, public_jwk, thumbprint, unb64
from duecare_core.evidence.jose.proof import proven_jwk
from tests.functional.answers import Answer
from tests.functional.conftest import Stack
from tests.functional.keys import p256
from tests.support import events
from tests.support.world import ISSUER

REFUSED = {"isAuthorized": False}


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    whole = {"iss": "xinxi", "aud": ISSUER, "iat": now, "exp": now + 600} | changes
    return {name: value for name, value in whole.items() if value is not None}


def token(**changes: Any) -> str:
    return events.token("xinxi", claims(**changes))


def ask(stack: Stack, authorization: str) -> dict[str, Any]:
    event = events.load("authorize-not-a-token")
    event["headers"]["authorization"] = authorization
    return dict(stack.invoke("authorize", event | {"identitySource": [authorization]}))


# Let pass


def test_a_party_that_signed_its_token_is_authorized_by_name(stack: Stack) -> None:
    stack.register("xinxi")
    made = claims()
    answer = ask(stack, f"Bearer {events.token('xinxi', made)}")
    times = {"iat": str(float(made["iat"])), "exp": str(float(made["exp"]))}
    signed = {"party": "xinxi", "kid": thumbprint(events.key("xinxi"))}
    assert answer == {"isAuthorized": True, "context": signed | times | {"aud": "true", "lifetime": "true"}}


def test_the_functions_read_the_context_that_the_authorizer_returns(stack: Stack) -> None:
    stack.register("xinxi")
    context = ask(stack, f"Bearer {token()}")["context"]
    request = stack.as_party("xinxi") | {"authorizer": {"lambda": context}}
    assert stack.send("verify-honest", requestContext=request).status == 200


def test_a_p256_key_is_authorized(stack: Stack) -> None:
    stack.register("xinxi")
    private = p256()
    stack.operate("key-add", id="xinxi", key=proven_jwk(private, stack.now))
    key = jwt.PyJWK({**private, "alg": "ES256"})
    made = jwt.encode(claims(), key, algorithm="ES256", headers={"kid": thumbprint(private), "typ": "JWT"})
    assert ask(stack, f"Bearer {made}")["context"]["kid"] == thumbprint(private)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_read_in_any_case(stack: Stack, scheme: str) -> None:
    stack.register("xinxi")
    assert ask(stack, f"{scheme} {token()}")["isAuthorized"]


@pytest.mark.parametrize(
    "changes",
    [
        {"iat": 30, "exp": 3600},
        {"iat": -3600, "exp": -30},
        {"iat": 0, "exp": 3600},
        {"iat": 0.25, "exp": 60.5},
        {"jti": "once", "nbf": 0, "sub": "anything"},
    ],
    ids=["issued-within-the-skew", "expired-within-the-skew", "for-an-hour", "with-fractions", "with-more-claims"],
)
def test_times_are_read_with_a_minute_of_skew(stack: Stack, changes: dict[str, Any]) -> None:
    stack.register("xinxi")
    now = int(time.time())
    times = {name: now + changes[name] for name in ("iat", "exp") if name in changes}
    context = ask(stack, f"Bearer {token(**{**changes, **times})}")["context"]
    assert called(stack, context).status == 200


def called(stack: Stack, context: dict[str, Any]) -> Answer:
    """The answer of a function behind the authorizer."""
    return stack.send("evidence-whoami", requestContext=stack.as_party("xinxi") | {"authorizer": {"lambda": context}})


# Refused


def refused(stack: Stack, authorization: str) -> None:
    """Refused, without saying why, and without a word of it in the log."""
    assert ask(stack, authorization) == REFUSED
    assert stack.said.getvalue().count('"ERROR"') == 0


BAD_PARTIES: dict[str, dict[str, Any]] = {
    "no-iss": {"iss": None},
    "iss-of-nobody": {"iss": "nobody"},
    "iss-of-another-party": {"iss": "keji"},
    "iss-everything": {"iss": "*"},
    "iss-empty": {"iss": ""},
    "iss-too-long": {"iss": "x" * 5000},
    "iss-with-a-new-line": {"iss": "xinxi\n"},
    "iss-with-a-null": {"iss": "xinxi\0"},
}


@pytest.mark.parametrize("name", BAD_PARTIES)
def test_a_token_of_no_party_is_refused(stack: Stack, name: str) -> None:
    stack.register("xinxi", "keji")
    # A halt of everything is stored under P#*, which would be the key of a party called *.
    stack.operate("halt", on=True)
    refused(stack, f"Bearer {token(**BAD_PARTIES[name])}")


def bad_claims(now: int) -> dict[str, tuple[dict[str, Any], str]]:
    """Claims of a well-signed token, and the problem with them; as of now, and not of when pytest collected."""
    years = 5 * 365 * 86400
    return {
        "no-aud": ({"aud": None}, "token-audience"),
        "aud-of-another": ({"aud": "https://elsewhere.example"}, "token-audience"),
        "aud-with-a-slash": ({"aud": ISSUER + "/"}, "token-audience"),
        "aud-a-list-of-two": ({"aud": [ISSUER, "https://elsewhere.example"]}, "token-audience"),
        "no-iat": ({"iat": None}, "token-ahead"),
        "no-exp": ({"exp": None}, "token-expired"),
        "iat-a-string": ({"iat": str(now)}, "token-ahead"),
        "exp-a-string": ({"exp": str(now + 600)}, "token-expired"),
        "exp-true": ({"exp": True}, "token-expired"),
        "expired": ({"iat": now - 3600, "exp": now - 120}, "token-expired"),
        "not-yet-issued": ({"iat": now + 120, "exp": now + 600}, "token-ahead"),
        "of-ten-years": ({"exp": now + 2 * years}, "token-lifetime"),
        "of-an-hour-and-a-bit": ({"exp": now + 3700}, "token-lifetime"),
        "ten-years-issued-long-ago": ({"iat": now - years, "exp": now + years}, "token-lifetime"),
        "ends-before-it-begins": ({"iat": now, "exp": now - 1}, "token-lifetime"),
        "endless": ({"exp": 1e300}, "token-expired"),
        "negative": ({"iat": -1, "exp": 3000}, "token-expired"),
    }


@pytest.mark.parametrize("name", bad_claims(0))
def test_a_well_signed_token_with_other_claims_is_passed_on_and_the_function_says_what_is_wrong(
    stack: Stack, name: str
) -> None:
    stack.register("xinxi")
    changes, problem = bad_claims(int(time.time()))[name]
    answer = called(stack, ask(stack, f"Bearer {token(**changes)}")["context"])
    assert (answer.status, answer.problem) == (401, problem)
    assert abs(datetime.fromisoformat(answer.body["server_time"]).timestamp() - time.time()) < 60


def test_the_audience_may_be_a_list_of_this_service_alone(stack: Stack) -> None:
    stack.register("xinxi")
    assert called(stack, ask(stack, f"Bearer {token(aud=[ISSUER])}")["context"]).status == 200


def test_a_der_signature_is_refused(stack: Stack) -> None:
    stack.register("xinxi")
    private = p256()
    stack.operate("key-add", id="xinxi", key=proven_jwk(private, stack.now))
    header = {"alg": "ES256", "kid": thumbprint(private), "typ": "JWT"}
    start = ".".join(b64(json.dumps(part).encode()) for part in (header, claims()))
    der = jwt.PyJWK({**private, "alg": "ES256"}).key.sign(start.encode(), ECDSA(SHA256()))
    refused(stack, f"Bearer {start}.{b64(der)}")


def test_iss_may_not_be_a_number_or_a_list(stack: Stack) -> None:
    stack.register("xinxi")
    for iss in (1, ["xinxi"], {"xinxi": 1}):
        refused(stack, f"Bearer {raw({'alg': 'EdDSA', 'typ': 'JWT'}, claims(iss=iss))}")


def raw(header: dict[str, Any], payload: Any, *, sign: bool = True) -> str:
    """A compact JWS made by hand: PyJWT would not make some of these."""
    whole = {"kid": thumbprint(events.key("xinxi"))} | header
    start = ".".join(b64(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (whole, payload))
    if not sign:
        return start + "."
    signer = jwt.PyJWK({**events.key("xinxi"), "alg": "EdDSA"}).key
    return f"{start}.{b64(signer.sign(start.encode()))}"


def hs256(secret: bytes) -> str:
    start = raw({"alg": "HS256", "typ": "JWT"}, claims(), sign=False).rstrip(".")
    return f"{start}.{b64(hmac.new(secret, start.encode(), hashlib.sha256).digest())}"


FORGED: dict[str, Callable[[], str]] = {
    "alg-none": lambda: raw({"alg": "none", "typ": "JWT"}, claims(), sign=False),
    "alg-none-in-capitals": lambda: raw({"alg": "NONE", "typ": "JWT"}, claims(), sign=False),
    "alg-none-but-signed": lambda: raw({"alg": "none", "typ": "JWT"}, claims()),
    "alg-hs256-with-the-public-key": lambda: hs256(unb64(events.key("xinxi")["x"])),
    "alg-hs256-with-the-jwk": lambda: hs256(json.dumps(public_jwk(events.key("xinxi"))).encode()),
    "alg-of-another-key": lambda: raw({"alg": "ES256", "typ": "JWT"}, claims()),
    "alg-a-list": lambda: raw({"alg": ["EdDSA"], "typ": "JWT"}, claims()),
    "no-alg": lambda: raw({"typ": "JWT"}, claims()),
    "no-typ": lambda: raw({"alg": "EdDSA"}, claims()),
    "typ-of-a-statement": lambda: raw({"alg": "EdDSA", "typ": "consent+jws"}, claims()),
    "typ-of-a-receipt": lambda: raw({"alg": "EdDSA", "typ": "decision+jws"}, claims()),
    "kid-of-another-party": lambda: raw(
        {"alg": "EdDSA", "typ": "JWT", "kid": thumbprint(events.key("keji"))}, claims()
    ),
    "kid-of-nobody": lambda: raw({"alg": "EdDSA", "typ": "JWT", "kid": "nobody"}, claims()),
    "kid-a-path": lambda: raw({"alg": "EdDSA", "typ": "JWT", "kid": "../../dev/null"}, claims()),
    "signed-by-another": lambda: events.token("keji", claims(), kid=thumbprint(events.key("xinxi"))),
    "an-embedded-key": lambda: raw({"alg": "EdDSA", "typ": "JWT", "jwk": public_jwk(events.key("xinxi"))}, claims()),
    "a-key-address": lambda: raw({"alg": "EdDSA", "typ": "JWT", "jku": "https://evil.example"}, claims()),
    "crit": lambda: raw({"alg": "EdDSA", "typ": "JWT", "crit": ["exp"]}, claims()),
    "compressed": lambda: raw({"alg": "EdDSA", "typ": "JWT", "zip": "DEF"}, claims()),
    "no-signature": lambda: token().rpartition(".")[0] + ".",
    "half-a-signature": lambda: token()[:-40],
    "another-signature": lambda: token()[:-8] + "AAAAAAAA",
    "padded": lambda: token() + "=",
    "another-spelling": lambda: other_spelling(token()),
    "payload-a-list": lambda: raw({"alg": "EdDSA", "typ": "JWT"}, [claims()]),
    "payload-not-json": lambda: raw({"alg": "EdDSA", "typ": "JWT"}, b"{"),
    "payload-not-utf-8": lambda: raw({"alg": "EdDSA", "typ": "JWT"}, b'{"iss":"\xff"}'),
    "payload-with-iss-twice": lambda: raw({"alg": "EdDSA", "typ": "JWT"}, b'{"iss":"xinxi","iss":"xinxi"}'),
    "payload-nested-deeply": lambda: raw({"alg": "EdDSA", "typ": "JWT"}, b"[" * 50_000),
    "encrypted": lambda: "e30.e30.e30.e30.e30",
    "two-tokens": lambda: f"{token()} {token()}",
    "nothing": lambda: "",
    "dots": lambda: "..",
    "huge": lambda: "a" * 100_000,
    "not-ascii": lambda: "余.敏.某",
}


def other_spelling(made: str) -> str:
    """The signature's last character carries bits that decode to nothing: another text for the same bytes."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = made[:-1] + alphabet[alphabet.index(made[-1]) ^ 1]
    padded = [text.rpartition(".")[2] + "==" for text in (made, other)]
    assert len({base64.urlsafe_b64decode(text) for text in padded}) == 1
    return other


@pytest.mark.parametrize("name", FORGED)
def test_a_token_that_is_not_properly_signed_is_refused(stack: Stack, name: str) -> None:
    stack.register("xinxi", "keji")
    refused(stack, f"Bearer {FORGED[name]()}")


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Basic eHg6eQ==", "Token x"])
def test_another_scheme_or_none_is_refused(stack: Stack, authorization: str) -> None:
    refused(stack, authorization)


def test_a_request_without_the_header_is_refused(stack: Stack) -> None:
    assert stack.invoke("authorize", events.load("authorize-no-token")) == REFUSED
    assert stack.invoke("authorize", events.load("authorize-no-token") | {"headers": None}) == REFUSED


def test_a_revoked_key_is_refused_and_another_key_of_the_party_goes_on(stack: Stack) -> None:
    stack.register("xinxi")
    new = events.key("xinxi, later")
    stack.operate("key-add", id="xinxi", key=proven_jwk(new, stack.now))
    stack.operate("key-revoke", id="xinxi", kid=thumbprint(events.key("xinxi")))
    refused(stack, f"Bearer {token()}")
    signing = jwt.PyJWK({**new, "alg": algorithm(new)})
    made = jwt.encode(claims(), signing, algorithm="EdDSA", headers={"kid": thumbprint(new), "typ": "JWT"})
    assert ask(stack, f"Bearer {made}")["isAuthorized"]


def test_a_suspended_party_is_authorized_and_its_function_decides(stack: Stack) -> None:
    """A suspended gateway's verify is answered with a deny, and what protects a recipient may still be stated."""
    stack.register("xinxi")
    stack.operate("party-suspend", id="xinxi")
    assert ask(stack, f"Bearer {token()}")["isAuthorized"]


def test_a_table_that_does_not_answer_is_an_error_that_the_gateway_does_not_cache(stack: Stack) -> None:
    stack.restart(DUECARE_TABLE="no-such-table")
    with pytest.raises(StoreFailed):
        ask(stack, f"Bearer {token()}")
    assert token().split(".")[1][:20] not in stack.said.getvalue()
