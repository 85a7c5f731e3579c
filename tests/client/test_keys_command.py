"""`duecare keys`: a key is made once, and its public half comes with a proof as often as it is needed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from duecare_client.cli.context import CliContext
from duecare_client.cli.main import app
from duecare_client.keyfile import generate, published, read_public
from duecare_core.errors import BadEvidence
from duecare_core.evidence.jose.keys import public_jwk, thumbprint
from duecare_core.evidence.jose.proof import check

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def run(folder: Path, *args: str, at: datetime = NOW) -> Any:
    cli = CliContext(environment={"HOME": str(folder)}, directory=folder, clock=at.timestamp)
    return CliRunner().invoke(app, ["keys", *args], obj=cli)


@pytest.mark.parametrize("alg", ["EdDSA", "ES256"])
def test_a_new_key_is_printed_as_one_object_with_its_kid_and_proof(tmp_path: Path, alg: str) -> None:
    out = tmp_path / "key.jwk"
    made = run(tmp_path, "new", "--alg", alg, "--out", str(out))
    assert made.exit_code == 0, made.output
    printed, private = json.loads(made.stdout), json.loads(out.read_text())
    assert printed == {**published(private), "proof": printed["proof"]}
    assert printed["kid"] == thumbprint(private)
    assert private["d"] not in made.output
    check(printed["proof"], public_jwk(printed), NOW)


@pytest.mark.parametrize("alg", ["EdDSA", "ES256"])
def test_keys_show_prints_the_same_key_with_a_fresh_proof(tmp_path: Path, alg: str) -> None:
    out, later = tmp_path / "key.jwk", NOW + timedelta(days=2)
    first = json.loads(run(tmp_path, "new", "--alg", alg, "--out", str(out)).stdout)
    with pytest.raises(BadEvidence, match="24 hours"):
        check(first["proof"], public_jwk(first), later)
    shown = run(tmp_path, "show", str(out), at=later)
    again = json.loads(shown.stdout)
    assert {**again, "proof": ""} == {**first, "proof": ""}
    check(again["proof"], public_jwk(again), later)
    (tmp_path / "pub.jwk").write_text(shown.stdout)
    assert read_public(tmp_path / "pub.jwk") == again


def test_keys_new_onto_a_file_changes_nothing_and_points_to_keys_show(tmp_path: Path) -> None:
    out = tmp_path / "key.jwk"
    run(tmp_path, "new", "--out", str(out))
    before = out.read_bytes()
    again = run(tmp_path, "new", "--out", str(out))
    assert (again.exit_code, again.stdout) == (2, "")
    assert f"duecare keys show {out}" in again.stderr
    assert out.read_bytes() == before


def test_keys_show_of_a_public_key_says_that_it_is_only_a_public_key(tmp_path: Path) -> None:
    path = tmp_path / "pub.jwk"
    path.write_text(json.dumps(published(generate("EdDSA"))))
    shown = run(tmp_path, "show", str(path))
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert "holds only a public key" in shown.stderr


@pytest.mark.parametrize(
    "change", [{"d": "AAAA"}, {"d": 7}, {"d": generate("EdDSA")["d"]}], ids=["short", "number", "x"]
)
def test_keys_show_makes_no_proof_with_halves_that_do_not_belong_together(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    path, jwk = tmp_path / "key.jwk", generate("EdDSA")
    path.write_text(json.dumps(jwk | change))
    shown = run(tmp_path, "show", str(path))
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert "Traceback" not in shown.stderr
    assert str(change["d"]) not in shown.stderr or change["d"] == 7


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "{}"])
def test_keys_show_of_no_key_at_all_exits_2(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key.jwk"
    path.write_text(text)
    shown = run(tmp_path, "show", str(path))
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert str(path) in shown.stderr
