"""`duecare reconcile`: was the gate always used? What the service says of a period, for a person or a script."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from duecare_client.cli import output
from duecare_client.cli.context import cli_context
from duecare_client.errors import BadSettings, RequestError, Unacceptable, as_problem
from duecare_core.domain.reconciliation import FINDINGS

IN_ORDER, MISSING, BAD_USAGE, COULD_NOT = 0, 1, 2, 3
_LISTED = 5
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z")
# RFC 3339, section 5.6, with or without the offset; Python reads much more as a time (weeks, no hyphens).
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.]\d+)?)?(Z|[+-]\d\d:\d\d)?\Z", re.IGNORECASE | re.ASCII)
_WORDS = {
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
_COUNTED = {
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
    start: Annotated[str, typer.Option("--from", metavar="TIME", help="RFC 3339; a date is its start in UTC.")],
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="The same; the period ends just before it.")],
    gateway: Annotated[str | None, typer.Option(metavar="ID", help="Whose deliveries; for an auditor.")] = None,
    party: Annotated[str | None, typer.Option(metavar="ID", help="Who asks, where the profile holds several.")] = None,
) -> None:
    """Hold a gateway's deliveries against the decisions about its messages; at most 31 days.

    Exit 0 where every delivery has its allow and every allow its delivery, 1 where something is missing, 2 for a
    period that cannot be asked for, 3 where it could not be said, or not yet.
    """
    between = _instant("--from", start), _instant("--to", end)
    roles = ["auditor", "gateway"] if gateway else ["gateway", "auditor"]
    with cli_context(context).client(party, roles) as client:
        try:
            answer = client.reconciliation(*between, gateway)
        except RequestError as refusal:
            # Not the 1 that other commands have for it: here that says that something is missing.
            if cli_context(context).json:
                output.as_json({"problem": as_problem(refusal)})
            output.error(refusal)
            raise typer.Exit(BAD_USAGE if isinstance(refusal, Unacceptable) else COULD_NOT) from None
    missing = any(answer["counts"][name] for name in FINDINGS)
    if cli_context(context).json:
        output.as_json(answer)
    else:
        _show(answer, missing)
    if not answer["final"]:
        until = answer.get("complete_until", "nothing at all")
        output.note(f"This is not final: the log holds every decision until {until}. Ask again later.")
    raise typer.Exit(MISSING if missing else IN_ORDER if answer["ok"] else COULD_NOT)


def _instant(option: str, text: str) -> datetime:
    """Raises BadSettings."""
    try:
        if not (_DATE.match(text) or _TIME.match(text)):
            raise ValueError
        at = datetime.fromisoformat(text)
    except ValueError:
        like = "a date like 2026-11-01, or a time like 2026-11-01T00:00:00+08:00"
        raise BadSettings(f"{option} cannot be read: give {like}") from None
    if _DATE.match(text):
        return at.replace(tzinfo=UTC)
    if at.tzinfo is None:
        raise BadSettings(f"{option} needs its offset from UTC: {text}+08:00, or {text}Z")
    return at


def _show(answer: dict[str, Any], missing: bool) -> None:
    """The counts, then the first of what is missing."""
    title = ("MISSING", "bold red") if missing else ("IN ORDER", "bold green") if answer["ok"] else ("NOT YET", "bold")
    output.line(title, f"  {answer['gateway']}, from {answer['from']} to {answer['to']}")
    counts = answer["counts"]
    rows = [(words, _number(counts.get(name)), "") for name, words in _COUNTED.items() if counts.get(name)]
    rows += [(_WORDS[name], _number(counts[name]), "bold red" if counts[name] else "") for name in FINDINGS]
    output.table(rows)
    for name in FINDINGS:
        for one in answer[name][:_LISTED]:
            output.line("  ", (_WORDS[name], "bold"), f": {_said(one)}")
        if counts[name] > _LISTED:
            output.line(f"  … and {_number(counts[name] - _LISTED)} more; --json lists the first {len(answer[name])}")
    output.line("  ", ("signature verified", "green"))


def _said(one: dict[str, Any]) -> str:
    """One thing that is missing, in a line."""
    said = [f"message {one.get('message_id')}"]
    if one.get("delivered_at"):
        said.append(f"delivered {one['delivered_at']}")
    if one.get("decision_id"):
        said.append(f"{one.get('decision')} at {one.get('decided_at')} until {one.get('valid_until')}")
        said.append(f"decision {one['decision_id']}")
    return ", ".join(said)


def _number(count: Any) -> str:
    return f"{count:,}" if isinstance(count, int) else str(count)
