"""An acknowledgement proves that the service accepted one statement, or it proves nothing."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import httpx
import jwt
import pytest

from duecare_client import BadReceipt, Client, verify_acknowledgement
from duecare_core.evidence.jose.keys import b64

NOW = 1_700_000_000
ID = "sha256:" + "1" * 64
NUMBER = "+8613800138000"
SALT = b"s" * 16
DIGEST = "sha256:" + hashlib.sha256(SALT + NUMBER.encode()).hexdigest()
OPT_OUT = {"recipient": NUMBER, "creditor": "some-asset", "received_at": "2023-11-14T22:00:00Z"}


def signed(key: Any, *, typ: str = "statement-ack+jws", **changes: Any) -> str:
    claims = {
        "statement_id": ID,
        "kind": "opt-out",
        "party": "some-gateway",
        "iat": NOW,
        "effect": "in_force",
        "recipient": DIGEST,
        "recipient_salt": b64(SALT),
        **changes,
    }
    return jwt.encode(claims, key.private, algorithm="EdDSA", headers={"typ": typ, "kid": key.kid})


def jwk(key: Any, **changes: Any) -> dict[str, Any]:
    return {**key.public_jwk, "kid": key.kid, "use": "sig", "purpose": "acknowledgement"} | changes


def checked(token: str, keys: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    expected = {"statement_id": ID, "party": "some-gateway", "kind": "opt-out", "recipient": NUMBER, "now": NOW}
    return verify_acknowledgement(token, keys, **(expected | changes))


def test_a_good_acknowledgement_gives_its_claims(service: Any) -> None:
    assert checked(signed(service.receipt_key), [jwk(service.receipt_key)])["effect"] == "in_force"


@pytest.mark.parametrize("spelling", ["+5215512345678", "+525512345678"])
def test_any_spelling_of_the_number_may_be_held_against_it(service: Any, spelling: str) -> None:
    digest = "sha256:" + hashlib.sha256(SALT + b"+525512345678").hexdigest()
    assert checked(signed(service.receipt_key, recipient=digest), [jwk(service.receipt_key)], recipient=spelling)
    national = "sha256:" + hashlib.sha256(SALT + b"+447911123456").hexdigest()
    token = signed(service.receipt_key, recipient=national)
    assert checked(token, [jwk(service.receipt_key)], recipient="+4407911123456")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"statement_id": "sha256:" + "2" * 64}, "statement_id"),
        ({"party": "other-gateway"}, "party"),
        ({"kind": "reply"}, "kind"),
        ({"iat": NOW + 61}, "future"),
        ({"iat": None}, "when"),
        ({"effect": "perhaps"}, "effect"),
        ({"recipient": "sha256:" + "0" * 64}, "recipient"),
        ({"recipient_salt": b64(b"s" * 15)}, "recipient"),
        ({"typ": "decision+jws"}, "its typ"),
    ],
)
def test_an_acknowledgement_of_something_else_is_refused(service: Any, changes: dict[str, Any], why: str) -> None:
    with pytest.raises(BadReceipt, match=why):
        checked(signed(service.receipt_key, **changes), [jwk(service.receipt_key)])


@pytest.mark.parametrize("purpose", ["receipt", None])
def test_a_receipt_key_signs_no_acknowledgement(service: Any, purpose: str | None) -> None:
    key = {name: value for name, value in jwk(service.receipt_key, purpose=purpose).items() if value is not None}
    with pytest.raises(BadReceipt, match="something else"):
        checked(signed(service.receipt_key), [key])


def test_an_acknowledgement_key_signs_no_receipt(service: Any, message: dict[str, Any]) -> None:
    """As a function that accepts statements could try, which holds that key and not the receipt key."""
    keys = {"keys": [jwk(service.receipt_key)]}
    service.instead("/.well-known/jwks.json", lambda _: httpx.Response(200, json=keys))
    client = Client(
        "https://duecare.test", "some-gateway", service.party.jwk, transport=service.network, clock=lambda: NOW
    )
    with pytest.raises(BadReceipt, match="something else"):
        client.verify_receipt(service.receipt(message), message=message, decision="allow")


# The command


class Acknowledging:
    """`POST /v1/statements` with acknowledgements, and the key set."""

    def __init__(self, service: Any, **changes: Any) -> None:
        self.service, self.changes = service, changes
        service.instead("/v1/statements", self.statements)
        service.instead(
            "/.well-known/jwks.json", lambda _: httpx.Response(200, json={"keys": [jwk(service.receipt_key)]})
        )

    def statements(self, request: httpx.Request) -> httpx.Response:
        results = []
        for token in json.loads(request.content)["statements"]:
            statement_id = "sha256:" + hashlib.sha256(token.encode()).hexdigest()
            claims = {"statement_id": statement_id} | self.changes
            result = {"statement_id": statement_id, "status": "accepted", "effect": claims.get("effect", "in_force")}
            results.append(result | {"acknowledgement": signed(self.service.receipt_key, **claims)})
        return httpx.Response(200, json={"results": results})


def test_the_command_verifies_and_keeps_the_acknowledgement(service: Any, duecare: Any) -> None:
    Acknowledging(service)
    result = duecare("--profile", "local", "state", "opt-out", "-", "--json", stdin=OPT_OUT)
    told = json.loads(result.stdout)
    assert (result.exit_code, told["status"], told["effect"]) == (0, "accepted", "in_force")
    assert told["acknowledgement_verified"] is True
    assert told["acknowledgement"].count(".") == 2


@pytest.mark.parametrize(
    "changes", [{"party": "other-gateway"}, {"statement_id": ID}, {"recipient": "sha256:" + "0" * 64}]
)
def test_a_false_acknowledgement_is_a_failed_check(service: Any, duecare: Any, changes: dict[str, Any]) -> None:
    Acknowledging(service, **changes)
    result = duecare("--profile", "local", "state", "opt-out", "-", "--json", stdin=OPT_OUT)
    assert result.exit_code == 1
    assert json.loads(result.stdout)["acknowledgement_verified"] is False


def test_without_the_keys_the_acknowledgement_is_undecided(service: Any, duecare: Any) -> None:
    Acknowledging(service)
    service.instead("/.well-known/jwks.json", lambda _: httpx.Response(503, json={}))
    assert duecare("--profile", "local", "state", "opt-out", "-", stdin=OPT_OUT).exit_code == 3


def test_a_statement_that_was_accepted_and_not_acknowledged_is_pointed_out(duecare: Any) -> None:
    result = duecare("--profile", "local", "state", "opt-out", "-", stdin=OPT_OUT)
    assert result.exit_code == 0
    assert "did not acknowledge" in result.stdout


@pytest.mark.parametrize(
    ("locale", "effect", "words"),
    [
        ("en_US.UTF-8", "in_force", "in force"),
        ("en_US.UTF-8", "superseded", "superseded"),
        ("en_US.UTF-8", "none", "no effect"),
        ("zh_CN.UTF-8", "in_force", "生效"),
        ("zh_CN.UTF-8", "superseded", "取代"),
        ("zh_CN.UTF-8", "none", "不产生效力"),
    ],
)
def test_the_command_says_what_effect_the_statement_has(
    service: Any, command: Any, profile: Any, locale: str, effect: str, words: str
) -> None:
    Acknowledging(service, effect=effect)
    run = command(profile, {"HOME": str(profile), "LC_ALL": locale})
    result = run("--profile", "local", "state", "opt-out", "-", stdin=OPT_OUT)
    assert result.exit_code == 0
    assert words in result.stdout
