"""A client that is not the project's own: plain PyJWT and httpx, written from the contract alone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256, Hash

from tests.support.engines import Stack
from tests.support.world import daytime_recipient
from tools.steps import wait_for

# The clock's wakes alone come once a minute, and a busy machine takes its time.
PATIENCE = 240.0


class Caller:
    """One party with a key of its own, as somebody else's program would speak for it."""

    def __init__(self, url: str, issuer: str, party: str) -> None:
        self.party, self._issuer = party, issuer
        self._key = Ed25519PrivateKey.generate()
        public = json.loads(jwt.get_algorithm_by_name("EdDSA").to_jwk(self._key.public_key()))
        self.jwk = {name: public[name] for name in ("kty", "crv", "x")}
        self.kid = _thumbprint(self.jwk)
        self.http = httpx.Client(base_url=url, timeout=30)

    def token(self, **claims: Any) -> str:
        now = int(time.time())
        return self._sign("JWT", {"iss": self.party, "aud": self._issuer, "iat": now, "exp": now + 600, **claims})

    def statement(self, kind: str, /, **members: Any) -> str:
        claims = {"iss": self.party, "aud": self._issuer, "iat": int(time.time()), **members}
        return self._sign(f"{kind}+jws", claims)

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path, headers={"Authorization": f"Bearer {self.token()}"})

    def post(self, path: str, body: Any) -> httpx.Response:
        return self.http.post(path, json=body, headers={"Authorization": f"Bearer {self.token()}"})

    def state(self, kind: str, **members: Any) -> dict[str, Any]:
        """State one fact; its result."""
        answer = self.post("/v1/statements", {"statements": [self.statement(kind, **members)]})
        assert answer.status_code == 200, answer.text
        (result,) = answer.json()["results"]
        return dict(result)

    def proven(self) -> dict[str, str]:
        """The public JWK with a proof that this party holds it."""
        proof = self._sign("key-proof+jws", {"kid": self.kid, "iat": int(time.time())})
        return {**self.jwk, "kid": self.kid, "proof": proof}

    def _sign(self, typ: str, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers={"kid": self.kid, "typ": typ})


@pytest.fixture
def register(stack: Stack) -> Iterator[Callable[..., Caller]]:
    """Register a party with the operator's rights; a caller that speaks for it."""
    opened: list[Caller] = []

    def registered(party: str, role: str, *, name: str = "", sender_names: tuple[str, ...] = ()) -> Caller:
        # Ids of its own for each test: all of them share one stack.
        caller = Caller(stack.url, stack.outputs["Issuer"], f"{party}-{time.time_ns()}")
        opened.append(caller)
        request = {"do": "party-add", "id": caller.party, "roles": [role], "name": name or party, "shadow": False,
                   "sender_names": list(sender_names), "key": caller.proven()}  # fmt: skip
        assert operate(stack, request)["status"] == 200
        return caller

    yield registered
    for caller in opened:
        caller.http.close()


def operate(stack: Stack, request: dict[str, Any]) -> dict[str, Any]:
    """What `duecare admin` does: invoke the admin function with AWS credentials."""
    invoked = stack.aws("lambda").invoke(FunctionName=stack.outputs["AdminFunction"], Payload=json.dumps(request))
    with invoked["Payload"] as payload:
        return dict(json.loads(payload.read()))


def at(**offset: float) -> str:
    """RFC 3339, that far from now."""
    return (datetime.now(UTC) + timedelta(**offset)).isoformat()


def recipient() -> str:
    """A number that no other test uses, in a country where it is daytime."""
    return daytime_recipient(datetime.now(UTC), time.time_ns() // 1000 % 10_000_000)


def _thumbprint(jwk: dict[str, str]) -> str:
    """RFC 7638."""
    digest = Hash(SHA256())
    digest.update(json.dumps(jwk, sort_keys=True, separators=(",", ":")).encode())
    return jwt.utils.base64url_encode(digest.finalize()).decode()


def until(what: Callable[[], Any]) -> Any:
    """The first true value that `what` returns."""
    found = wait_for(what, PATIENCE, every=0.25)
    assert found, f"nothing within {PATIENCE} s"
    return found


def log_key(stack: Stack) -> str:
    """The log's verifier key, once anything has been logged."""
    return str(until(lambda: httpx.get(f"{stack.url}/.well-known/duecare", timeout=30).json()["log"]["verifier_key"]))
