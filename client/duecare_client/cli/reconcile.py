"""`duecare reconcile`: compares the deliveries of a period with the decisions about them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from duecare_client.cli import output
from duecare_client.cli.context import cli_context
from duecare_client.errors import BadSettings, RequestError, Unacceptable, as_problem
from duecare_core.domain.reconciliation import FINDINGS

COMPLETE, FINDINGS_EXIST, BAD_USAGE, UNDECIDED = 0, 1, 2, 3
_MAX_LISTED = 5
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z")
# RFC 3339, section 5.6, with or without the offset. Python accepts more (weeks, no hyphens).
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.]\d+)?)?(Z|[+-]\d\d:\d\d)?\Z", re.IGNORECASE | re.ASCII)
_FINDING_WORDS = {
    "delivered_without_decision": "delivered, and never asked about",
    "delivered_before_decision": "delivered, and asked about afterwards",
    "delivered_on_rehearsal": "delivered on a rehearsal",
    "delivered_though_denied": "delivered, though denied",
    "delivered_unenforced": "delivered on a decision in shadow",
    "delivered_other_text": "delivered with another text than allowed",
    "delivered_after_expiry": "delivered after the allow had expired",
    "delivered_twice": "delivered once more",
    "allowed_without_delivery": "allowed, and nothing stated of its delivery",
}
_COUNT_WORDS = {
    "deliveries": "delivered",
    "matched": "  on an allow of its own",
    "failed": "failed",
    "blocked": "cli back",
    "decisions": "decisions",
    "allowed": "  allowed",
    "denied": "  denied",
    "unenforced": "  in shadow",
    "rehearsals": "  rehearsed",
    "pending": "too early to say",
}


def reconcile(
    context: typer.Context,
    start: Annotated[
        str, typer.Option("--from", metavar="TIME", help="RFC 3339, or a date, which means its start in UTC.")
    ],
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="The same; the period ends just before it.")],
    gateway: Annotated[str | None, typer.Option(metavar="ID", help="The gateway, if an auditor asks.")] = None,
    party: Annotated[
        str | None, typer.Option(metavar="ID", help="The party that calls, if the profile has several that may.")
    ] = None,
) -> None:
    """Compare a gateway's deliveries with the decisions about its messages, for at most 31 days.

    Exit code 0 if every delivery has its allow and every allow its delivery, 1 if one is missing, 2 for an invalid
    period, 3 if the result is not final or could not be had.
    """
    period = _instant("--from", start), _instant("--to", end)
    roles = ["auditor", "gateway"] if gateway else ["gateway", "auditor"]
    with cli_context(context).client(party, roles) as client:
        try:
            answer = client.reconciliation(*period, gateway)
        except RequestError as refusal:
            # Not exit code 1, as in other commands: here that means that something is missing.
            if cli_context(context).json:
                output.as_json({"problem": as_problem(refusal)})
            output.error(refusal)
            raise typer.Exit(BAD_USAGE if isinstance(refusal, Unacceptable) else UNDECIDED) from None
    has_findings = any(answer["counts"][name] for name in FINDINGS)
    if cli_context(context).json:
        output.as_json(answer)
    else:
        _print(answer, has_findings)
    if not answer["final"]:
        until = answer.get("complete_until", "no time at all")
        output.note(f"This is not final: the log is complete only until {until}. Ask again later.")
    raise typer.Exit(FINDINGS_EXIST if has_findings else COMPLETE if answer["ok"] else UNDECIDED)


def _instant(option: str, text: str) -> datetime:
    """Raises BadSettings."""
    try:
        if not (_DATE.match(text) or _TIME.match(text)):
            raise ValueError
        at = datetime.fromisoformat(text)
    except ValueError:
        example = "a date like 2026-11-01, or a time like 2026-11-01T00:00:00+08:00"
        raise BadSettings(f"{option} cannot be read: give {example}") from None
    if _DATE.match(text):
        return at.replace(tzinfo=UTC)
    if at.tzinfo is None:
        raise BadSettings(f"{option} needs its offset from UTC: {text}+08:00, or {text}Z")
    return at


def _print(answer: dict[str, Any], has_findings: bool) -> None:
    """The counts, then the first findings."""
    title = (
        ("MISSING", "bold red") if has_findings else ("IN ORDER", "bold green") if answer["ok"] else ("NOT YET", "bold")
    )
    output.line(title, f"  {answer['gateway']}, from {answer['from']} to {answer['to']}")
    counts = answer["counts"]
    rows = [(words, _number(counts.get(name)), "") for name, words in _COUNT_WORDS.items() if counts.get(name)]
    rows += [(_FINDING_WORDS[name], _number(counts[name]), "bold red" if counts[name] else "") for name in FINDINGS]
    output.table(rows)
    for name in FINDINGS:
        for one in answer[name][:_MAX_LISTED]:
            output.line("  ", (_FINDING_WORDS[name], "bold"), f": {_described(one)}")
        if counts[name] > _MAX_LISTED:
            output.line(
                f"  … and {_number(counts[name] - _MAX_LISTED)} more; --json lists the first {len(answer[name])}"
            )
    output.line("  ", ("signature verified", "green"))


def _described(one: dict[str, Any]) -> str:
    """One finding, in a line."""
    parts = [f"message {one.get('message_id')}"]
    if one.get("delivered_at"):
        parts.append(f"delivered {one['delivered_at']}")
    if one.get("decision_id"):
        parts.append(f"{one.get('decision')} at {one.get('decided_at')} until {one.get('valid_until')}")
        parts.append(f"decision {one['decision_id']}")
    return ", ".join(parts)


def _number(count: Any) -> str:
    return f"{count:,}" if isinstance(count, int) else str(count)
