"""Attacks with keys: signing without one, registering somebody else's, and roles that let a party judge itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from duecare.usecases import table
from duecare.usecases.access.authorize import Authorize
from duecare_core.domain.facts.party import Party, PartyKey
from duecare_core.errors import Conflict, NotAllowed, Unacceptable
from duecare_core.evidence.casefile import bundle
from duecare_core.evidence.jose import jws, proof
from duecare_core.evidence.jose.keys import Jwk, b64, new_private_jwk, public_jwk, thumbprint
from tests.functional.keys import p256
from tests.support.logs import LOG_KEY, LoggedWorld
from tests.support.world import DAY, ISSUER, KEYS, RECIPIENT, World, debt_members, stamp

SECOND = timedelta(seconds=1)
NEUTRAL: Jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64(b"\x01" + bytes(31))}
SIGNATURE_OF_EVERYTHING = b"\x01" + bytes(63)


@pytest.fixture
def world() -> World:
    return World().register()


def stored(world: World, party_id: str, **changes: Any) -> None:
    """Write a party into the table as nobody registers it."""
    key = table.party(party_id)
    document = world.documents.get([key]).get(key)
    fresh = Party(id=party_id, roles=("gateway",), name=party_id, registered_at=world.now)
    party = structs.replace(table.read(document, Party) if document else fresh, **changes)
    world.documents.commit([table.write(key, document, party)])


def unsigned(typ: str, claims: dict[str, Any]) -> str:
    header = {"alg": "EdDSA", "kid": thumbprint(NEUTRAL), "typ": typ}
    parts = [b64(json.dumps(one).encode()) for one in (header, claims)]
    return ".".join([*parts, b64(SIGNATURE_OF_EVERYTHING)])


def party(world: World, party_id: str = "mallory", *roles: str) -> Party:
    return Party(id=party_id, roles=roles or ("creditor",), name=party_id, registered_at=world.now)  # type: ignore[arg-type]


def refused(call: Callable[[], object]) -> Unacceptable:
    with pytest.raises(Unacceptable) as caught:
        call()
    return caught.value


# The key of small order


@pytest.fixture
def neutral(world: World) -> World:
    """The neutral point is in the table, from a time when it was registered."""
    key = PartyKey(kid=thumbprint(NEUTRAL), jwk=NEUTRAL, registered_at=world.now)
    stored(world, "mou-zichan", keys=(key,))
    return world


def test_an_unsigned_token_is_refused(neutral: World) -> None:
    now = int(neutral.now.timestamp())
    token = unsigned("JWT", {"iss": "mou-zichan", "aud": ISSUER, "iat": now, "exp": now + 600})
    with pytest.raises(NotAllowed):
        Authorize(neutral.documents, ISSUER)(token)


def test_an_unsigned_statement_is_rejected(neutral: World) -> None:
    claims = {"iss": "mou-zichan", "aud": ISSUER, "iat": int(neutral.now.timestamp()), **debt_members(neutral.now)}
    caller = neutral.caller("mou-zichan")._replace(kid=thumbprint(NEUTRAL))
    (result,) = neutral.state_use_case(caller, [unsigned("debt+jws", claims)])
    assert result.problem is not None
    assert [one.code for one in result.problem.errors] == ["bad-signature"]


def test_the_key_of_small_order_is_not_registered(world: World) -> None:
    claims = {"kid": thumbprint(NEUTRAL), "iat": int(world.now.timestamp())}
    key = {**NEUTRAL, "proof": unsigned(proof.TYP, claims)}
    assert refused(lambda: world.operate.add(party(world), key)).name == "bad-key"
    assert refused(lambda: world.operate.add_key("keji", key)).name == "bad-key"


# Somebody else's key

PROOFS: dict[str, Callable[[World, Jwk], object]] = {
    "none": lambda world, victim: None,
    "empty": lambda world, victim: "",
    "no text": lambda world, victim: {"kid": thumbprint(victim)},
    "not a JWS": lambda world, victim: "a.b",
    "of another key": lambda world, victim: proof.prove(new_private_jwk(), world.now),
    "of another key that names this one": lambda world, victim: _by(new_private_jwk(), world, kid=thumbprint(victim)),
    "by this key about another": lambda world, victim: _by(victim, world, kid=thumbprint(new_private_jwk())),
    "a statement": lambda world, victim: _by(victim, world, typ="debt+jws"),
    "a token": lambda world, victim: _by(victim, world, typ="JWT"),
    "with another member": lambda world, victim: _by(victim, world, iss="mallory"),
    "without iat": lambda world, victim: jws.sign(proof.TYP, {"kid": thumbprint(victim)}, victim),
    "without kid": lambda world, victim: jws.sign(proof.TYP, {"iat": int(world.now.timestamp())}, victim),
    "an iat that is true": lambda world, victim: _by(victim, world, iat=True),
    "an iat that is text": lambda world, victim: _by(victim, world, iat="1"),
    "an iat beyond every float": lambda world, victim: _by(victim, world, iat=10**400),
    "an iat before every float": lambda world, victim: _by(victim, world, iat=-(10**400)),
    "a day and a second old": lambda world, victim: proof.prove(victim, world.now - DAY - SECOND),
    "61 seconds ahead": lambda world, victim: proof.prove(victim, world.now + 61 * SECOND),
    "changed": lambda world, victim: _spoiled(proof.prove(victim, world.now)),
}


def _by(private: Jwk, world: World, *, typ: str = proof.TYP, **changes: Any) -> str:
    claims = {"kid": thumbprint(private), "iat": int(world.now.timestamp())} | changes
    return jws.sign(typ, claims, private)


def _spoiled(token: str) -> str:
    return token[:-4] + ("A" if token[-4] != "A" else "B") + token[-3:]


@pytest.mark.parametrize("make", [new_private_jwk, p256], ids=["Ed25519", "P-256"])
@pytest.mark.parametrize("fault", PROOFS)
def test_a_key_without_a_proof_by_its_holder_is_not_registered(
    world: World, fault: str, make: Callable[[], Jwk]
) -> None:
    victim = make()
    key = {**public_jwk(victim), "proof": PROOFS[fault](world, victim)}
    for call in (lambda: world.operate.add(party(world), key), lambda: world.operate.add_key("keji", key)):
        error = refused(call)
        assert error.name == "bad-key-proof"
        assert "duecare keys new" in error.detail
        assert "duecare keys show FILE" in error.detail
        assert [one.pointer for one in error.errors] == ["/key/proof"]
    assert len(world.operate.show("keji").keys) == 1


@pytest.mark.parametrize("age", [timedelta(0), DAY, -60 * SECOND], ids=str)
@pytest.mark.parametrize("make", [new_private_jwk, p256], ids=["Ed25519", "P-256"])
def test_a_key_with_a_proof_is_registered_and_the_proof_is_kept(
    world: World, age: timedelta, make: Callable[[], Jwk]
) -> None:
    key = proof.proven_jwk(make(), world.now - age)
    (kept,) = world.operate.add(party(world), key).keys
    assert (kept.kid, kept.proof) == (key["kid"], key["proof"])


def test_a_key_is_bound_to_its_first_party_for_good(world: World) -> None:
    """Even its holder cannot register it twice, nor another party take it over once it is revoked."""
    victims = proof.proven_jwk(KEYS["mou-zichan"], world.now)

    def taken() -> None:
        with pytest.raises(Conflict) as caught:
            world.operate.add(party(world), victims)
        assert caught.value.name == "key-taken"
        with pytest.raises(Conflict) as caught:
            world.operate.add_key("keji", victims)
        assert caught.value.name == "key-taken"
        assert "mou-zichan" in caught.value.detail

    taken()
    world.operate.revoke_key("mou-zichan", victims["kid"])
    taken()


def test_the_same_key_again_for_its_own_party_changes_nothing(world: World) -> None:
    before = world.operate.show("keji")
    assert world.operate.add_key("keji", proof.proven_jwk(KEYS["keji"], world.now + SECOND)) == before


def test_a_case_file_whose_registration_has_no_proof_is_refused() -> None:
    world = LoggedWorld()
    world.honest()
    (key,) = world.operate.show("mou-zichan").keys
    world.sequenced()
    stored(world, "mou-zichan", keys=(structs.replace(key, proof=""),))
    decided = world.verify()
    world.sequenced()
    verdict = bundle.check(world.case_file(decided), LOG_KEY.verifier_key)
    assert [(one.name, "without a good proof" in one.detail) for one in verdict.checks if not one.ok][:1] == [
        ("parties", True)
    ]


# Roles

EXCLUDED = [
    ("gateway", "creditor"),
    ("gateway", "collector"),
    ("creditor", "collector", "gateway"),
    ("reviewer", "creditor"),
    ("reviewer", "collector"),
    ("reviewer", "gateway"),
    ("auditor", "carrier", "reviewer", "gateway"),
]


@pytest.mark.parametrize("roles", EXCLUDED, ids=" ".join)
def test_a_party_is_not_registered_with_roles_that_exclude_each_other(world: World, roles: tuple[str, ...]) -> None:
    key = proof.proven_jwk(new_private_jwk(), world.now)
    error = refused(lambda: world.operate.add(party(world, "mallory", *roles), key))
    assert (error.name, [one.pointer for one in error.errors]) == ("roles-exclude-each-other", ["/roles"])


@pytest.mark.parametrize("roles", [("creditor", "collector"), ("gateway", "carrier"), ("reviewer",), ("auditor",)])
def test_other_roles_go_together(world: World, roles: tuple[str, ...]) -> None:
    key = proof.proven_jwk(new_private_jwk(), world.now)
    added = world.operate.add(party(world, "honest", *roles), key)
    assert all(added.acts_as(role) for role in added.roles)


@pytest.mark.parametrize("roles", [("gateway",), ("reviewer",), ("collector", "gateway")], ids=" ".join)
def test_a_stored_creditor_that_is_also_gateway_or_reviewer_is_unknown(roles: tuple[str, ...]) -> None:
    world = World().honest()
    assert isinstance(world, World)
    assert world.reasons() == []
    stored(world, "mou-zichan", roles=("creditor", *roles))
    assert "CREDITOR_UNKNOWN" in world.reasons()
    result = world.state("mou-zichan", "debt", **debt_members(world.now, debt_ref="B-1"))
    assert result.problem is not None
    assert result.problem.name == "wrong-role"


def test_a_stored_collector_that_is_also_gateway_is_unknown_and_may_still_report_a_stop() -> None:
    world = World().honest()
    stored(world, "keji", roles=("collector", "gateway"))
    assert "COLLECTOR_UNKNOWN" in world.reasons()
    stop = {"recipient": RECIPIENT, "creditor": "mou-zichan", "received_at": stamp(world.now)}
    assert world.state("keji", "opt-out", **stop).status == "accepted"
    assert "OPTED_OUT" in world.reasons(collector="mou-zichan", message_id="m-2")
