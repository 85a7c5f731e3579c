"""`identity` becomes `subject` on the creditor's own machine; neither it nor the secret is ever sent."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from typer.testing import CliRunner, Result

from duecare_client import Client
from duecare_client.cli.main import app
from duecare_client.errors import BadSettings
from duecare_client.subjects import read_secret, subject, with_subject, write_secret
from tests.client.test_upload import HEADER, Uploads, row, runner

SECRET = bytes(range(32))
IDENTITY = "11010519491231002X"
SUBJECT = "sha256:" + hmac.new(SECRET, IDENTITY.encode(), hashlib.sha256).hexdigest()


@pytest.fixture
def uploads(service: Any) -> Uploads:
    return Uploads(service)


@pytest.fixture
def upload(uploads: Uploads, profile: Path) -> Callable[..., Result]:
    return runner(uploads, profile)


@pytest.fixture
def secret(profile: Path) -> Path:
    path = profile / "subjects.key"
    path.write_bytes(SECRET)
    return path


@pytest.mark.parametrize("spelling", [IDENTITY, " 11010519491231002x\n", "11010519491231002X"])
def test_a_subject_is_an_hmac_of_the_identity_however_it_is_spelt(spelling: str) -> None:
    assert subject(SECRET, spelling) == SUBJECT
    assert subject(bytes(32), spelling) != SUBJECT


def test_a_new_secret_is_for_its_owner_alone_and_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "subjects.key"
    result = CliRunner().invoke(app, ["keys", "subject-secret", "--out", str(path)])
    assert (result.exit_code, stat.S_IMODE(path.stat().st_mode)) == (0, 0o600)
    assert len(read_secret(path)) == 32
    assert path.read_text().strip() not in result.output
    with pytest.raises(BadSettings, match="never overwritten"):
        write_secret(path)


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33, b"0" * 63])
def test_a_file_that_is_no_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s").write_bytes(content)
    with pytest.raises(BadSettings, match="32 bytes"):
        read_secret(tmp_path / "s")


def sent(service: Any) -> str:
    return "".join(request.content.decode("latin-1") for request in service.requests)


@pytest.mark.parametrize("kind", ["consent", "debt"])
def test_a_statement_is_signed_with_the_subject_alone(service: Any, kind: str) -> None:
    party = Client(
        "https://duecare.test", "some-asset", service.party.jwk, subject_secret=SECRET, transport=service.network
    )
    party.state(kind, {"recipient": "+8613800138000", "identity": IDENTITY})
    (signed,) = json.loads(service.to("/v1/statements")[0].content)["statements"]
    payload = jwt.decode(signed, options={"verify_signature": False})
    assert payload["subject"] == SUBJECT
    assert "identity" not in payload
    assert IDENTITY not in str(payload)


@pytest.mark.parametrize(
    ("kind", "members", "secret", "problem"),
    [
        ("debt", {"identity": IDENTITY}, None, "never sent"),
        ("debt", {"identity": IDENTITY, "subject": SUBJECT}, SECRET, "not both"),
        ("debt", {"identity": 11010519491231002}, SECRET, "string"),
        ("debt", {"identity": "  "}, SECRET, "empty"),
        ("opt-out", {"identity": IDENTITY}, SECRET, "only consents and debts"),
    ],
)
def test_an_identity_that_cannot_be_replaced_is_not_signed(
    kind: str, members: dict[str, Any], secret: bytes | None, problem: str
) -> None:
    with pytest.raises(BadSettings, match=problem) as refused:
        with_subject(kind, members, secret)
    assert IDENTITY not in str(refused.value)


FILES: list[tuple[str, bytes, list[str]]] = [
    ("debts.csv", f"{HEADER},identity\r\n{row(1)},{IDENTITY}\r\n{row(2)},\r\n".encode(), []),
    ("debts.csv", f"\ufeffidentity,{HEADER}\n{IDENTITY.lower()},{row(1)}\n,{row(2)}\n".encode(), []),
    ("debts.csv", f"{HEADER},identity\r\n{row(1)},{IDENTITY}\r\n{row(2)},\r\n".encode("gb18030"), ["gb18030"]),
]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("name", "content", "charset"), FILES)
def test_a_file_is_sent_with_subjects_alone(
    upload: Any,
    uploads: Uploads,
    profile: Path,
    secret: Path,
    name: str,
    content: bytes,
    charset: list[str],
    packed: bool,
) -> None:
    path = profile / name
    path.write_bytes(gzip.compress(content) if packed else content)
    options = [option for one in charset for option in ("--charset", one)]
    result = upload("debt", path, "--subject-secret", secret, *options)
    assert result.exit_code == 0, result.output
    (received,) = uploads.received
    text = (gzip.decompress(received) if packed else received).decode(charset[0] if charset else "utf-8")
    assert SUBJECT in text
    assert "identity" not in text
    assert IDENTITY not in text.upper()
    assert "招商银行" in text
    claims = uploads.the_claims()
    assert (claims["rows"], claims["size"]) == (2, len(received))
    assert claims["sha256"] == "sha256:" + hashlib.sha256(received).hexdigest()
    assert path.read_bytes() == (gzip.compress(content) if packed else content)


def lines(*members: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in members)


def test_json_lines_are_sent_with_subjects_alone(upload: Any, uploads: Uploads, profile: Path, secret: Path) -> None:
    cells = dict(zip(HEADER.split(","), row(1).split(","), strict=True))
    (profile / "d.jsonl").write_bytes(lines({**cells, "identity": IDENTITY}, {**cells, "debt_ref": "L-2"}))
    assert upload("debt", profile / "d.jsonl", "--subject-secret", secret).exit_code == 0
    first, second = (json.loads(line) for line in uploads.received[0].splitlines())
    assert (first["subject"], "subject" in second) == (SUBJECT, False)
    assert IDENTITY.encode() not in uploads.received[0]


BAD: dict[str, tuple[str, bytes]] = {
    "a row with too few fields": ("d.csv", f"{HEADER},identity\n{row(1)}\n".encode()),
    "a row in another charset": ("d.csv", f"{HEADER},identity\n{row(1)},{IDENTITY}\n".encode() + b"\xff,\xfe\n"),
    "a misplaced quote": ("d.csv", f'{HEADER},identity\n{row(1)},"1"{IDENTITY}\n'.encode()),
    "a row too long": ("d.csv", f"{HEADER},identity\n{row(1)},{'1' * 70_000}\n".encode()),
    "both columns": ("d.csv", f"{HEADER},identity,subject\n{row(1)},{IDENTITY},\n".encode()),
    "the column twice": ("d.csv", f"{HEADER},identity,identity\n{row(1)},{IDENTITY},\n".encode()),
    "a line that is no JSON": ("d.jsonl", b'{"identity": "' + IDENTITY.encode() + b'"\n'),
    "a member twice": ("d.jsonl", b'{"identity":"' + IDENTITY.encode() + b'","identity":""}\n'),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_whose_identities_cannot_all_be_replaced_is_not_sent(
    upload: Any, uploads: Uploads, profile: Path, secret: Path, name: str
) -> None:
    file, content = BAD[name]
    (profile / file).write_bytes(content)
    result = upload("debt", profile / file, "--subject-secret", secret)
    assert result.exit_code == 2, result.output
    assert (uploads.received, uploads.manifests) == ([], {})
    assert IDENTITY not in result.output


@pytest.mark.parametrize("escaped", [False, True])
def test_without_a_secret_a_file_with_identities_is_not_sent(
    upload: Any, uploads: Uploads, profile: Path, escaped: bool
) -> None:
    name = "\\u0069dentity" if escaped else "identity"
    (profile / "d.jsonl").write_bytes(b'{"recipient":"+8613800138001"}\n{"' + name.encode() + b'":"1"}\n')
    (profile / "d.csv").write_bytes(f"{HEADER},identity\n{row(1)},{IDENTITY}\n".encode())
    for file in ("d.jsonl", "d.csv"):
        result = upload("debt", profile / file)
        assert (result.exit_code, uploads.received) == (2, []), result.output
        assert "--subject-secret" in result.output


def test_an_interrupted_upload_resumes_with_the_same_bytes(
    upload: Any, uploads: Uploads, profile: Path, secret: Path
) -> None:
    (profile / "d.csv").write_bytes(FILES[0][1])

    def interrupted(_: Any) -> Any:
        raise KeyboardInterrupt

    uploads.put_answers = [interrupted]
    first = upload("debt", profile / "d.csv", "--subject-secret", secret)
    assert first.exit_code == 130
    assert f"--subject-secret {secret}" in first.output
    assert upload("debt", profile / "d.csv", "--subject-secret", secret).exit_code == 0
    assert len(uploads.manifests) == 1


def test_the_profile_names_the_secret(upload: Any, uploads: Uploads, profile: Path, secret: Path) -> None:
    (found,) = [path for path in profile.rglob("*.json") if "parties" in json.loads(path.read_text())]
    content = json.loads(found.read_text())
    for party in content["parties"].values():
        party["subject_secret"] = str(secret)
    found.write_text(json.dumps(content))
    (profile / "d.csv").write_bytes(FILES[0][1])
    assert upload("debt", profile / "d.csv").exit_code == 0
    assert SUBJECT.encode() in uploads.received[0]


def test_the_environment_names_the_secret_where_the_profile_names_none(
    upload: Any, uploads: Uploads, profile: Path, secret: Path
) -> None:
    (profile / "d.csv").write_bytes(FILES[0][1])
    assert upload("debt", profile / "d.csv", DUECARE_SUBJECT_SECRET=str(secret)).exit_code == 0
    assert SUBJECT.encode() in uploads.received[0]
