"""`duecare bundle` and `duecare log`: what a court is handed, and whether the log still stands behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from duecare.evidence import bundle as bundles
from duecare_client import logcheck, show
from duecare_client.errors import BadAnswer, BadEvidence, BadSettings, Conflict
from duecare_client.logcheck import Outcome, Store
from duecare_client.meter import Meter
from duecare_client.world import World, world

DENIED = 1
# A record has its entry within seconds; somebody who has just asked about a message waits that long.
TRIES, PAUSE = 15, 1.0
DASH_IS_TEXT = {"ignore_unknown_options": True}

bundle = typer.Typer(no_args_is_help=True, help="Case files: everything about one decision, to be checked offline.")
log = typer.Typer(no_args_is_help=True, help="The transparency log.")

CaseFile = Annotated[Path, typer.Argument(metavar="FILE", help="A case file.")]
LogKey = Annotated[
    str | None, typer.Option("--log-key", metavar="KEY", help="The log's verifier key, from a source that you trust.")
]
Party = Annotated[str | None, typer.Option(metavar="ID", help="Who speaks, where the profile holds several that may.")]


@bundle.command("get", context_settings=DASH_IS_TEXT)
def get(
    context: typer.Context,
    decision_id: str,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where it goes: DECISION_ID.duecare.json")] = None,
    attempt: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="An earlier attempt; else the newest.")
    ] = None,
    party: Party = None,
) -> None:
    """Fetch the case file of a decision: for its gateway, its creditor, or an auditor."""
    held, file = world(context), out or Path(f"{decision_id}.duecare.json")
    with held.client(party, ["gateway", "creditor", "auditor"]) as client:
        for left in reversed(range(TRIES)):
            try:
                data = client.bundle(decision_id, attempt)
                break
            except Conflict as early:
                if early.name != "not-logged-yet" or not left:
                    raise
                held.sleep(PAUSE)
    _write(file, data)
    if held.json:
        show.as_json({"file": str(file), "bytes": len(data)})
    else:
        show.line(f"{file}: {len(data):,} bytes. Check it with: duecare bundle verify {file}")


@bundle.command()
def verify(context: typer.Context, file: CaseFile, log_key: LogKey = None) -> None:
    """Check a case file with no network: signatures, digests, proofs, and the decision made again. Exit 0 if good."""
    held = world(context)
    key, source = _log_key(held, log_key)
    verdict = bundles.check(_read(file), key)
    if held.json:
        show.as_json(_told(verdict, source))
    else:
        show.checks(verdict.ok, [one._asdict() for one in verdict.checks])
        _where_trust_comes_from(source)
    raise typer.Exit(0 if verdict.ok else DENIED)


@bundle.command()
def report(
    context: typer.Context,
    file: CaseFile,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where it goes: FILE.html")] = None,
    language: Annotated[Literal["zh-CN", "en", "both"], typer.Option(help="Of the page.")] = "both",
    show_number: Annotated[bool, typer.Option("--show-number", help="The whole telephone number.")] = False,
    log_key: LogKey = None,
) -> None:
    """Check a case file and write a page about it that a judge can read and print. Exit 1 where a check failed."""
    from duecare_client.report import render  # noqa: PLC0415  its templates' engine is loaded for no other command

    held = world(context)
    key, source = _log_key(held, log_key)
    verdict = bundles.check(_read(file), key)
    if verdict.case is None:
        show.error(BadEvidence(f"{file} is no case file: {verdict.checks[0].detail}"))
        raise typer.Exit(DENIED)
    page = out or file.with_suffix(".html")
    try:
        page.write_text(render(verdict, language=language, show_number=show_number), encoding="utf-8")
    except OSError as error:
        raise BadSettings(f"{page} cannot be written: {error.strerror}") from None
    if held.json:
        show.as_json({**_told(verdict, source), "report": str(page)})
    else:
        show.line(f"{page}", ": every check is good" if verdict.ok else (": SOMETHING IS WRONG, see there", "bold red"))
    raise typer.Exit(0 if verdict.ok else DENIED)


@log.command("check")
def check(context: typer.Context, log_key: LogKey = None) -> None:
    """Is the log whole, and did it only grow since it was looked at here before? With AWS access (a profile that names
    the table and the archive), also: does every record there still say what was logged? What does not is named."""
    held = world(context)
    with held.reader() as reader:
        discovery = reader.discovery()
        named = discovery.get("log")
        published = named if isinstance(named, dict) else {}
        key = _log_key(held, log_key)[0] or published.get("verifier_key")
        if not isinstance(key, str):
            raise BadAnswer("the service has no log yet: nothing was logged so far")
        memory = logcheck.memory_file(key, held.state_folder())
        with Meter().stage("entries", 1, "rows") as told:
            outcome, places = logcheck.check_log(
                reader.log_object, key, memory, lambda done, size: told(1 if done >= size else 0, f"{done} of {size}")
            )
        store = held.store()
        if store:
            issuer, now = str(discovery.get("issuer")), logcheck.now_utc(held.clock())
            outcome = logcheck.check_store(outcome, places, _opened(*store), now, issuer)
    if held.json:
        show.as_json(_outcome(outcome, key))
    else:
        _print_outcome(outcome)
    raise typer.Exit(DENIED if outcome.faults else 0)


def _outcome(outcome: Outcome, key: str) -> dict[str, Any]:
    checkpoint = outcome.checkpoint
    return {
        "ok": not outcome.faults,
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "verifier_key": key,
        "consistent_with": outcome.since,
        "records_compared": outcome.compared,
        "records_on_their_way": outcome.pending,
        "faults": [{"where": fault.where, "what": fault.what} for fault in outcome.faults],
    }


def _print_outcome(outcome: Outcome) -> None:
    checkpoint = outcome.checkpoint
    show.line((checkpoint.origin, "bold"), f": {checkpoint.size} entries, each in the tree that the log signed")
    if outcome.since is not None:
        show.line(f"  it only grew since it was looked at here before, with {outcome.since} entries")
    if outcome.compared is None:
        show.line("  the records themselves were not compared: that takes AWS access to the table and the archive")
    else:
        show.line(f"  {outcome.compared} records of table and archive compared, {outcome.pending} on their way there")
    for fault in outcome.faults:
        show.line(("  ✗ ", "bold red"), str(fault))
    if outcome.faults:
        show.line((f"{len(outcome.faults)} things are wrong", "bold red"))
    else:
        show.line(("all is as it was logged", "green"))


def _told(verdict: bundles.Verdict, source: str) -> dict[str, Any]:
    case = verdict.case
    told: dict[str, Any] = {
        "ok": verdict.ok,
        "checks": [one._asdict() for one in verdict.checks],
        "log_key_from": source,
    }
    if case:
        record = case.decision.record
        told |= {"decision_id": record.decision_id, "decision": record.decision, "reasons": list(record.reasons)}
    return told


def _log_key(held: World, given: str | None) -> tuple[str | None, str]:
    """The log's verifier key, and where it comes from."""
    if given:
        return given, "the command line"
    if named := held.environment.get("DUECARE_LOG_KEY"):
        return named, "DUECARE_LOG_KEY"
    if named := held.log_key():
        return named, "the profile"
    return None, "the file itself"


def _where_trust_comes_from(source: str) -> None:
    if source == "the file itself":
        show.note("The log's key is the file's own word: so the file is whole, but nothing shows whose log it is.")
        show.note("Get the key from the service's discovery, or from somebody you trust, and give it with --log-key.")
    else:
        show.line(f"  the log's key is from {source}")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadSettings(f"{file} cannot be read: {error.strerror}") from None


def _write(file: Path, data: bytes) -> None:
    """Never over anything else."""
    try:
        if file.exists() and file.read_bytes() != data:
            raise BadSettings(f"{file} is there already, and holds something else; name another with --out")
        file.write_bytes(data)
    except OSError as error:
        raise BadSettings(f"{file} cannot be written: {error.strerror}") from None


def _opened(aws: Any, table: str, archive: str) -> Store:
    """What the operator holds, through boto3 clients."""
    return Store(logcheck.table_of(aws("dynamodb"), table), logcheck.archive_of(aws("s3"), archive))
