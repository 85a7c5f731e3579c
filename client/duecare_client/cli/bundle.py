"""`duecare bundle`: fetches a case file, checks it offline, and writes a page about it that a judge can read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from duecare_client.checks.portfolio import NAME as PORTFOLIO
from duecare_client.checks.portfolio import check_portfolios
from duecare_client.checks.witnesses import Cosignature, WitnessKeys, as_json, cosigned, describe, parse_witnesses
from duecare_client.cli import output
from duecare_client.cli.context import CliContext, cli_context
from duecare_client.errors import BadEvidence, BadSettings, Conflict, as_problem
from duecare_client.progress import ProgressMeter
from duecare_core.evidence.casefile import bundle as bundles
from duecare_core.evidence.casefile.replay import is_row
from duecare_core.evidence.log.note import Verifier, parse_verifier

DENIED, UNDECIDED, OTHER_ENGINE = 1, 3, 4
NOT_LOGGED_YET = "not-logged-yet"
THE_FILE_ITSELF = "the file itself"
# A decision is in the log within seconds, so a case file is asked for again for that long.
MAX_ATTEMPTS, RETRY_PAUSE = 15, 1.0
DASH_IS_TEXT = {"ignore_unknown_options": True}

bundle = typer.Typer(no_args_is_help=True, help="Case files: everything about one decision, checkable offline.")

CaseFile = Annotated[Path, typer.Argument(metavar="FILE", help="A case file, as `duecare bundle get` wrote it.")]
DecisionId = Annotated[str, typer.Argument(metavar="DECISION_ID", help="The `decision_id` of an answer of verify.")]
LogKey = Annotated[
    str | None,
    typer.Option(
        "--log-key",
        metavar="KEY",
        help="The log's verifier key (NAME+HASH+KEY), from a source that you trust. Default: DUECARE_LOG_KEY, or "
        "the profile's.",
    ),
]
Portfolios = Annotated[
    list[Path] | None,
    typer.Option(
        "--portfolio",
        metavar="FILE",
        help="The creditor's file: compares with it the rows that the decision rests on. Repeat for several.",
    ),
]
Party = Annotated[
    str | None, typer.Option(metavar="ID", help="The party that calls, if the profile has several that may.")
]


@bundle.command("get", context_settings=DASH_IS_TEXT)
def get(
    context: typer.Context,
    decision_id: DecisionId,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file to write. Default: DECISION_ID.duecare.json.")
    ] = None,
    attempt: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="An earlier attempt. Default: the newest.")
    ] = None,
    party: Party = None,
) -> None:
    """Fetch the case file of a decision: for its gateway, its creditor, or an auditor.

    Exit code 1 if the service has no such decision of yours; 3 if there is no answer, or the decision is not in the log
    yet: ask again.
    """
    cli, file = cli_context(context), out or Path(f"{decision_id}.duecare.json")
    with cli.client(party, ["gateway", "creditor", "auditor"]) as client:
        for remaining in reversed(range(MAX_ATTEMPTS)):
            try:
                data = client.bundle(decision_id, attempt)
                break
            except Conflict as early:
                if early.name != NOT_LOGGED_YET:
                    raise
                if not remaining:
                    _report_not_logged_yet(cli, early)
                    raise typer.Exit(UNDECIDED) from None
                cli.sleep(RETRY_PAUSE)
    _write(file, data)
    if cli.json:
        output.as_json({"file": str(file), "bytes": len(data), "party": client.party})
    else:
        output.line(f"{file}: {len(data):,} bytes. Check it with: duecare bundle verify {file}")


@bundle.command()
def verify(
    context: typer.Context,
    file: CaseFile,
    log_key: LogKey = None,
    witness: WitnessKeys = None,
    portfolio: Portfolios = None,
) -> None:
    """Check a case file offline: signatures, digests and proofs, and recompute the decision.

    Exit code 0 if every check passes, 1 if one fails, 2 if there is no such file, 4 if another engine made the decision
    and this one comes to another answer: the output names the release that recomputes it.
    """
    cli, witnesses = cli_context(context), parse_witnesses(witness)
    key, source = trusted_key(cli, log_key)
    verdict = bundles.check(_read(file), key)
    cosignatures: tuple[Cosignature, ...] = ()
    if verdict.case and witnesses:
        verdict, cosignatures = _with_witnesses(verdict, verdict.case, witnesses, cli.now())
    if verdict.case and portfolio:
        verdict = _with_checks(verdict, _portfolio_checks(verdict, verdict.case, portfolio))
    if cli.json:
        output.as_json({**_summary(verdict, source), "witnesses": as_json(cosignatures, cli.now())})
    else:
        output.checks(verdict.ok, [one._asdict() for one in verdict.checks], other_engine=verdict.is_of_other_engine)
        _print_decision(verdict)
        _print_log_key_source(source, verdict)
        _print_row_advice(verdict, given=bool(portfolio))
    raise typer.Exit(_exit_code(verdict))


@bundle.command()
def report(
    context: typer.Context,
    file: CaseFile,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="The file to write. Default: FILE.html.")] = None,
    language: Annotated[Literal["zh-CN", "en", "both"], typer.Option(help="The page's language.")] = "both",
    show_number: Annotated[bool, typer.Option("--show-number", help="Show the whole telephone number.")] = False,
    log_key: LogKey = None,
) -> None:
    """Check a case file, and write a page about it that a judge can read and print.

    If a check fails, the page says so first, and the exit code is 1, or 4 as in `bundle verify`.
    """
    from duecare_client.report.page import About, render  # noqa: PLC0415  only this needs the template engine

    cli = cli_context(context)
    key, source = trusted_key(cli, log_key)
    data = _read(file)
    verdict = bundles.check(data, key)
    about = About(file.name, hashlib.sha256(data).hexdigest(), key_was_given=key is not None, made_at=cli.now())
    page = out or file.with_suffix(".html")
    _write_page(page, render(verdict, language=language, show_number=show_number, about=about))
    if cli.json:
        output.as_json({**_summary(verdict, source), "report": str(page)})
    else:
        output.line(f"{page}", ": every check passed" if verdict.ok else (": A CHECK FAILED, see the page", "bold red"))
        if source == THE_FILE_ITSELF:
            _print_log_key_source(source, verdict)
    raise typer.Exit(_exit_code(verdict))


def _exit_code(verdict: bundles.Verdict) -> int:
    if verdict.is_of_other_engine:
        return OTHER_ENGINE
    return 0 if verdict.ok else DENIED


def trusted_key(cli: CliContext, given: str | None) -> tuple[str | None, str]:
    """The log's verifier key, and its source. Raises BadSettings for a malformed key."""
    for key, source in (
        (given, "the command line"),
        (cli.environment.get("DUECARE_LOG_KEY"), "DUECARE_LOG_KEY"),
        (cli.log_key(), "the profile"),
    ):
        if key and key.strip():
            try:
                parse_verifier(key.strip())
            except BadEvidence as error:
                raise BadSettings(
                    f"the log key from {source} is not a verifier key, like NAME+HASH+KEY: {error}"
                ) from None
            return key.strip(), source
    return None, THE_FILE_ITSELF


def _with_witnesses(
    verdict: bundles.Verdict, case: bundles.CaseFile, witnesses: Sequence[Verifier], now: datetime
) -> tuple[bundles.Verdict, tuple[Cosignature, ...]]:
    """Adds a check for each witness of the command line. Witnesses that only the file names do not count."""
    try:
        cosignatures = cosigned(case.checkpoint, witnesses)
    except BadEvidence:  # the check of the log has reported it
        return verdict, ()
    checks = [
        bundles.Check("witness", one.seen_at is not None, f"{one.name}: {describe(one, now)}") for one in cosignatures
    ]
    return _with_checks(verdict, checks), cosignatures


def _portfolio_checks(
    verdict: bundles.Verdict, case: bundles.CaseFile, portfolios: Sequence[Path]
) -> tuple[bundles.Check, ...]:
    """A check for each portfolio file. A case file with a failed check is not compared: nothing in it is proven."""
    if verdict.ok:
        return check_portfolios(case, portfolios, ProgressMeter())
    return (bundles.Check(PORTFOLIO, False, "not compared, because a check above failed"),)


def _with_checks(verdict: bundles.Verdict, more: Sequence[bundles.Check]) -> bundles.Verdict:
    checks = (*verdict.checks, *more)
    return verdict._replace(ok=all(one.ok for one in checks), checks=checks)


def _summary(verdict: bundles.Verdict, source: str) -> dict[str, Any]:
    case = verdict.case
    summary: dict[str, Any] = {
        "ok": verdict.ok,
        "other_engine": verdict.is_of_other_engine,
        "checks": [one._asdict() for one in verdict.checks],
        "log_key_from": source,
    }
    if case:
        record = case.decision.record
        summary |= {"decision_id": record.decision_id, "decision": record.decision, "reasons": list(record.reasons)}
        summary["engine"] = record.engine
    return summary


def _print_decision(verdict: bundles.Verdict) -> None:
    if verdict.case is None:
        return
    record = verdict.case.decision.record
    because = f" ({', '.join(record.reasons)})" if record.reasons else ""
    verb = "it proves" if verdict.ok else "it claims, without proof,"
    output.line(f"  {verb} that {record.gateway} asked about its message {record.message_id}, and the answer was")
    output.line("  ", (record.decision.upper(), "bold"), f"{because} at {record.at:%Y-%m-%d %H:%M:%S} UTC,")
    output.line(f"  decision {record.decision_id}, attempt {record.attempt}")


def _report_not_logged_yet(cli: CliContext, early: Conflict) -> None:
    """Reported here, because the exit code is not that of other conflicts: nothing was refused."""
    if cli.json:
        output.as_json({"problem": as_problem(early)})
    output.error(early)


def _print_log_key_source(source: str, verdict: bundles.Verdict) -> None:
    if verdict.case is None:
        output.note("This is not a case file, or it was changed. Fetch it again: duecare bundle get DECISION_ID")
    elif source == THE_FILE_ITSELF:
        whole = "the file is whole, but " if verdict.ok else ""
        output.note(f"The log's key was taken from the file itself: {whole}nothing shows whose log it is.")
        output.note("Get the key from the service's discovery or another source you trust, and give it with --log-key.")
    else:
        output.line(f"  the log's key is from {source}")


def _print_row_advice(verdict: bundles.Verdict, *, given: bool) -> None:
    if given or verdict.case is None:
        return
    rows = sum(map(is_row, verdict.case.decision.record.relied_on))
    if rows:
        output.note(
            f"{rows} of the facts are rows of a file. The creditor signed only the digest of the file. Ask it for"
        )
        output.note("the file, and compare these rows with it: --portfolio FILE.")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadSettings(f"{file} cannot be read: {error.strerror}") from None


def _write(file: Path, data: bytes) -> None:
    """Writes a new file; never replaces one with other content."""
    try:
        with file.open("xb") as written:
            written.write(data)
    except FileExistsError:
        if not file.is_file() or _read(file) != data:
            raise BadSettings(f"{file} exists already and has other content; name another file with --out") from None
    except OSError as error:
        raise BadSettings(f"{file} cannot be written: {error.strerror}") from None


def _write_page(file: Path, page: str) -> None:
    """Writes the page; replaces only an earlier page, so that a slip cannot destroy the case file."""
    try:
        if file.exists() and not file.read_bytes()[:100].lstrip().startswith(b"<!DOCTYPE html>"):
            raise BadSettings(f"{file} exists already and is not such a page; name another file with --out")
        file.write_text(page, encoding="utf-8")
    except OSError as error:
        raise BadSettings(f"{file} cannot be written: {error.strerror}") from None
