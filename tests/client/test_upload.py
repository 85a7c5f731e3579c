"""`duecare upload`, as a creditor or its script meets it, against a service that behaves as the contract says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from typer.testing import CliRunner, Result

from duecare_client.cli.context import CliContext
from duecare_client.cli.main import app

NOW = 1_700_000_000
AS_OF = "2023-11-14T08:00:00+08:00"
HEADER = "recipient,debt_ref,currency,outstanding,as_of,status,original_creditor"
BUCKET = "https://bucket.test"
NUMBER = "13800138"


def row(number: int, **changes: str) -> str:
    cells = {
        "recipient": f"+86{NUMBER}{number % 1000:03}",
        "debt_ref": f"L-{number}",
        "currency": "CNY",
        "outstanding": "27911.00",
        "as_of": AS_OF,
        "status": "open",
        "original_creditor": "招商银行",
    }
    return ",".join({**cells, **changes}.values())


def csv(*rows: str) -> bytes:
    return "\r\n".join([HEADER, *rows, ""]).encode()


class Uploads:
    """`/v1/uploads` and its bucket. A file that differs from its manifest is refused."""

    def __init__(self, service: Any) -> None:
        self.service = service
        self.network = httpx.MockTransport(self.handle)
        self.manifests: dict[str, str] = {}
        self.states: dict[str, str] = {}
        self.urls = 0
        self.received: list[bytes] = []
        self.puts: list[httpx.Request] = []
        self.post_answers: list[Any] = []
        self.put_answers: list[Any] = []
        self.get_answers: list[Any] = []
        self.rejects: list[tuple[int, str, str, str]] = []
        self.more: dict[str, Any] = {}
        self.slept: list[float] = []

    def handle(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "bucket.test":
            assert "authorization" not in request.headers
            return self.bucket(request)
        if request.url.path == "/v1/uploads":
            self.service.requests.append(request)
            answer = self.post_answers.pop(0) if self.post_answers else None
            return answer(request) if answer else self.announced(json.loads(request.content)["manifest"])
        if request.url.path.startswith("/v1/uploads/"):
            self.service.requests.append(request)
            answer = self.get_answers.pop(0) if self.get_answers else None
            return answer(request) if answer else self.looked(request.url.path.rpartition("/")[2])
        return self.service._handle(request)  # type: ignore[no-any-return]

    def announced(self, manifest: str) -> httpx.Response:
        upload_id = "u-" + hashlib.sha256(manifest.encode()).hexdigest()[:8]
        self.manifests[upload_id] = manifest
        state = self.states.setdefault(upload_id, "awaiting_file")
        self.urls += 1
        answer = {"upload_id": upload_id, "state": state, "expires_at": "2023-11-14T23:00:00Z"}
        if state == "awaiting_file":
            answer["url"] = f"{BUCKET}/{upload_id}?try={self.urls}"
            answer["headers"] = {"content-type": "application/octet-stream", "x-amz-checksum-sha256": "abc"}  # type: ignore[assignment]
        return httpx.Response(200, json=answer)

    def bucket(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            lines = ["row,column,code,message", *(",".join(map(str, one)) for one in self.rejects)]
            return httpx.Response(200, text="\r\n".join([*lines, ""]))
        self.puts.append(request)
        answer = self.put_answers.pop(0) if self.put_answers else None
        if answer is not None:
            return answer(request)  # type: ignore[no-any-return]
        upload_id = request.url.path[1:]
        self.received.append(request.content)
        good = self.claims(upload_id)["sha256"] == "sha256:" + hashlib.sha256(request.content).hexdigest()
        self.states[upload_id] = "importing" if good else "refused"
        return httpx.Response(200)

    def looked(self, upload_id: str) -> httpx.Response:
        state, rows = self.states[upload_id], self.claims(upload_id)["rows"]
        answer = {"upload_id": upload_id, "state": state, "rows": rows, "accepted": 0, "unchanged": 0, "rejected": 0}
        if state == "importing":
            self.states[upload_id] = "done"
        if state == "done":
            bad = len(self.rejects)
            answer |= {"accepted": rows - bad, "rejected": bad}
            answer |= {"rejects_url": f"{BUCKET}/rejects"} if bad else {}
        if state == "refused":
            answer["problem"] = {"type": "urn:duecare:problem:wrong-digest", "detail": "The digest differs."}
        return httpx.Response(200, json={**answer, **self.more})

    def claims(self, upload_id: str) -> dict[str, Any]:
        manifest = self.manifests[upload_id]
        assert jwt.get_unverified_header(manifest)["typ"] == "upload+jws"
        found: dict[str, Any] = jwt.decode(
            manifest,
            self.service.party.private.public_key(),
            ["EdDSA"],
            audience="urn:duecare:test",
            options={"verify_iat": False},
        )
        return found

    def the_claims(self) -> dict[str, Any]:
        (upload_id,) = self.manifests
        return self.claims(upload_id)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def runner(uploads: Uploads, profile: Path) -> Callable[..., Result]:
    """Runs `duecare --profile local upload …` as some-asset, in the profile's directory."""

    def run(kind: str, *args: Any, now: int = NOW, **environment: str) -> Result:
        cli = CliContext(
            environment={"HOME": str(profile), **environment},
            directory=profile,
            network=uploads.network,
            clock=lambda: now,
            sleep=uploads.sleep,
        )
        words = ["upload", kind, "--profile", "local", "--party", "some-asset", *map(str, args)]
        return CliRunner().invoke(app, words, obj=cli)

    return run


@pytest.fixture
def uploads(service: Any) -> Uploads:
    return Uploads(service)


@pytest.fixture
def upload(uploads: Uploads, profile: Path) -> Callable[..., Result]:
    return runner(uploads, profile)


@pytest.fixture
def file(profile: Path) -> Path:
    path = profile / "debts.csv"
    path.write_bytes(csv(*(row(number) for number in range(3))))
    return path


# A morning on which all goes well


def test_a_file_is_signed_for_sent_and_followed_to_its_end(upload: Any, uploads: Uploads, file: Path) -> None:
    result = upload("debt", file)
    assert result.exit_code == 0, result.output
    assert uploads.the_claims() == {
        "iss": "some-asset",
        "aud": "urn:duecare:test",
        "iat": NOW,
        "kind": "debt",
        "format": "csv",
        "charset": "utf-8",
        "rows": 3,
        "size": len(file.read_bytes()),
        "sha256": "sha256:" + hashlib.sha256(file.read_bytes()).hexdigest(),
    }
    assert uploads.received == [file.read_bytes()]
    (put,) = uploads.puts
    assert put.headers["x-amz-checksum-sha256"] == "abc"
    assert put.headers["content-length"] == str(file.stat().st_size)
    assert "transfer-encoding" not in put.headers
    assert "IMPORTED  3 rows" in result.stdout
    assert not (file.parent / "debts.csv.duecare").exists()


def test_json_is_one_value_on_stdout_and_progress_is_on_stderr(upload: Any, uploads: Uploads, file: Path) -> None:
    uploads.rejects = [(2, "outstanding", "wrong-type-or-form", "a decimal amount is expected")]
    result = upload("debt", file, "--json")
    answer = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (answer["state"], answer["accepted"], answer["rejected"]) == ("done", 2, 1)
    assert answer["rejects"] == [
        {"row": "2", "column": "outstanding", "code": "wrong-type-or-form", "message": "a decimal amount is expected"}
    ]
    assert "sending" in result.stderr
    assert "importing: 3 rows" in result.stderr


def test_there_are_no_colours_and_no_cursor_movements_without_a_terminal(upload: Any, file: Path) -> None:
    assert "\x1b" not in upload("debt", file).output


def test_pauses_between_questions_grow_up_to_two_seconds(upload: Any, uploads: Uploads, file: Path) -> None:
    counts = {"rows": 3, "accepted": 0, "unchanged": 0, "rejected": 0}
    uploads.get_answers = [lambda _: httpx.Response(200, json={"state": "importing", **counts})] * 9
    assert upload("debt", file).exit_code == 0
    assert uploads.slept == sorted(uploads.slept)
    assert (uploads.slept[0], uploads.slept[-1]) == (0.25, 2.0)


def test_as_of_occurs_once_in_the_manifest(upload: Any, uploads: Uploads, profile: Path) -> None:
    path = profile / "d.csv"
    path.write_text("recipient,debt_ref,currency,outstanding,status\n+8613800138000,L-1,CNY,1,open\n")
    assert upload("debt", path, "--as-of", AS_OF).exit_code == 0
    assert uploads.the_claims()["as_of"] == AS_OF


def test_consents_are_uploaded_too(upload: Any, uploads: Uploads, profile: Path) -> None:
    path = profile / "consents.jsonl"
    consent = {"recipient": "+8613800138000", "channels": ["sms"], "granted_at": AS_OF, "method": "web"}
    path.write_text(json.dumps({**consent, "notice": "sha256:" + "0" * 64}) + "\n\n")
    assert upload("consent", path).exit_code == 0
    assert (uploads.the_claims()["kind"], uploads.the_claims()["format"]) == ("consent", "jsonl")


# What the service rejects


def test_the_first_rejects_are_shown_with_their_reasons(upload: Any, uploads: Uploads, profile: Path) -> None:
    path = profile / "d.csv"
    path.write_bytes(csv(*(row(number) for number in range(20))))
    uploads.rejects = [(number, "recipient", "not-e164", f"no number: {NUMBER}{number:03}") for number in range(1, 8)]
    result = upload("debt", path)
    assert result.exit_code == 1
    assert "row 5, recipient: no number: ***" in result.stdout
    assert "row 6" not in result.stdout
    assert f"all rejects: {BUCKET}/rejects" in result.stdout
    assert NUMBER not in result.output


def test_rejects_that_cannot_be_fetched_do_not_change_the_outcome(upload: Any, uploads: Uploads, file: Path) -> None:
    uploads.rejects = [(1, "", "x", "y")]
    uploads.more = {"rejects_url": "https://nowhere.test/x"}
    result = upload("debt", file, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["rejects"] == []
    assert "could not be fetched" in result.stderr


def test_a_refused_file_exits_1_with_the_problem(upload: Any, uploads: Uploads, file: Path) -> None:
    def spoiled(request: httpx.Request) -> httpx.Response:
        uploads.states[request.url.path[1:]] = "refused"
        return httpx.Response(200)

    uploads.put_answers = [spoiled]
    result = upload("debt", file)
    assert result.exit_code == 1
    assert "REFUSED" in result.stdout
    assert "The digest differs." in result.stdout
    assert not (file.parent / "debts.csv.duecare").exists()


# Snapshots


def test_withdrawals_to_confirm_exit_1_with_the_command_that_confirms(
    upload: Any, uploads: Uploads, file: Path
) -> None:
    uploads.more = {"withdrawals_to_confirm": 812}
    result = upload("debt", file, "--snapshot", "--as-of", AS_OF)
    assert result.exit_code == 1
    assert uploads.the_claims()["snapshot"] is True
    command = f"--party some-asset --snapshot --as-of {AS_OF} --confirm-withdrawals 812 {file}"
    assert f"duecare --profile local upload debt {command}" in result.stdout

    uploads.more = {"withdrawn": 812}
    uploads.manifests.clear()
    confirmed = upload("debt", file, *command.split()[2:-1], "--json")
    assert confirmed.exit_code == 0
    assert json.loads(confirmed.stdout)["withdrawn"] == 812
    assert uploads.the_claims()["confirm_withdrawals"] == 812


def test_a_bad_count_of_rows_is_no_success(upload: Any, uploads: Uploads, file: Path) -> None:
    uploads.more = {"accepted": 2}
    result = upload("debt", file)
    assert result.exit_code == 3
    assert "do not add up" in result.stderr
