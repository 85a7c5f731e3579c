"""Where the command finds the service, its party and its key; and how it makes keys."""

from __future__ import annotations

import json
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from duecare_client.keyfile import generate
from duecare_core.evidence.jose.proof import check


def test_the_environment_names_the_service_where_no_profile_does(
    command: Any, profile: Path, message: dict[str, Any]
) -> None:
    environment = {
        "DUECARE_URL": "https://duecare.test",
        "DUECARE_PARTY": "some-gateway",
        "DUECARE_KEY": str(profile / ".duecare" / "party.jwk"),
    }
    assert command(profile, environment)("verify", "-", stdin=message).exit_code == 0
    for name in environment:
        rest = {key: value for key, value in environment.items() if key != name}
        result = command(profile, rest)("verify", "-", stdin=message)
        assert result.exit_code == 2
        assert name in result.stderr


def test_the_local_profile_is_found_from_below(command: Any, profile: Path, message: dict[str, Any]) -> None:
    below = profile / "a" / "b"
    below.mkdir(parents=True)
    assert command(below)("verify", "-", "--profile", "local", stdin=message).exit_code == 0


def test_a_profile_of_ones_own_is_in_the_configuration_directory(
    command: Any, profile: Path, message: dict[str, Any], tmp_path: Path
) -> None:
    os.rename(profile / ".duecare", tmp_path / "duecare")
    os.rename(tmp_path / "duecare" / "local.json", tmp_path / "duecare" / "mine.json")
    run = command(profile, {"XDG_CONFIG_HOME": str(tmp_path)})
    assert run("verify", "-", "--profile", "mine", stdin=message).exit_code == 0


@pytest.mark.parametrize("written", ["", "{", "[]", '{"url": 7}', '{"parties": []}', "{}"])
def test_an_invalid_profile_says_what_is_wrong(duecare: Any, message: dict[str, Any], written: str) -> None:
    (duecare.directory / ".duecare" / "local.json").write_text(written)
    result = duecare("verify", "-", "--profile", "local", stdin=message)
    assert result.exit_code == 2
    assert "local.json" in result.stderr


@pytest.mark.parametrize("alg", ["EdDSA", "ES256"])
def test_a_new_key_is_private_to_its_owner_and_only_the_public_half_is_shown(
    duecare: Any, tmp_path: Path, alg: str
) -> None:
    path = tmp_path / "key.jwk"
    result = duecare("keys", "new", "--out", str(path), "--alg", alg)
    assert result.exit_code == 0, result.output
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    private, public = json.loads(path.read_text()), json.loads(result.stdout)
    assert private["d"] not in result.output
    assert check(public.pop("proof"), public, datetime.fromtimestamp(1_700_000_000, UTC))
    assert public == {name: value for name, value in private.items() if name != "d"}
    assert public["alg"] == alg


def test_a_key_is_never_overwritten(duecare: Any, tmp_path: Path) -> None:
    path = tmp_path / "key.jwk"
    path.write_text("precious")
    result = duecare("keys", "new", "--out", str(path))
    assert result.exit_code == 2
    assert path.read_text() == "precious"
    assert "exists" in result.stderr


def test_a_public_key_does_not_sign(duecare: Any, service: Any, message: dict[str, Any]) -> None:
    (duecare.directory / ".duecare" / "party.jwk").write_text(json.dumps(service.party.public_jwk))
    result = duecare("verify", "-", "--profile", "local", stdin=message)
    assert result.exit_code == 2
    assert "only a public key" in result.stderr


@pytest.mark.parametrize("change", [{"d": "AAAA"}, {"crv": "Ed448"}, {"kty": "oct", "k": "AAAA"}, {"x": None}])
def test_a_broken_key_exits_2_and_is_not_shown(
    duecare: Any, service: Any, message: dict[str, Any], change: dict[str, Any]
) -> None:
    (duecare.directory / ".duecare" / "party.jwk").write_text(json.dumps({**service.party.jwk, **change}))
    result = duecare("verify", "-", "--profile", "local", stdin=message)
    assert result.exit_code == 2
    assert service.party.jwk["d"] not in result.output


@pytest.mark.parametrize("alg", ["EdDSA", "ES256"])
def test_an_existing_key_is_shown_with_a_new_proof(duecare: Any, tmp_path: Path, alg: str) -> None:
    path = tmp_path / "key.jwk"
    made = duecare("keys", "new", "--out", str(path), "--alg", alg)
    before = path.read_bytes()
    again = duecare("keys", "new", "--out", str(path))
    assert (again.exit_code, again.stdout, path.read_bytes()) == (2, "", before)
    assert "keys show" in again.stderr
    result = duecare("keys", "show", str(path))
    assert result.exit_code == 0, result.output
    shown, first = json.loads(result.stdout), json.loads(made.stdout)
    assert check(shown.pop("proof"), shown, datetime.fromtimestamp(1_700_000_000, UTC))
    assert shown == {name: value for name, value in first.items() if name != "proof"}
    assert json.loads(before)["d"] not in result.output


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"kty":"OKP","crv":"Ed25519","x":"AAAA"}', "holds only a public key"),
        ("{}", "is not a JWK"),
        ("[]", "is not a JWK"),
        ("not JSON", "is not a JWK"),
    ],
)
def test_a_file_without_a_private_key_is_not_shown(duecare: Any, tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "key.jwk"
    path.write_text(content)
    result = duecare("keys", "show", str(path))
    assert (result.exit_code, result.stdout, words in result.stderr) == (2, "", True)


def test_a_private_key_whose_halves_do_not_belong_together_is_not_shown(duecare: Any, tmp_path: Path) -> None:
    path = tmp_path / "key.jwk"
    path.write_text(json.dumps(generate("ES256") | {"d": generate("ES256")["d"]}))
    result = duecare("keys", "show", str(path))
    assert (result.exit_code, result.stdout) == (2, "")
