"""`duecare log`: does the log still stand behind what was handed out, and does the store still say what was logged?"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import typer

from duecare_client.checks.log import Outcome, check_log, checkpoint_file, key_file, recall, remember
from duecare_client.checks.store import Between, Store, archive_of, check_store, table_of
from duecare_client.checks.witnesses import Named, as_told, in_words, named_witnesses
from duecare_client.cli import output
from duecare_client.cli.bundle import LogKey, trusted_key
from duecare_client.cli.context import cli_context
from duecare_client.errors import BadAnswer, BadEvidence
from duecare_client.progress import ProgressMeter, Unit

WRONG = 1

log = typer.Typer(no_args_is_help=True, help="The transparency log, in which nobody can change what was decided.")


@log.command("check")
def check(context: typer.Context, log_key: LogKey = None, witness: Named = None) -> None:
    """Is the log whole, and did it only grow since it was looked at here before?

    Have the witnesses that are named (`--witness`) seen it so? With AWS access (a profile that names the table and the
    archive, or DUECARE_STACK) also: does every record there still say what was logged? What is wrong is named.

    Exit 0 where all is good, 1 where something is wrong, 3 where the log does not answer.
    """
    cli, witnesses = cli_context(context), named_witnesses(witness)
    given, _ = trusted_key(cli, log_key)
    began = cli.now()
    with cli.reader() as reader:
        discovery = reader.discovery()
        seen_with = key_file(cli.service_url(), cli.state_folder())
        key = given or _published(discovery, recall(seen_with))
        with _Stage("entries", "entries") as told:
            outcome, places = check_log(
                reader.log_object, key, checkpoint_file(key, cli.state_folder()), told, witnesses
            )
        if not outcome.faults:
            remember(seen_with, key)
    if outcome.whole and (store := cli.store()):
        aws, table, archive = store
        held_there = Store(table_of(aws("dynamodb"), table), archive_of(aws("s3"), archive))
        with _Stage("records", "records") as told:
            # Most have a copy in the archive and stand in the table too.
            at_most = max(1, 2 * len(places))
            issuer, between = str(discovery.get("issuer")), Between(began, cli.now)
            looked_at: Callable[[int], None] = lambda count: told(min(count, at_most), at_most)  # noqa: E731
            outcome = check_store(outcome, places, held_there, between, issuer, looked_at)
    if cli.json:
        output.as_json(_told(outcome, key, began))
    else:
        _print(outcome, began)
    raise typer.Exit(WRONG if outcome.faults else 0)


def _published(discovery: dict[str, Any], seen: str | None) -> str:
    """The key that the service names now. Raises BadEvidence where it was seen with another: whoever keeps two logs
    would name two keys, and nobody here has said which of them to trust."""
    named = discovery.get("log")
    key = named.get("verifier_key") if isinstance(named, dict) else None
    if not isinstance(key, str):
        if seen:
            raise BadEvidence(f"the service names no log any more; it was seen with the log {seen}")
        raise BadAnswer("the service has no log yet: nothing was logged so far")
    if seen not in (None, key):
        said = f"the service names the log {key}, and was seen here with {seen}"
        raise BadEvidence(f"{said}; if its operator has told you why, give the new key once with --log-key")
    return key


class _Stage:
    """A stage of a meter, whose length is known only once it has begun."""

    def __init__(self, title: str, unit: Unit) -> None:
        self._title = title
        self._unit = unit
        self._open = ExitStack()
        self._told: Callable[[int, str], None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def __call__(self, done: int, total: int) -> None:
        if self._told is None:
            self._told = self._open.enter_context(ProgressMeter().stage(self._title, total, self._unit))
        self._told(done, "")


def _told(outcome: Outcome, key: str, now: datetime) -> dict[str, Any]:
    checkpoint = outcome.checkpoint
    return {
        "ok": not outcome.faults,
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "verifier_key": key,
        "witnesses": as_told(outcome.cosigned, now),
        "consistent_with": outcome.since,
        "records_compared": outcome.compared,
        "records_on_their_way": outcome.pending,
        "faults": [{"where": fault.where, "what": fault.what} for fault in outcome.faults],
    }


def _print(outcome: Outcome, now: datetime) -> None:
    checkpoint, whole = outcome.checkpoint, outcome.whole
    said = "each in the tree that the log signed" if whole else "which are not what the log signed"
    output.line((checkpoint.origin, "bold"), f": {checkpoint.size:,} entries, {said}")
    for one in outcome.cosigned:
        if one.at is not None:
            output.line(f"  witness {one.name} {in_words(one, now)}")
    if not outcome.cosigned:
        output.line("  no witness was named (--witness): whether others are shown the same log was not looked at")
    if outcome.since is not None and not outcome.faults:
        output.line(f"  it only grew since it was looked at here before, with {outcome.since:,} entries")
    if outcome.compared is not None:
        output.line(
            f"  {outcome.compared:,} records of table and archive compared, {outcome.pending:,} on their way there"
        )
    elif whole:
        output.line("  the records themselves were not compared: that takes AWS access to the table and the archive")
    else:
        output.line("  the records themselves were not compared: there is no whole log to hold them against")
    for fault in outcome.faults:
        output.line(("  ✗ ", "bold red"), str(fault))
    if outcome.faults:
        things = "thing is" if len(outcome.faults) == 1 else "things are"
        output.line((f"{len(outcome.faults):,} {things} wrong", "bold red"))
    else:
        output.line(("all is as it was logged", "green"))
