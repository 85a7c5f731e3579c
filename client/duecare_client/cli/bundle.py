"""`duecare bundle`: what a court is handed, checked with no network, and made a page of."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from duecare_client.checks.portfolio import NAME as PORTFOLIO
from duecare_client.checks.portfolio import check_portfolios
from duecare_client.checks.witnesses import Cosignature, Named, as_told, cosigned, in_words, named_witnesses
from duecare_client.cli import output
from duecare_client.cli.context import CliContext, cli_context
from duecare_client.errors import BadEvidence, BadSettings, Conflict, as_problem
from duecare_client.progress import ProgressMeter
from duecare_core.evidence.casefile import bundle as bundles
from duecare_core.evidence.casefile.replay import is_row
from duecare_core.evidence.log.note import Verifier, parse_verifier

DENIED, UNDECIDED = 1, 3
NOT_LOGGED_YET = "not-logged-yet"
ITSELF = "the file itself"
# A record has its entry within seconds; somebody who has just asked about a message waits that long.
TRIES, PAUSE = 15, 1.0
DASH_IS_TEXT = {"ignore_unknown_options": True}

bundle = typer.Typer(no_args_is_help=True, help="Case files: everything about one decision, to be checked offline.")

CaseFile = Annotated[Path, typer.Argument(metavar="FILE", help="A case file, as `duecare bundle get` wrote it.")]
DecisionId = Annotated[str, typer.Argument(metavar="DECISION_ID", help="`decision_id`, as verify answered it.")]
LogKey = Annotated[
    str | None,
    typer.Option(
        "--log-key",
        metavar="KEY",
        help="The log's verifier key (NAME+HASH+KEY), from a source that you trust; else DUECARE_LOG_KEY, or the "
        "profile's.",
    ),
]
Portfolios = Annotated[
    list[Path] | None,
    typer.Option(
        "--portfolio",
        metavar="FILE",
        help="The creditor's file that facts came with: the rows are cli against it. Repeat for several.",
    ),
]
Party = Annotated[str | None, typer.Option(metavar="ID", help="Who speaks, where the profile holds several that may.")]


@bundle.command("get", context_settings=DASH_IS_TEXT)
def get(
    context: typer.Context,
    decision_id: DecisionId,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where it goes; else DECISION_ID.duecare.json.")
    ] = None,
    attempt: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="An earlier attempt; else the newest.")
    ] = None,
    party: Party = None,
) -> None:
    """Fetch the case file of a decision: for its gateway, its creditor, or an auditor.

    Exit 1 where the service has no such decision of yours, 3 where there is no answer, or the decision is not in the
    log yet: ask again.
    """
    cli, file = cli_context(context), out or Path(f"{decision_id}.duecare.json")
    with cli.client(party, ["gateway", "creditor", "auditor"]) as client:
        for left in reversed(range(TRIES)):
            try:
                data = client.bundle(decision_id, attempt)
                break
            except Conflict as early:
                if early.name != NOT_LOGGED_YET:
                    raise
                if not left:
                    _say_not_yet(cli, early)
                    raise typer.Exit(UNDECIDED) from None
                cli.sleep(PAUSE)
    _write(file, data)
    if cli.json:
        output.as_json({"file": str(file), "bytes": len(data)})
    else:
        output.line(f"{file}: {len(data):,} bytes. Check it with: duecare bundle verify {file}")


@bundle.command()
def verify(
    context: typer.Context,
    file: CaseFile,
    log_key: LogKey = None,
    witness: Named = None,
    portfolio: Portfolios = None,
) -> None:
    """Check a case file with no network: signatures, digests, proofs, and the decision made again.

    Exit 0 where every check is good, 1 where one is not, 2 where there is no such file.
    """
    cli, witnesses = cli_context(context), named_witnesses(witness)
    key, source = trusted_key(cli, log_key)
    verdict = bundles.check(_read(file), key)
    seen: tuple[Cosignature, ...] = ()
    if verdict.case and witnesses:
        verdict, seen = _witnessed(verdict, verdict.case, witnesses, cli.now())
    if verdict.case and portfolio:
        verdict = _with(verdict, _held_against(verdict, verdict.case, portfolio))
    if cli.json:
        output.as_json({**_told(verdict, source), "witnesses": as_told(seen, cli.now())})
    else:
        output.checks(verdict.ok, [one._asdict() for one in verdict.checks])
        _answer(verdict)
        _where_trust_comes_from(source, verdict)
        _where_rows_come_from(verdict, given=bool(portfolio))
    raise typer.Exit(0 if verdict.ok else DENIED)


@bundle.command()
def report(
    context: typer.Context,
    file: CaseFile,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where it goes; else FILE.html.")] = None,
    language: Annotated[Literal["zh-CN", "en", "both"], typer.Option(help="The page's language.")] = "both",
    show_number: Annotated[bool, typer.Option("--show-number", help="Show the whole telephone number.")] = False,
    log_key: LogKey = None,
) -> None:
    """Check a case file and write a page about it that a judge can read and print.

    Where a check failed the page says so before all else, and the exit code is 1.
    """
    from duecare_client.report.page import About, render  # noqa: PLC0415  its templates' engine is loaded for nothing else

    cli = cli_context(context)
    key, source = trusted_key(cli, log_key)
    data = _read(file)
    verdict = bundles.check(data, key)
    about = About(file.name, hashlib.sha256(data).hexdigest(), key_was_given=key is not None, made_at=cli.now())
    page = out or file.with_suffix(".html")
    _write_page(page, render(verdict, language=language, show_number=show_number, about=about))
    if cli.json:
        output.as_json({**_told(verdict, source), "report": str(page)})
    else:
        output.line(
            f"{page}", ": every check is good" if verdict.ok else (": SOMETHING IS WRONG, see there", "bold red")
        )
        if source == ITSELF:
            _where_trust_comes_from(source, verdict)
    raise typer.Exit(0 if verdict.ok else DENIED)


def trusted_key(cli: CliContext, given: str | None) -> tuple[str | None, str]:
    """The log's verifier key, and where it comes from. Raises BadSettings for what is no such key."""
    for key, source in (
        (given, "the command line"),
        (cli.environment.get("DUECARE_LOG_KEY"), "DUECARE_LOG_KEY"),
        (cli.log_key(), "the profile"),
    ):
        if key and key.strip():
            try:
                parse_verifier(key.strip())
            except BadEvidence as error:
                raise BadSettings(f"what {source} names is no log's verifier key (NAME+HASH+KEY): {error}") from None
            return key.strip(), source
    return None, ITSELF


def _witnessed(
    verdict: bundles.Verdict, case: bundles.CaseFile, witnesses: Sequence[Verifier], now: datetime
) -> tuple[bundles.Verdict, tuple[Cosignature, ...]]:
    """With a check for each witness that was named: the file itself may name others, or none."""
    try:
        seen = cosigned(case.checkpoint, witnesses)
    except BadEvidence:  # of which the check of the log has told
        return verdict, ()
    made = tuple(bundles.Check("witness", one.at is not None, f"{one.name}: {in_words(one, now)}") for one in seen)
    return _with(verdict, made), seen


def _held_against(
    verdict: bundles.Verdict, case: bundles.CaseFile, portfolios: Sequence[Path]
) -> tuple[bundles.Check, ...]:
    """A check for each file that was given. A case file that is not good says nothing that could be cli against it."""
    if verdict.ok:
        return check_portfolios(case, portfolios, ProgressMeter())
    return (bundles.Check(PORTFOLIO, False, "not looked at, because of what is wrong above"),)


def _with(verdict: bundles.Verdict, made: Sequence[bundles.Check]) -> bundles.Verdict:
    checks = (*verdict.checks, *made)
    return verdict._replace(ok=all(one.ok for one in checks), checks=checks)


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


def _answer(verdict: bundles.Verdict) -> None:
    if verdict.case is None:
        return
    record = verdict.case.decision.record
    because = f" ({', '.join(record.reasons)})" if record.reasons else ""
    said = "it shows" if verdict.ok else "it claims, and does not show,"
    output.line(f"  {said} that {record.gateway} asked about its message {record.message_id}, and the answer was")
    output.line("  ", (record.decision.upper(), "bold"), f"{because} at {record.at:%Y-%m-%d %H:%M:%S} UTC,")
    output.line(f"  decision {record.decision_id}, attempt {record.attempt}")


def _say_not_yet(cli: CliContext, early: Conflict) -> None:
    """Nobody has refused anything: not the 1 that other conflicts have."""
    if cli.json:
        output.as_json({"problem": as_problem(early)})
    output.error(early)


def _where_trust_comes_from(source: str, verdict: bundles.Verdict) -> None:
    if verdict.case is None:
        output.note("This is no case file, or not as it was fetched. Fetch it anew: duecare bundle get DECISION_ID")
    elif source == ITSELF:
        whole = "so the file is whole, but " if verdict.ok else ""
        output.note(f"The log's key is the file's own word: {whole}nothing shows whose log it is.")
        output.note("Get the key from the service's discovery, or from somebody you trust, and give it with --log-key.")
    else:
        output.line(f"  the log's key is from {source}")


def _where_rows_come_from(verdict: bundles.Verdict, *, given: bool) -> None:
    if given or verdict.case is None:
        return
    rows = sum(map(is_row, verdict.case.decision.record.relied_on))
    if rows:
        output.note(f"{rows} of the facts are rows of a file, of which the creditor signed the digest alone. Ask the")
        output.note("creditor for the file, and hold these rows against it with --portfolio.")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadSettings(f"{file} cannot be read: {error.strerror}") from None


def _write(file: Path, data: bytes) -> None:
    """Never over anything else."""
    try:
        with file.open("xb") as written:
            written.write(data)
    except FileExistsError:
        if not file.is_file() or _read(file) != data:
            raise BadSettings(f"{file} is there already, and is something else; name another with --out") from None
    except OSError as error:
        raise BadSettings(f"{file} cannot be written: {error.strerror}") from None


def _write_page(file: Path, page: str) -> None:
    """Over an earlier page, and nothing else: a slip must not cost the case file."""
    try:
        if file.exists() and not file.read_bytes()[:100].lstrip().startswith(b"<!DOCTYPE html>"):
            raise BadSettings(f"{file} is there already, and is no page; name another with --out")
        file.write_text(page, encoding="utf-8")
    except OSError as error:
        raise BadSettings(f"{file} cannot be written: {error.strerror}") from None
