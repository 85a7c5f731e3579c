"""`duecare upload`, as a creditor or its script meets it, against a service that behaves as the contract says."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from typer.testing import CliRunner, Result

from duecare_client.cli import app
from duecare_client.world import World

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
    """`/v1/uploads` and the bucket behind it. What is put must be what its manifest says; else it is refused."""

    def __init__(self, service: Any) -> None:
        self.service = service
        self.network = httpx.MockTransport(self.handle)
        self.manifests: dict[str, str] = {}
        self.states: dict[str, str] = {}
        self.urls = 0
        self.received: list[bytes] = []
        self.puts: list[httpx.Request] = []
        self.put_answers: list[Any] = []
        self.get_answers: list[Any] = []
        self.rejects: list[tuple[int, str, str, str]] = []
        self.more: dict[str, Any] = {}
        self.slept: list[float] = []
        self.sleepy: Any = None

    def handle(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "bucket.test":
            assert "authorization" not in request.headers
            return self.bucket(request)
        if request.url.path == "/v1/uploads":
            self.service.requests.append(request)
            return self.announced(json.loads(request.content)["manifest"])
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
        if self.sleepy:
            self.sleepy()


@pytest.fixture
def uploads(service: Any) -> Uploads:
    return Uploads(service)


@pytest.fixture
def upload(uploads: Uploads, profile: Path) -> Any:
    """Runs `duecare --profile local upload …` as some-asset, in the profile's directory."""

    def run(kind: str, *args: Any, now: int = NOW) -> Result:
        world = World(
            environment={"HOME": str(profile)},
            directory=profile,
            network=uploads.network,
            clock=lambda: now,
            sleep=uploads.sleep,
        )
        words = ["upload", kind, "--profile", "local", "--party", "some-asset", *map(str, args)]
        return CliRunner().invoke(app, words, obj=world)

    return run


@pytest.fixture
def file(profile: Path) -> Path:
    path = profile / "debts.csv"
    path.write_bytes(csv(*(row(number) for number in range(3))))
    return path


def interrupt(*_: Any) -> Any:
    raise KeyboardInterrupt


def broken(_: httpx.Request) -> httpx.Response:
    raise httpx.WriteError("broken pipe")


def answering(status: int, code: str = "") -> Any:
    return lambda _: httpx.Response(status, text=f"<Error><Code>{code}</Code></Error>")


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


def test_as_of_stands_once_in_the_manifest(upload: Any, uploads: Uploads, profile: Path) -> None:
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


SHAPES = [
    ("d.csv", False, "utf-8", "csv"),
    ("d.csv.gz", True, "utf-8", "csv+gzip"),
    ("d.csv", True, "utf-8", "csv+gzip"),
    ("d.csv.gz", False, "utf-8", "csv"),
    ("d.CSV", False, "gb18030", "csv"),
    ("d.csv.gz", True, "gb18030", "csv+gzip"),
    ("export", False, "utf-8", "csv"),
]


@pytest.mark.parametrize(("name", "packed", "charset", "format_"), SHAPES)
def test_format_is_told_from_name_and_content(
    upload: Any, uploads: Uploads, profile: Path, name: str, packed: bool, charset: str, format_: str
) -> None:
    content = "\n".join([HEADER, row(1), "", row(2, original_creditor='"两\n行"')]).encode(charset)
    (profile / name).write_bytes(gzip.compress(content) if packed else content)
    result = upload("debt", profile / name, "--charset", charset)
    assert result.exit_code == 0, result.output
    claims = uploads.the_claims()
    assert (claims["format"], claims["charset"], claims["rows"]) == (format_, charset, 2)
    assert claims["sha256"] == "sha256:" + hashlib.sha256((profile / name).read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("name", "packed"), [("d.jsonl", False), ("d.ndjson.gz", True), ("export", False), ("e", True)]
)
def test_json_lines_are_told_by_name_or_by_their_first_brace(
    upload: Any, uploads: Uploads, profile: Path, name: str, packed: bool
) -> None:
    members = dict(zip(HEADER.split(","), row(1).split(","), strict=True))
    content = b"\xef\xbb\xbf\r\n" + json.dumps(members).encode()
    (profile / name).write_bytes(gzip.compress(content) if packed else content)
    assert upload("debt", profile / name).exit_code == 0
    assert uploads.the_claims()["format"] == ("jsonl+gzip" if packed else "jsonl")
    assert uploads.the_claims()["rows"] == 1


# What is wrong with a file


def test_the_first_rejects_are_shown_with_their_reasons(upload: Any, uploads: Uploads, profile: Path) -> None:
    path = profile / "d.csv"
    path.write_bytes(csv(*(row(number) for number in range(20))))
    uploads.rejects = [(number, "recipient", "not-e164", f"no number: {NUMBER}{number:03}") for number in range(1, 8)]
    result = upload("debt", path)
    assert result.exit_code == 1
    assert "row 5, recipient: no number: ***" in result.stdout
    assert "row 6" not in result.stdout
    assert f"all of them: {BUCKET}/rejects" in result.stdout
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


REFUSED_HERE = {
    "missing column": (b"recipient,debt_ref\n+8613800138000,L\n", "missing"),
    "unknown column": (b"phone,debt_ref\n+8613800138000,L\n", "no such columns"),
    "no header": (row(1).encode(), "cannot be a name"),
    "empty": (b"", "name the columns"),
    "no rows": (HEADER.encode() + b"\n", "no rows"),
    "other charset": ((HEADER + ",备注\n" + row(1)).encode("gbk"), "--charset gb18030"),
    "utf-16": (csv(row(1)).decode().encode("utf-16"), "UTF-16"),
    "workbook": (b"PK\x03\x04" + bytes(100), "workbook"),
    "damaged gzip": (b"\x1f\x8b" + bytes(100), "damaged"),
    "cut-off gzip": (gzip.compress(csv(row(1)))[:-9], "ends before its end"),
    "open quote behind the first rows": (csv(*map(row, range(2000)), '"'), "never closed"),
}


@pytest.mark.parametrize("why", REFUSED_HERE)
def test_a_file_that_would_be_refused_is_refused_here(upload: Any, uploads: Uploads, profile: Path, why: str) -> None:
    content, words = REFUSED_HERE[why]
    (profile / "d.csv").write_bytes(content)
    for args in ([], ["--json"]):
        result = upload("debt", profile / "d.csv", *args)
        assert result.exit_code == 2
        assert words in result.stderr
        assert "Nothing was sent." in result.stderr
        assert NUMBER not in result.output
        if args:
            assert "detail" in json.loads(result.stdout)["problem"]
    assert uploads.service.requests == []
    assert [path.name for path in profile.iterdir() if path.is_file()] == ["d.csv"]


def test_bad_first_rows_are_told_and_the_others_go_on(upload: Any, uploads: Uploads, profile: Path) -> None:
    rows = [row(number, outstanding="much" if number % 2 else "1") for number in range(20)]
    (profile / "d.csv").write_bytes(csv(*rows))
    result = upload("debt", profile / "d.csv")
    assert result.exit_code == 0
    assert "10 of the first 20 rows will be rejected" in result.stderr
    assert result.stderr.count("outstanding: a decimal amount") == 5
    assert uploads.the_claims()["rows"] == 20
    assert NUMBER not in result.output


def test_rows_in_another_charset_are_told_with_the_option(upload: Any, profile: Path) -> None:
    (profile / "d.csv").write_bytes(csv(row(1, original_creditor="")) + row(2).encode("gb18030"))
    assert "--charset gb18030" in upload("debt", profile / "d.csv").stderr


BAD_USAGE = [
    (["--snapshot"], "--as-of"),
    (["--as-of", "yesterday"], "--as-of"),
    (["--as-of", "2023-11-14T08:00:00"], "--as-of"),
    (["--as-of", "2033-11-14T08:00:00Z"], "future"),
    (["--confirm-withdrawals", "3"], "--confirm-withdrawals"),
    (["--confirm-withdrawals", "0"], "--confirm-withdrawals"),
    (["--charset", "big5"], "--charset"),
]


@pytest.mark.parametrize(("args", "words"), BAD_USAGE, ids=str)
def test_bad_options_exit_2_before_anything_is_sent(
    upload: Any, uploads: Uploads, file: Path, args: list[str], words: str
) -> None:
    result = upload("debt", file, *args)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stdout == ""
    assert uploads.service.requests == []


def test_what_is_no_file_exits_2(upload: Any, uploads: Uploads, profile: Path) -> None:
    for path in (profile, profile / "none.csv", "-"):
        result = upload("debt", path)
        assert result.exit_code == 2
        assert "Traceback" not in result.output
    assert upload("mandate", profile / "x.csv").exit_code == 2
    assert uploads.service.requests == []


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
