"""`duecare log check` as a command: what it fetches, what it remembers, and the store through boto3 against moto."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import httpx
import pytest

from duecare.usecases import table
from duecare.usecases.log import pointers
from duecare_client.checks.log import checkpoint_file, key_file
from duecare_client.checks.store import archive_of
from duecare_core.evidence.log.note import Checkpoint, LogKey
from duecare_core.evidence.stored import archive_copy
from tests.client.evidence_service import URL, Command, EvidenceService
from tests.client.logged_service import KEY, LoggedService, item
from tests.support import tables
from tests.support.servers import aws_environment, moto  # noqa: F401
from tests.support.world import RECIPIENT, stamp

OTHER = LogKey("another.example/log", b"o" * 32)


@pytest.fixture
def logged() -> LoggedService:
    return LoggedService()


@pytest.fixture
def served(logged: LoggedService) -> EvidenceService:
    return EvidenceService(logged)


@pytest.fixture
def duecare(served: EvidenceService, tmp_path: Path) -> Command:
    return Command(served, tmp_path)


def test_it_fetches_every_object_and_compares_no_records_without_aws(duecare: Command, logged: LoggedService) -> None:
    result = duecare("log", "check")
    assert result.exit_code == 0, result.output
    assert "everything is as it was logged" in result.stdout
    assert "needs AWS access" in result.stdout
    size = logged.checkpoint().size
    assert {f"/log/{one}" for one in ("checkpoint", f"tile/0/000.p/{size}", f"tile/entries/000.p/{size}")} <= set(
        duecare.served.asked
    )
    told = duecare.json("log", "check")
    assert (told["ok"], told["size"], told["consistent_with"], told["records_compared"]) == (True, size, size, None)
    assert told["root"] == logged.checkpoint().root.hex()


def test_how_far_it_is_goes_to_stderr_alone(duecare: Command) -> None:
    result = duecare("log", "check", "--json")
    assert "entries: " in result.stderr
    assert "entries: " not in result.stdout


def test_the_last_checkpoint_is_kept_with_the_local_profile_and_a_rollback_is_found(
    duecare: Command, logged: LoggedService, tmp_path: Path
) -> None:
    before = dict(logged.files.objects)
    logged.verify(message_id="m-2")
    logged.sequenced()
    assert duecare("log", "check").exit_code == 0
    assert checkpoint_file(KEY, tmp_path / ".duecare").is_file()
    logged.files.objects.clear()
    logged.files.objects.update(before)
    result = duecare("log", "check")
    assert result.exit_code == 1
    assert "at the last check" in result.stdout
    assert "1 fault found" in result.stdout


def test_elsewhere_it_remembers_in_the_users_own_folder(duecare: Command, tmp_path: Path) -> None:
    result = duecare("log", "check", profile=False, DUECARE_URL=URL + "/")
    assert result.exit_code == 0, result.output
    assert key_file(URL, tmp_path / ".local" / "state" / "duecare").read_text() == KEY
    state = tmp_path / "elsewhere"
    assert duecare("log", "check", profile=False, DUECARE_URL=URL, XDG_STATE_HOME=str(state)).exit_code == 0
    assert checkpoint_file(KEY, state / "duecare").is_file()


def test_where_it_cannot_remember_it_says_so(duecare: Command, tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("")
    result = duecare("log", "check", profile=False, DUECARE_URL=URL, XDG_STATE_HOME=str(tmp_path / "blocked"))
    assert result.exit_code == 2


def test_a_service_that_publishes_another_log_key_than_before_fails_even_if_that_log_is_good(
    duecare: Command, logged: LoggedService
) -> None:
    assert duecare("log", "check").exit_code == 0
    objects = dict(logged.files.objects)
    body = Checkpoint(OTHER.name, logged.checkpoint().size, logged.checkpoint().root).text()
    logged.files.objects["checkpoint"] = OTHER.sign(body).encode()
    duecare.served.key = OTHER.verifier_key
    result = duecare("log", "check")
    assert result.exit_code == 1
    assert "and published" in result.stderr
    assert duecare("log", "check", "--log-key", OTHER.verifier_key).exit_code == 0
    assert duecare("log", "check").exit_code == 0, "it was told once"
    logged.files.objects.update(objects)
    duecare.served.key = None
    assert duecare("log", "check").exit_code == 1, "no log any more"


def test_a_key_on_the_command_line_overrides_the_one_that_the_service_publishes(duecare: Command) -> None:
    duecare.write_profile(log_key=OTHER.verifier_key)
    assert duecare("log", "check").exit_code == 1
    duecare.write_profile(log_key=KEY)
    duecare.served.key = OTHER.verifier_key
    assert duecare("log", "check").exit_code == 0


def test_a_service_without_a_log_or_without_an_answer_is_no_verdict(duecare: Command) -> None:
    duecare.served.key = None
    assert duecare("log", "check").exit_code == 3
    duecare.served.key = KEY
    duecare.served.instead["/log/checkpoint"] = [lambda _: httpx.Response(503)]
    assert duecare("log", "check").exit_code == 3


def test_no_service_named_is_bad_usage(duecare: Command) -> None:
    assert duecare("log", "check", profile=False).exit_code == 2


def test_an_object_that_is_gone_is_named_and_then_no_record_is_compared(
    duecare: Command, logged: LoggedService
) -> None:
    name = f"tile/entries/000.p/{logged.checkpoint().size}"
    del logged.files.objects[name]
    duecare.write_profile(table="t", archive="a")  # nobody is there to be asked
    result = duecare("log", "check")
    assert result.exit_code == 1
    assert f"the log has no {name}" in result.stdout
    assert "because the log is not whole" in result.stdout


@pytest.fixture
def stored(duecare: Command, logged: LoggedService, moto: str) -> tuple[Any, str, Any, str]:  # noqa: F811
    """The same table and archive on moto, named in the profile."""
    dynamodb, s3 = tables.client("dynamodb", moto), tables.client("s3", moto)
    name, bucket = tables.create(moto), tables.bucket(moto)
    for document in logged.table.everything():
        made = item(document)
        dynamodb.put_item(TableName=name, Item=made)
    for at, data in logged.archive.objects.items():
        s3.put_object(Bucket=bucket, Key=at, Body=data)
    duecare.write_profile(aws_endpoint_url=moto, region=tables.REGION, table=name, archive=bucket)
    return dynamodb, name, s3, bucket


def test_with_aws_every_record_is_compared_and_one_that_was_changed_by_hand_is_named(
    duecare: Command, logged: LoggedService, stored: tuple[Any, str, Any, str]
) -> None:
    dynamodb, name, s3, bucket = stored
    result = duecare("log", "check")
    assert result.exit_code == 0, result.output
    assert " records of table and archive compared, 0 not in the log yet" in result.stdout
    key = {"pk": {"S": table.decision(logged.id).pk}, "sk": {"S": table.decision(logged.id).sk}}
    found = dynamodb.get_item(TableName=name, Key=key)["Item"]
    sealed = found["sealed"]["B"]
    dynamodb.put_item(TableName=name, Item=found | {"sealed": {"B": sealed[:-1] + bytes([sealed[-1] ^ 1])}})
    (copy,) = (one for one in logged.archive.objects if one.startswith("parties/keji/"))
    s3.put_object(Bucket=bucket, Key=copy, Body=logged.archive.objects[copy].replace("科技公司".encode(), b"Other"))
    told = duecare.json("log", "check")
    assert sorted(one["where"] for one in told["faults"]) == [f"decision {logged.id}", "party keji/1"]
    assert duecare("log", "check").exit_code == 1


@pytest.fixture
def key_secret(moto: str) -> str:  # noqa: F811
    """The secret with the key that seals the decisions of these tests."""
    secret = tables.client("secretsmanager", moto).create_secret(
        Name=f"inputs-{secrets.token_hex(4)}", SecretString=(b"i" * 32).hex()
    )
    return str(secret["ARN"])


def test_with_the_key_a_decision_that_was_changed_in_both_table_and_archive_is_named(
    duecare: Command, logged: LoggedService, stored: tuple[Any, str, Any, str], key_secret: str
) -> None:
    dynamodb, name, s3, bucket = stored
    assert duecare("log", "check", "--inputs-key", key_secret).exit_code == 0
    key = table.decision(logged.id)
    document = logged.table.get([key])[key]
    changed = document._replace(sealed=document.sealed[:-1] + bytes([document.sealed[-1] ^ 1]))
    dynamodb.put_item(TableName=name, Item=item(changed))
    (copy,) = (one for one in logged.archive.objects if f"/decision/{logged.id}/" in one)
    s3.put_object(Bucket=bucket, Key=copy, Body=archive_copy(pointers.stored(changed)))
    without = duecare("log", "check")
    assert (without.exit_code, "Decisions were not opened" in without.stderr) == (0, True)
    told = duecare.json("log", "check", "--inputs-key", key_secret)
    assert {one["where"] for one in told["faults"]} == {f"decision {logged.id}"}


def test_a_secret_that_is_no_key_is_bad_usage(
    duecare: Command,
    stored: tuple[Any, str, Any, str],
    moto: str,  # noqa: F811
) -> None:
    secret = tables.client("secretsmanager", moto).create_secret(Name=secrets.token_hex(8), SecretString="{}")
    for named in (secret["ARN"], "no-such-secret"):
        assert duecare("log", "check", "--inputs-key", named).exit_code == 2


def test_an_unreadable_item_is_named(
    duecare: Command, logged: LoggedService, stored: tuple[Any, str, Any, str]
) -> None:
    dynamodb, name, *_ = stored
    odd = {"pk": {"S": "P#made-up"}, "sk": {"S": "-"}, "version": {"S": "x"}, "body": {"B": b"\xff"}}
    dynamodb.put_item(TableName=name, Item=odd | {"sealed": {"S": "text"}, "summary": {"N": "1"}})
    told = duecare.json("log", "check")
    assert [one["where"] for one in told["faults"]] == ["party made-up"]


def test_a_copy_that_is_gone_from_the_bucket_is_named(
    duecare: Command, logged: LoggedService, stored: tuple[Any, str, Any, str]
) -> None:
    _, _, s3, bucket = stored
    (name,) = (one for one in logged.archive.objects if f"/decision/{logged.id}/" in one)
    s3.delete_object(Bucket=bucket, Key=name)
    told = duecare.json("log", "check")
    assert [one["where"] for one in told["faults"]] == [f"decision {logged.id}"]


@pytest.mark.parametrize("gone", [{"table": "no-such-table"}, {"archive": "no-such-bucket"}])
def test_an_unreadable_store_is_reported_without_a_verdict(
    duecare: Command,
    stored: tuple[Any, str, Any, str],
    gone: dict[str, str],
    moto: str,  # noqa: F811
) -> None:
    _, name, _, bucket = stored
    named = {"table": name, "archive": bucket} | gone
    duecare.write_profile(aws_endpoint_url=moto, region=tables.REGION, **named)
    result = duecare("log", "check")
    assert result.exit_code == 2
    assert next(iter(gone.values())) in result.stderr
    assert "Traceback" not in result.stderr


def test_a_record_that_is_not_logged_yet_is_counted_and_is_no_fault(
    duecare: Command, logged: LoggedService, stored: tuple[Any, str, Any, str]
) -> None:
    dynamodb, name, *_ = stored
    known = {document.key for document in logged.table.everything()}
    logged.accepted("xinxi", "opt-out", recipient=RECIPIENT, creditor="mou-zichan", received_at=stamp(logged.now))
    for document in logged.table.everything():
        if document.key not in known and document.key.pk.startswith("S#"):
            dynamodb.put_item(TableName=name, Item=item(document))
    told = duecare.json("log", "check")
    assert (told["ok"], told["records_on_their_way"]) == (True, 1)


def test_a_copy_that_is_erased_between_the_list_and_the_reading_is_passed_over(
    stored: tuple[Any, str, Any, str], logged: LoggedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, s3, bucket = stored
    (name,) = (one for one in logged.archive.objects if f"/decision/{logged.id}/" in one)
    real = s3.get_object

    def get_object(**asked: str) -> Any:
        if asked["Key"] == name:
            s3.delete_object(Bucket=bucket, Key=name)
        return real(**asked)

    monkeypatch.setattr(s3, "get_object", get_object)
    assert {at for at, _ in archive_of(s3, bucket)} == set(logged.archive.objects) - {name}
