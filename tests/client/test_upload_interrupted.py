"""An interrupted upload, and one whose network fails: where it resumes, and what the command prints."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from duecare_client.upload import MAX_POLL_FAILURES, RESEND_PAUSES
from tests.client.test_upload import AS_OF, NOW, NUMBER, Uploads, csv, row, runner

BAD = {"type": "urn:duecare:problem:unacceptable", "title": "T", "detail": "No such key."}


@pytest.fixture
def uploads(service: Any) -> Uploads:
    return Uploads(service)


@pytest.fixture
def upload(uploads: Uploads, profile: Path) -> Any:
    return runner(uploads, profile)


@pytest.fixture
def file(profile: Path) -> Path:
    path = profile / "debts.csv"
    path.write_bytes(csv(*(row(number) for number in range(3))))
    return path


def interrupt(*_: Any, **__: Any) -> Any:
    raise KeyboardInterrupt


def broken(_: httpx.Request) -> httpx.Response:
    raise httpx.WriteError("broken pipe")


def answering(status: int, code: str = "") -> Any:
    return lambda _: httpx.Response(status, text=f"<Error><Code>{code}</Code></Error>")


def manifest_file(file: Path) -> Path:
    return file.with_name(file.name + ".duecare")


def posts(uploads: Uploads) -> int:
    return len(uploads.service.to("/v1/uploads"))


# Ctrl-C


def test_interrupted_while_sending_it_says_how_to_go_on_and_sends_again(
    upload: Any, uploads: Uploads, file: Path
) -> None:
    uploads.put_answers = [interrupt]
    result = upload("debt", file)
    assert result.exit_code == 130
    assert result.stdout == ""
    assert f"duecare --profile local upload debt --party some-asset {file}" in result.stderr
    assert "The file has not arrived." in result.stderr
    assert manifest_file(file).stat().st_mode & 0o777 == 0o600
    assert NUMBER not in manifest_file(file).read_text()

    again = upload("debt", file, now=NOW + 3600)
    assert again.exit_code == 0, again.output
    assert "Resuming" in again.stderr
    assert len(uploads.manifests) == 1
    assert uploads.received == [file.read_bytes()]
    assert not manifest_file(file).exists()


def test_a_resumed_upload_has_the_same_seed(upload: Any, uploads: Uploads, file: Path) -> None:
    uploads.put_answers = [interrupt]
    upload("debt", file)
    assert upload("debt", file, now=NOW + 3600).exit_code == 0
    first, *again = [json.loads(one.content) for one in uploads.service.to("/v1/uploads")]
    assert len(first["rows_seed"]) == 64
    assert again
    assert all(one == first for one in again)


def without_seed(file: Path) -> None:
    state = json.loads(manifest_file(file).read_text())
    del state["rows_seed"]
    manifest_file(file).write_text(json.dumps(state))


def test_another_upload_of_the_same_file_has_another_seed(upload: Any, uploads: Uploads, file: Path) -> None:
    upload("debt", file)
    upload("debt", file, now=NOW + 1)
    seeds = [json.loads(one.content)["rows_seed"] for one in uploads.service.to("/v1/uploads")]
    assert len(set(seeds)) == 2


def test_interrupted_while_following_it_only_follows(upload: Any, uploads: Uploads, file: Path) -> None:
    uploads.get_answers = [interrupt]
    result = upload("debt", file, "--json")
    assert result.exit_code == 130
    assert result.stdout == ""
    assert "goes on without you" in result.stderr

    again = upload("debt", file, "--json", now=NOW + 86400)
    assert again.exit_code == 0
    assert json.loads(again.stdout)["state"] == "done"
    assert (len(uploads.manifests), len(uploads.puts)) == (1, 1)
    assert not manifest_file(file).exists()


def test_interrupted_before_anything_is_sent_it_starts_again(
    upload: Any, uploads: Uploads, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duecare_client.portfolio_file.canonical_row", interrupt)
    result = upload("debt", file)
    assert result.exit_code == 130
    assert "Nothing was sent." in result.stderr
    assert not manifest_file(file).exists()


def test_an_import_that_ended_meanwhile_is_reported_and_forgotten(upload: Any, uploads: Uploads, file: Path) -> None:
    uploads.get_answers = [interrupt]
    upload("debt", file)
    uploads.states = dict.fromkeys(uploads.states, "done")
    assert upload("debt", file).exit_code == 0
    assert len(uploads.puts) == 1
    assert not manifest_file(file).exists()


def longer(file: Path) -> None:
    file.write_bytes(file.read_bytes() + row(9).encode())


def touched(file: Path) -> None:
    os.utime(file, ns=(0, file.stat().st_mtime_ns + 1))


def spoiled(file: Path) -> None:
    manifest_file(file).write_text("{")


@pytest.mark.parametrize("change", [longer, touched, spoiled, without_seed])
def test_another_file_starts_anew(upload: Any, uploads: Uploads, file: Path, change: Any) -> None:
    uploads.put_answers = [interrupt]
    upload("debt", file)
    change(file)
    assert upload("debt", file, now=NOW + 1).exit_code == 0
    assert len(uploads.manifests) == 2
    assert uploads.received == [file.read_bytes()]


@pytest.mark.parametrize("options", [["--as-of", AS_OF], ["--snapshot", "--as-of", AS_OF], ["--charset", "gb18030"]])
def test_other_options_start_anew(upload: Any, uploads: Uploads, file: Path, options: list[str]) -> None:
    file.write_bytes(csv(row(1, original_creditor="")))
    uploads.put_answers = [interrupt]
    upload("debt", file)
    assert upload("debt", file, *options).exit_code == 0
    assert len(uploads.manifests) == 2


def test_a_remembered_manifest_that_the_service_refuses_is_signed_again(
    upload: Any, uploads: Uploads, file: Path
) -> None:
    uploads.put_answers = [interrupt]
    upload("debt", file)
    uploads.post_answers = [lambda _: httpx.Response(422, json=BAD)]
    result = upload("debt", file, now=NOW + 1)
    assert result.exit_code == 0
    assert "a new one starts" in result.stderr
    assert len(uploads.manifests) == 2


def test_a_folder_that_takes_no_file_only_costs_the_going_on(
    upload: Any, uploads: Uploads, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "open", full)
    result = upload("debt", file)
    assert result.exit_code == 0
    assert "cannot be resumed" in result.stderr


# The network


def test_a_manifest_that_is_refused_exits_1_and_is_not_manifest_file(upload: Any, uploads: Uploads, file: Path) -> None:
    uploads.post_answers = [lambda _: httpx.Response(422, json=BAD)]
    result = upload("debt", file)
    assert result.exit_code == 1
    assert "No such key." in result.stderr
    assert not manifest_file(file).exists()


def test_a_service_that_does_not_answer_exits_3_and_the_same_command_goes_on(
    upload: Any, uploads: Uploads, file: Path
) -> None:
    uploads.post_answers = [broken, broken]
    result = upload("debt", file, "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["problem"]["status"] == 503
    assert f"duecare --profile local upload debt --party some-asset {file}" in result.stderr
    assert upload("debt", file, now=NOW + 1).exit_code == 0
    assert len(uploads.manifests) == 1


def test_a_put_that_fails_twice_is_sent_again_from_the_start(upload: Any, uploads: Uploads, file: Path) -> None:
    uploads.put_answers = [broken, answering(503, "SlowDown")]
    result = upload("debt", file)
    assert result.exit_code == 0, result.output
    assert uploads.received == [file.read_bytes()]
    assert uploads.slept[:2] == list(RESEND_PAUSES[:2])
    assert result.stderr.count("Sending it again") == 2


def test_a_put_that_never_succeeds_exits_3_and_is_manifest_file(upload: Any, uploads: Uploads, file: Path) -> None:
    uploads.put_answers = [broken] * (len(RESEND_PAUSES) + 1)
    result = upload("debt", file)
    assert result.exit_code == 3
    assert uploads.put_answers == []
    assert manifest_file(file).exists()


def test_an_expired_url_is_replaced_by_a_fresh_one_at_once(upload: Any, uploads: Uploads, file: Path) -> None:
    uploads.put_answers = [answering(403, "AccessDenied")]
    assert upload("debt", file).exit_code == 0
    assert [str(put.url).rpartition("=")[2] for put in uploads.puts] == ["1", "2"]
    assert uploads.slept[0] == 0.0
    assert len(uploads.manifests) == 1


def test_a_url_that_is_never_good_exits_3(upload: Any, uploads: Uploads, file: Path) -> None:
    uploads.put_answers = [answering(403, "SignatureDoesNotMatch")] * (len(RESEND_PAUSES) + 1)
    result = upload("debt", file)
    assert result.exit_code == 3
    assert "SignatureDoesNotMatch" in result.stderr


def test_a_file_that_arrived_though_the_answer_was_lost_is_not_sent_again(
    upload: Any, uploads: Uploads, file: Path
) -> None:
    def lost(request: httpx.Request) -> httpx.Response:
        uploads.bucket(request)
        raise httpx.ReadError("x")

    uploads.put_answers = [lost]
    assert upload("debt", file).exit_code == 0
    assert uploads.received == [file.read_bytes()]


def test_a_file_that_the_storage_does_not_take_is_not_sent_again(upload: Any, uploads: Uploads, file: Path) -> None:
    uploads.put_answers = [answering(400, "BadDigest")]
    result = upload("debt", file)
    assert result.exit_code == 1
    assert "BadDigest" in result.stderr
    assert len(uploads.puts) == 1
    assert not manifest_file(file).exists()


def test_a_file_that_changes_while_it_is_sent_exits_2(upload: Any, uploads: Uploads, file: Path) -> None:
    def grown(_: httpx.Request) -> httpx.Response:
        longer(file)
        return httpx.Response(200)

    uploads.put_answers = [grown]
    result = upload("debt", file)
    assert result.exit_code == 2
    assert "changed meanwhile" in result.stderr


def test_questions_that_get_no_answer_are_asked_again(upload: Any, uploads: Uploads, file: Path) -> None:
    uploads.get_answers = [answering(503)] * 6
    assert upload("debt", file).exit_code == 0


def test_a_service_that_stays_away_exits_3_and_is_followed_later(upload: Any, uploads: Uploads, file: Path) -> None:
    uploads.get_answers = [broken] * (2 * MAX_POLL_FAILURES)  # every question is repeated once
    assert upload("debt", file).exit_code == 3
    assert uploads.get_answers == []
    assert upload("debt", file, now=NOW + 1).exit_code == 0
    assert len(uploads.puts) == 1


def test_an_import_that_does_not_move_exits_3(upload: Any, uploads: Uploads, file: Path) -> None:
    stuck = {"state": "importing", "rows": 3, "accepted": 1, "unchanged": 0, "rejected": 0}
    uploads.get_answers = [lambda _: httpx.Response(200, json=stuck)] * 500
    result = upload("debt", file)
    assert result.exit_code == 3
    assert "no progress for 15 minutes" in result.stderr


@pytest.mark.parametrize("url", ["http://bucket.test/x", "ftp://bucket.test/x", "", "https://"])
def test_no_file_goes_where_it_could_be_read_on_the_way(upload: Any, uploads: Uploads, file: Path, url: str) -> None:
    opened = {"upload_id": "u", "state": "awaiting_file", "url": url, "headers": {}}
    uploads.post_answers = [lambda _: httpx.Response(200, json=opened)] * 10
    result = upload("debt", file)
    assert result.exit_code == 3
    assert uploads.puts == []


WRONG = [{}, {"upload_id": 1}, {"upload_id": "u", "url": "https://b.test", "headers": {"a": 1}},
         {"upload_id": "u", "state": "odd"}, {"upload_id": "u", "url": None, "headers": {}}]  # fmt: skip


@pytest.mark.parametrize("answer", WRONG)
def test_an_answer_without_an_address_for_the_file_is_refused(
    upload: Any, uploads: Uploads, file: Path, answer: Any
) -> None:
    uploads.post_answers = [lambda _: httpx.Response(200, json=answer)] * 10
    assert upload("debt", file).exit_code == 3
    assert uploads.puts == []
