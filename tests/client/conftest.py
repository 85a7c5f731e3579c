"""A service at the far end of the wire, made of httpx.MockTransport and plain PyJWT: nothing of the layer."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner, Result

from duecare_client.cli.context import CliContext
from duecare_client.cli.main import app

ISSUER = "urn:duecare:test"
NOW = 1_700_000_000
MESSAGE = {
    "message_id": "m-1",
    "recipient": "+8613800138000",
    "creditor": "some-asset",
    "channel": "sms",
    "text": "【某资产】您的欠款为27911元,退订回T",
}

Handler = Callable[[httpx.Request], httpx.Response]


def at(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")


def unpadded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    """An Ed25519 key, its JWKs and its thumbprint, made without the code under test."""

    def __init__(self, first_byte: int) -> None:
        self.private = Ed25519PrivateKey.from_private_bytes(bytes([first_byte]) * 32)
        self.seed = self.private.private_bytes_raw().hex()
        self.public_jwk = {"kty": "OKP", "crv": "Ed25519", "x": unpadded(self.private.public_key().public_bytes_raw())}
        self.jwk = {**self.public_jwk, "d": unpadded(self.private.private_bytes_raw())}
        ordered = json.dumps(self.public_jwk, sort_keys=True, separators=(",", ":"))
        self.kid = unpadded(hashlib.sha256(ordered.encode()).digest())


class Service:
    """Answers as the contract says until a test replaces an answer. Keeps every request."""

    def __init__(self) -> None:
        self.party = Key(1)
        self.receipt_key = Key(2)
        self.published = [self.receipt_key]
        self.requests: list[httpx.Request] = []
        self.answers: dict[str, list[Handler]] = {}
        self.now = float(NOW)
        self.decision = "allow"
        self.reasons: list[dict[str, str]] = []
        self.enforced, self.provisional = True, False
        self.receipt_changes: dict[str, Any] = {}
        self.network = httpx.MockTransport(self._handle)

    def instead(self, path: str, *handlers: Handler) -> None:
        """The next calls of this path get these answers, one each; the last one stays."""
        self.answers[path] = list(handlers)

    def paths(self) -> list[str]:
        return [request.url.path for request in self.requests]

    def to(self, path: str) -> list[httpx.Request]:
        return [request for request in self.requests if request.url.path == path]

    def receipt(self, message: dict[str, Any], *, typ: str = "decision+jws", **changes: Any) -> str:
        claims = {
            "iss": ISSUER,
            "iat": int(self.now),
            "exp": int(self.now) + 120,
            "jti": "d-1",
            "attempt": 1,
            "provisional": self.provisional,
            "enforced": self.enforced,
            "gateway": "some-gateway",
            "message_id": message["message_id"],
            "creditor": message["creditor"],
            "collector": message.get("collector", message["creditor"]),
            "channel": message["channel"],
            "decision": self.decision,
            "reasons": [reason["code"] for reason in self.reasons],
            "text_sha256": "sha256:" + hashlib.sha256(message["text"].encode()).hexdigest(),
            **changes,
        }
        headers = {"typ": typ, "kid": self.receipt_key.kid}
        claims = {name: claim for name, claim in claims.items() if claim is not ...}
        return jwt.encode(claims, self.receipt_key.private, algorithm="EdDSA", headers=headers)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        path = request.url.path
        if path in self.answers:
            waiting = self.answers[path]
            return (waiting.pop(0) if len(waiting) > 1 else waiting[0])(request)
        body = self._body(path, request)
        return httpx.Response(404, json={"message": "Not Found"}) if body is None else httpx.Response(200, json=body)

    def _body(self, path: str, request: httpx.Request) -> Any:
        if path == "/v1/verify":
            return self.answer(json.loads(request.content))
        if path == "/v1/statements":
            return {"results": self._results(json.loads(request.content)["statements"])}
        if path.startswith("/v1/decisions/"):
            return {"answer": self.answer(MESSAGE), "record": {}, "log": {"logged": True, "index": 7}}
        keys = [{**key.public_jwk, "kid": key.kid} for key in self.published]
        public = {
            "/.well-known/duecare": {"issuer": ISSUER, "jwks_uri": "https://elsewhere.example/keys"},
            "/.well-known/jwks.json": {"keys": keys},
            "/v1/status": {"status": "ok"},
        }
        return public.get(path)

    def answer(self, message: dict[str, Any]) -> dict[str, Any]:
        return {
            "decision": self.decision,
            "decision_id": "d-1",
            "attempt": 1,
            "message_id": message["message_id"],
            "reasons": self.reasons,
            "valid_until": at(self.now + 120),
            "receipt": self.receipt(message, **self.receipt_changes),
            "enforced": self.enforced,
            "provisional": self.provisional,
            "replayed": False,
        }

    def _results(self, statements: list[str]) -> list[dict[str, str]]:
        ids = ("sha256:" + hashlib.sha256(one.encode()).hexdigest() for one in statements)
        return [{"statement_id": one, "status": "accepted"} for one in ids]


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def message() -> dict[str, Any]:
    return dict(MESSAGE)


@pytest.fixture
def profile(tmp_path: Path, service: Service) -> Path:
    """A directory with a `local` profile: a gateway, two creditors and a collector."""
    folder = tmp_path / "work" / ".duecare"
    folder.mkdir(parents=True)
    (folder / "party.jwk").write_text(json.dumps(service.party.jwk))
    roles = {
        "some-gateway": ["gateway"],
        "some-asset": ["creditor"],
        "other-asset": ["creditor"],
        "some-tech": ["collector"],
    }
    parties = {name: {"roles": held, "key": "party.jwk"} for name, held in roles.items()}
    written = {
        "url": "https://duecare.test",
        "issuer": ISSUER,
        "aws_endpoint_url": "http://127.0.0.1:4566",
        "region": "us-east-1",
        "stack": "duecare",
        "table": "t",
        "parties": parties,
    }
    (folder / "local.json").write_text(json.dumps(written))
    return folder.parent


class Command:
    """Runs the command in a world of its own: a directory with a `local` profile, and the service as the network."""

    def __init__(self, service: Any, directory: Path, environment: dict[str, str] | None = None) -> None:
        self.service = service
        self.directory = directory
        self.environment = environment if environment is not None else {"HOME": str(directory)}

    def __call__(self, *args: str, stdin: Any = None) -> Result:
        cli = CliContext(
            environment=self.environment,
            directory=self.directory,
            network=self.service.network,
            clock=lambda: NOW,
        )
        text = stdin if isinstance(stdin, str | bytes | None) else json.dumps(stdin)
        return CliRunner().invoke(app, list(args), input=text, obj=cli)


@pytest.fixture
def command(service: Any) -> Callable[..., Command]:
    """The command in a directory of the test's choice, with an environment of its choice."""
    return lambda directory, environment=None: Command(service, directory, environment)


@pytest.fixture
def duecare(command: Callable[..., Command], profile: Path) -> Command:
    return command(profile)
