"""`duecare bundle`: fetches a case file, checks it offline, and writes a page about it that a judge can read."""

from __future__ import annotations

import hashlib
import sys
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
from duecare_client.client import Client
from duecare_client.errors import (
    BadEvidence,
    BadSettings,
    CannotDecide,
    Conflict,
    RequestError,
    as_problem,
)
from duecare_client.progress import ProgressMeter
from duecare_core.evidence.casefile import bundle as bundles
from duecare_core.evidence.casefile.acknowledged import AcknowledgedStatements, AcknowledgementResult
from duecare_core.evidence.casefile.acknowledged import compare as compare_acknowledgement
from duecare_core.evidence.casefile.acknowledged import read as read_acknowledgement
from duecare_core.evidence.casefile.bounds import MAX_BYTES
from duecare_core.evidence.casefile.bundle import Check
from duecare_core.evidence.casefile.comparison import compare as compare_case_files
from duecare_core.evidence.casefile.outcome import CaseFileOutcome
from duecare_core.evidence.casefile.replay import is_row
from duecare_core.evidence.log.note import Verifier, parse_verifier

UNDECIDED = 3
STATEMENT = "statement"
NOT_LOGGED_YET = "not-logged-yet"
THE_FILE_ITSELF = "the file itself"
OUTCOMES = {
    CaseFileOutcome.GOOD: ("GOOD", "bold green"),
    CaseFileOutcome.FAILED: ("NOT GOOD: the checks marked ✗ failed", "bold red"),
    CaseFileOutcome.UNNAMED_LOG: ("WHOLE, BUT WHOSE? Every check passed, but nobody named the log's key", "bold"),
    CaseFileOutcome.OTHER_ENGINE: (
        "WHOLE, BUT OF ANOTHER ENGINE: that release must make the checks marked ?",
        "bold yellow",
    ),
}
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
StatementFile = Annotated[
    str | None,
    typer.Option(
        "--statement",
        metavar="ACK",
        help="A file with the acknowledgement of a statement (a compact JWS), or `-`: says whether the decision knew "
        "the statement. With the JWS of the statement on a second line, also whether it would have changed the answer.",
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
    newest = None
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
        if attempt is not None:
            newest = _newest_attempt(client, decision_id)
    _write(file, data)
    if cli.json:
        later = {} if attempt is None else {"newest_attempt": newest}
        output.as_json({"file": str(file), "bytes": len(data), "party": client.party, **later})
    else:
        output.line(f"{file}: {len(data):,} bytes. Check it with: duecare bundle verify {file}")
        if attempt is not None:
            _print_newest_attempt(attempt, newest)


@bundle.command()
def verify(
    context: typer.Context,
    file: CaseFile,
    log_key: LogKey = None,
    witness: WitnessKeys = None,
    portfolio: Portfolios = None,
    statement: StatementFile = None,
) -> None:
    """Check a case file offline: signatures, digests and proofs, that every statement is about this message, and
    recompute the decision.

    With --statement also: whether the decision knew an acknowledged statement, and whether that would have changed the
    answer.

    Exit code 0 if every check passes, 1 if one fails, 2 if there is no such file; 3 if every check passes but nobody
    named the log's key, so that it is not known whose file it is; 4 if another engine made the decision and this one
    comes to another answer.
    """
    cli, witnesses = cli_context(context), parse_witnesses(witness)
    key, source = trusted_key(cli, log_key)
    verdict = bundles.check(_read(file), key)
    cosignatures: tuple[Cosignature, ...] = ()
    if verdict.case and witnesses:
        verdict, cosignatures = _with_witnesses(verdict, verdict.case, witnesses, cli.now())
    if verdict.case and portfolio:
        verdict = verdict.with_checks(_portfolio_checks(verdict, verdict.case, portfolio))
    acknowledged: dict[str, Any] = {}
    if statement is not None:
        found = compare_acknowledgement(verdict, _acknowledgement(statement))
        verdict = verdict.with_checks([Check(STATEMENT, found.presence.ok, in_words(found))])
        acknowledged = {"statement": _as_json(found)}
    if cli.json:
        output.as_json({**_summary(verdict, source), **acknowledged, "witnesses": as_json(cosignatures, cli.now())})
    else:
        _print_nature(verdict)
        output.checks([one._asdict() for one in verdict.checks])
        output.line(OUTCOMES[verdict.outcome])
        _print_decision(verdict)
        _print_log_key_source(source, verdict)
        _print_row_advice(verdict, given=bool(portfolio))
        _print_limits(verdict)
    raise typer.Exit(int(verdict.outcome))


@bundle.command()
def compare(
    context: typer.Context,
    file: CaseFile,
    other: Annotated[Path, typer.Argument(metavar="OTHER", help="A case file about the same recipient.")],
    log_key: LogKey = None,
) -> None:
    """Compare two case files about one recipient: do the recipient's chains in them, and the log, contradict?

    Exit code 0 if they do not; 1 if they do, or if a check of either file fails; 2 if they are about different
    recipients; 3 if they do not contradict but nobody named the log's key.
    """
    cli = cli_context(context)
    key, source = trusted_key(cli, log_key)
    verdicts = [bundles.check(_read(one), key) for one in (file, other)]
    cases = [one.case for one in verdicts if one.case and one.outcome is not CaseFileOutcome.FAILED]
    wrong = [
        Check(str(path), False, f"{check.name}: {check.detail}")
        for path, verdict in zip((file, other), verdicts, strict=True)
        for check in verdict.checks
        if not check.ok and verdict.outcome is CaseFileOutcome.FAILED
    ]
    try:
        checks = wrong or list(compare_case_files(*cases))
    except BadEvidence as error:
        raise BadSettings(f"{error}") from None
    good = all(one.ok for one in checks)
    outcome = max(one.outcome for one in verdicts) if good else CaseFileOutcome.FAILED
    if cli.json:
        compared = [one._asdict() for one in checks]
        output.as_json({"ok": good, "outcome": outcome.name.lower(), "checks": compared, "log_key_from": source})
    else:
        output.checks([one._asdict() for one in checks])
        output.line(OUTCOMES[outcome] if not good or outcome else ("NO CONTRADICTION", "bold green"))
    raise typer.Exit(int(outcome))


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

    If a check fails, the page says so first. The exit codes are those of `bundle verify`.
    """
    from duecare_client.report.page import About, render  # noqa: PLC0415  only this needs the template engine

    cli = cli_context(context)
    key, source = trusted_key(cli, log_key)
    data = _read(file)
    verdict = bundles.check(data, key)
    about = About(file.name, hashlib.sha256(data).hexdigest(), made_at=cli.now())
    page = out or file.with_suffix(".html")
    _write_page(page, render(verdict, language=language, show_number=show_number, about=about))
    if cli.json:
        output.as_json({**_summary(verdict, source), "report": str(page)})
    else:
        failed = verdict.outcome is CaseFileOutcome.FAILED
        output.line(f"{page}", (": A CHECK FAILED, see the page", "bold red") if failed else ": every check passed")
        if source == THE_FILE_ITSELF:
            _print_log_key_source(source, verdict)
    raise typer.Exit(int(verdict.outcome))


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


def _acknowledgement(source: str) -> AcknowledgedStatements:
    try:
        text = sys.stdin.read(MAX_BYTES) if source == "-" else _read(Path(source)).decode("ascii")
        return read_acknowledgement(text)
    except (BadEvidence, UnicodeDecodeError) as error:
        raise BadSettings(f"{source} is no acknowledgement of a statement: {error}") from None


def _as_json(found: AcknowledgementResult) -> dict[str, Any]:
    answer = found.answer._asdict() if found.answer else None
    return {"presence": found.presence.value, "detail": found.detail, "answer_with_it": answer}


def in_words(found: AcknowledgementResult) -> str:
    """The result with what it means for the answer."""
    return f"{found.detail}; {found.answer.detail}" if found.answer else found.detail


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
    return verdict.with_checks(checks), cosignatures


def _portfolio_checks(
    verdict: bundles.Verdict, case: bundles.CaseFile, portfolios: Sequence[Path]
) -> tuple[bundles.Check, ...]:
    """A check for each portfolio file. A case file with a failed check is not compared: nothing in it is proven."""
    if verdict.outcome is not CaseFileOutcome.FAILED:
        return check_portfolios(case, portfolios, ProgressMeter())
    return (bundles.Check(PORTFOLIO, False, "not compared, because a check above failed"),)


def _summary(verdict: bundles.Verdict, source: str) -> dict[str, Any]:
    case = verdict.case
    summary: dict[str, Any] = {
        "ok": verdict.ok,
        "outcome": verdict.outcome.name.lower(),
        "checks": [one._asdict() for one in verdict.checks],
        "log_key_from": source,
    }
    if case:
        record = case.decision.record
        summary |= {"decision_id": record.decision_id, "decision": record.decision, "reasons": list(record.reasons)}
        summary |= {
            "engine": record.engine,
            "attempt": record.attempt,
            "enforced": record.enforced,
            "provisional": record.provisional,
        }
        summary["cannot_show"] = list(case.cannot_show)
    return summary


def _newest_attempt(client: Client, decision_id: str) -> int | None:
    """The number of the newest attempt at this decision; None if the service does not say."""
    try:
        newest = client.decision(decision_id).get("attempt")
    except (RequestError, CannotDecide):
        return None
    return newest if isinstance(newest, int) else None


def _print_newest_attempt(attempt: int, newest: int | None) -> None:
    if newest is None:
        output.note("Whether there is a later attempt is not known: the service did not answer.")
    elif newest > attempt:
        output.note(f"This is attempt {attempt}, and there is a later one: attempt {newest} has replaced this answer.")


def _print_nature(verdict: bundles.Verdict) -> None:
    """The first line: whether the answer was ever a permission to send."""
    if verdict.case is None:
        return
    record, words = verdict.case.decision.record, []
    if not record.enforced:
        words.append("SHADOW MODE: this answer permits nothing and bound nobody")
    if record.provisional:
        words.append("REHEARSAL of a later time: this answer never permits sending")
    claimed = "It claims to be: " if verdict.outcome is CaseFileOutcome.FAILED else ""
    output.line(claimed, ("; ".join(words) or "An enforced answer, no rehearsal", "bold"))


def _print_limits(verdict: bundles.Verdict) -> None:
    if verdict.case is None or verdict.outcome is CaseFileOutcome.FAILED:
        return
    output.line("  no check of one file shows:")
    for limit in verdict.case.cannot_show:
        output.line(f"  - {limit}")


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
        whole = "the file is whole, but " if verdict.outcome is not CaseFileOutcome.FAILED else ""
        output.note(f"The log's key was taken from the file itself: {whole}nothing shows whose log it is.")
        output.note("Get the key from the service's discovery or another source you trust, and give it with --log-key.")
    else:
        output.line(f"  the log's key is from {source}")


def _print_row_advice(verdict: bundles.Verdict, *, given: bool) -> None:
    if given or verdict.case is None:
        return
    case = verdict.case
    rows = sum(map(is_row, case.decision.record.relied_on)) - len(case.rows)
    if rows > 0:
        output.note(
            f"{rows} of the facts are rows of a file whose manifest has no rows_root, or were left out of a file. The "
            "creditor signed only the digest of the file. Ask it for"
        )
        output.note("the file, and compare these rows with it: --portfolio FILE.")


def _read(file: Path) -> bytes:
    """At most one byte more than a case file may have: the check rejects it then."""
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_BYTES + 1)
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
