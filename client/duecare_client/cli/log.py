"""`duecare log`: checks that the log only grows, and that table and archive still hold what was logged."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from types import TracebackType
from typing import Annotated, Any, Self

import typer

from duecare_client.aws import aws_errors
from duecare_client.checks.log import Outcome, check_log, checkpoint_file, key_file, recall, remember
from duecare_client.checks.store import CheckInterval, Store, archive_of, check_store, table_of
from duecare_client.checks.witnesses import WitnessKeys, as_json, describe, parse_witnesses
from duecare_client.cli import output
from duecare_client.cli.bundle import LogKey, trusted_key
from duecare_client.cli.context import cli_context
from duecare_client.errors import BadAnswer, BadEvidence, BadSettings
from duecare_client.progress import ProgressMeter, Unit
from duecare_core.evidence.sealed_decision import InputsKey

FAILED = 1
InputsKeySecret = Annotated[
    str | None,
    typer.Option(
        "--inputs-key",
        metavar="SECRET",
        help="The secret with the key of decisions (the stack's output InputsKeySecret), to open every record.",
    ),
]

log = typer.Typer(no_args_is_help=True, help="The append-only log of every decision, statement and registration.")


@log.command("check")
def check(
    context: typer.Context,
    log_key: LogKey = None,
    witness: WitnessKeys = None,
    inputs_key: InputsKeySecret = None,
) -> None:
    """Check that the log is whole, and has only grown since the last check on this machine.

    With `--witness`, also that these witnesses have cosigned it. With AWS access (a profile that names the table and
    the archive, or DUECARE_STACK), also that every record there is what was logged. Decisions are encrypted there: with
    `--inputs-key`, each is opened and its receipt checked; without it, their digests and copies are compared. Each
    fault is named.

    Exit code 0 if all is as logged, 1 if something is wrong, 3 if the log does not answer.
    """
    cli, witnesses = cli_context(context), parse_witnesses(witness)
    given, _ = trusted_key(cli, log_key)
    began = cli.now()
    with cli.reader() as reader:
        discovery = reader.discovery()
        known_key = key_file(cli.service_url(), cli.state_folder())
        key = given or _published(discovery, recall(known_key))
        with _Stage("entries", "entries") as report:
            outcome, positions = check_log(
                reader.log_object, key, checkpoint_file(key, cli.state_folder()), report, witnesses
            )
        if not outcome.faults:
            remember(known_key, key)
    if outcome.whole and (store := cli.store()):
        aws, table, archive = store
        store_content = Store(table_of(aws("dynamodb"), table), archive_of(aws("s3"), archive))
        with _Stage("records", "records") as report:
            # Most records are in the table and have a copy in the archive.
            total = max(1, 2 * len(positions))
            issuer, interval = str(discovery.get("issuer")), CheckInterval(began, cli.now)
            compared: Callable[[int], None] = lambda count: report(min(count, total), total)  # noqa: E731
            opened_with = _inputs_key(aws, inputs_key) if inputs_key else None
            outcome = check_store(outcome, positions, store_content, interval, issuer, compared, opened_with)
    if cli.json:
        output.as_json(_summary(outcome, key, began) | {"decisions_opened": inputs_key is not None})
    else:
        _print(outcome, began)
        if outcome.compared is not None and inputs_key is None:
            output.note("Decisions were not opened (--inputs-key): one changed in both table and archive is not found.")
    raise typer.Exit(FAILED if outcome.faults else 0)


def _inputs_key(aws: Callable[[str], Any], secret: str) -> InputsKey:
    """The key in this secret. Raises BadSettings, NotAllowed, CannotDecide."""
    with aws_errors(f"read the secret {secret}"):
        value = aws("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
    try:
        return InputsKey(bytes.fromhex(value))
    except ValueError as error:
        raise BadSettings(
            f"the secret {secret} is not the key of decisions: expected 64 hexadecimal digits, as in the secret named "
            "by the stack's output InputsKeySecret"
        ) from error


def _published(discovery: dict[str, Any], seen: str | None) -> str:
    """The log key that the service publishes now. Raises BadEvidence if it published another one before: an operator
    who keeps two logs would publish two keys, and the user has not said which one to trust."""
    named = discovery.get("log")
    key = named.get("verifier_key") if isinstance(named, dict) else None
    if not isinstance(key, str):
        if seen:
            raise BadEvidence(f"the service does not publish a log any more; it published {seen} before")
        raise BadAnswer("the service has no log yet: nothing was logged so far")
    if seen not in (None, key):
        change = f"the service publishes the log key {key}, and published {seen} before"
        raise BadEvidence(f"{change}; if its operator confirms the change, give the new key once with --log-key")
    return key


class _Stage:
    """A stage of a progress meter whose length is known only after it has begun."""

    def __init__(self, title: str, unit: Unit) -> None:
        self._title = title
        self._unit = unit
        self._open = ExitStack()
        self._report: Callable[[int, str], None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def __call__(self, done: int, total: int) -> None:
        if self._report is None:
            self._report = self._open.enter_context(ProgressMeter().stage(self._title, total, self._unit))
        self._report(done, "")


def _summary(outcome: Outcome, key: str, now: datetime) -> dict[str, Any]:
    checkpoint = outcome.checkpoint
    return {
        "ok": not outcome.faults,
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "verifier_key": key,
        "witnesses": as_json(outcome.cosigned, now),
        "consistent_with": outcome.since,
        "records_compared": outcome.compared,
        "records_on_their_way": outcome.pending,
        "faults": [{"where": fault.where, "what": fault.what} for fault in outcome.faults],
    }


def _print(outcome: Outcome, now: datetime) -> None:
    checkpoint, whole = outcome.checkpoint, outcome.whole
    state = "each in the tree that the log signed" if whole else "which are not the tree that the log signed"
    output.line((checkpoint.origin, "bold"), f": {checkpoint.size:,} entries, {state}")
    for one in outcome.cosigned:
        if one.seen_at is not None:
            output.line(f"  witness {one.name} {describe(one, now)}")
    if not outcome.cosigned:
        output.line("  no witness was named (--witness), so it was not checked whether others see the same log")
    if outcome.since is not None and not outcome.faults:
        output.line(f"  it has only grown since the last check here, when it had {outcome.since:,} entries")
    if outcome.compared is not None:
        output.line(
            f"  {outcome.compared:,} records of table and archive compared, {outcome.pending:,} not in the log yet"
        )
    elif whole:
        output.line("  the records were not compared: that needs AWS access to the table and the archive")
    else:
        output.line("  the records were not compared, because the log is not whole")
    for fault in outcome.faults:
        output.line(("  ✗ ", "bold red"), str(fault))
    if outcome.faults:
        faults = "fault" if len(outcome.faults) == 1 else "faults"
        output.line((f"{len(outcome.faults):,} {faults} found", "bold red"))
    else:
        output.line(("everything is as it was logged", "green"))
