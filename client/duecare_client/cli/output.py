"""Prints: one JSON value on stdout with `--json`, otherwise lines for a person; errors on stderr.

Colours appear only on a terminal (rich checks, and honours NO_COLOR). Text from others is printed as plain text,
without rich markup and without control characters.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from duecare_client.checks.acknowledgements import EFFECTS
from duecare_client.errors import DuecareError, RequestError
from duecare_client.messages import Messages

Json = dict[str, Any]
_MAX_LISTED = 5
MAX_CLOCK_DIFFERENCE = 5  # seconds


def as_json(value: Any) -> None:
    """One JSON value on stdout, as ASCII if the terminal's encoding is not UTF-8."""
    text = json.dumps(value, ensure_ascii=(sys.stdout.encoding or "").lower().replace("-", "") != "utf8", indent=2)
    sys.stdout.write(text + "\n")


def line(*parts: str | tuple[str, str]) -> None:
    """A line on stdout; a part is text, or (text, style)."""
    _print(Console(soft_wrap=True), *parts)


def note(*parts: str | tuple[str, str]) -> None:
    """A line on stderr, for anything but the answer."""
    _print(Console(stderr=True, soft_wrap=True), *parts)


def table(rows: Iterable[tuple[str, str, str]]) -> None:
    """Aligned lines on stdout: a label, a right-aligned number, and the style of both."""
    console = Console(soft_wrap=True)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, justify="right")
    for name, number, style in rows:
        grid.add_row(_text(console, f"  {name}", style), _text(console, number, style))
    console.print(grid, highlight=False)


def error(failure: DuecareError) -> None:
    """An error: what went wrong and what to do, in one line or a few."""
    note(("duecare: ", "bold red"), failure.detail if isinstance(failure, RequestError) else str(failure))
    if isinstance(failure, RequestError):
        for violation in failure.errors[:_MAX_LISTED]:
            note("  ", (violation.pointer or "/", "bold"), f": {violation.message}")


def decision(answer: Json, receipt: str | None, text: str = "") -> None:
    """An answer of verify. `receipt`: None if it verified, otherwise why not. `text`: the text of the message."""
    allowed = answer.get("decision") == "allow"
    line(("ALLOW" if allowed else "DENY", "bold green" if allowed else "bold red"), *_circumstances(answer))
    for reason in answer.get("reasons", []):
        line("  ", (_word(reason.get("code")), "bold"), f"  {_word(reason.get('message'))}")
        for finding in answer.get("findings", []):
            if finding.get("code") == reason.get("code"):
                line(f"    {found_in(text, finding)}")
    if allowed:
        line(f"  valid until {_word(answer.get('valid_until'))}")
    elif answer.get("retry_at"):
        line(f"  ask again at {_word(answer['retry_at'])}: time alone cures this")
    line("  receipt ", ("verified", "green") if receipt is None else (f"NOT verified: {receipt}", "bold red"))
    line(f"  decision {_word(answer.get('decision_id'))}, attempt {_word(answer.get('attempt'))}")


def found_in(text: str, finding: Json) -> str:
    """The rule of a finding, and the words of the text that it marks."""
    start, end = finding.get("start"), finding.get("end")
    inside = isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(text)
    return f"{_word(finding.get('rule'))}: “{text[start:end]}”" if inside else _word(finding.get("rule"))


def _circumstances(answer: Json) -> list[str]:
    words = []
    if answer.get("provisional"):
        words.append("rehearsal, never a permission to send")
    if answer.get("enforced") is False:
        words.append("shadow mode, permits nothing")
    if answer.get("replayed"):
        words.append("as answered before")
    return [f"  ({'; '.join(words)})"] if words else []


def statement(result: Json, messages: Messages) -> None:
    """The result of one statement."""
    styles = {"accepted": "green", "unchanged": "cyan", "rejected": "bold red"}
    status = _word(result.get("status"))
    read = f", read as {_word(result['read_as'])}" if "read_as" in result else ""
    effect = ", " + messages.text(f"effect.{result['effect']}") if result.get("effect") in EFFECTS else ""
    line((status, styles.get(status, "")), f"  {_word(result.get('statement_id'))}{effect}{read}")
    problem = result.get("problem")
    if isinstance(problem, dict):
        line(f"  {_word(problem.get('title'))}: {_word(problem.get('detail'))}")
        for one in problem.get("errors", [])[:_MAX_LISTED]:
            line("  ", (_word(one.get("pointer")) or "/", "bold"), f": {_word(one.get('message'))}")


def acknowledgement(result: Json, flaw: str | None, messages: Messages) -> None:
    """Whether the acknowledgement of a statement verified. `flaw`: why not, None if it did."""
    if "acknowledgement" in result:
        verified = (messages.text("cli.acknowledgement_good"), "green")
        line("  ", verified if flaw is None else (messages.text("cli.acknowledgement_bad", why=flaw), "bold red"))
    elif result.get("status") == "accepted":
        line("  ", (messages.text("cli.acknowledgement_missing"), "bold"))


def upload(result: Json, rejects: list[Json]) -> None:
    """The result of an upload. `rejects`: the first rejected rows."""
    refused = result.get("state") == "refused"
    line(("REFUSED" if refused else "IMPORTED", "bold red" if refused else "bold"), f"  {_count(result, 'rows')} rows")
    if refused:
        problem = result.get("problem")
        why = problem if isinstance(problem, dict) else {"detail": problem}
        line(f"  {_word(why.get('detail') or why.get('title') or why.get('name'))}")
        line(f"  None of its rows counts.  upload {_word(result.get('upload_id'))}")
        return
    styles = {"accepted": "green", "unchanged": "cyan", "rejected": "bold red", "withdrawn": "bold"}
    for name, style in styles.items():
        if name in result:
            line("  ", (f"{name:9}", style if result[name] else ""), f"  {_count(result, name)}")
    for one in rejects:
        column = f", {_word(one['column'])}" if one["column"] else ""
        line("  ", (f"row {_word(one['row'])}{column}", "bold"), f": {_word(one['message'])} ({_word(one['code'])})")
    if result.get("rejects_url"):
        line(f"  all rejects: {_word(result['rejects_url'])}")
    line(f"  upload {_word(result.get('upload_id'))}")


def _count(result: Json, name: str) -> str:
    value = result.get(name)
    return f"{value:,}" if isinstance(value, int) else _word(value)


def log_position(log: Json) -> None:
    """Whether the decision is in the log yet, and where."""
    position = f", entry {_word(log.get('index'))}" if "index" in log else ""
    line(f"  {'in the log' if log.get('logged') else 'not in the log yet'}{position}")


def checks(results: list[Json]) -> None:
    """The checks of a case file, one line each; `?` marks one that only another engine can make."""
    for one in results:
        failed = ("? ", "bold yellow") if one.get("other_engine") else ("✗ ", "bold red")
        line(("✓ ", "green") if one["ok"] else failed, (f"{one['name']:10} ", "bold"), _word(one["detail"]))


def erased(result: Json) -> None:
    """The result of an erasure."""
    records = result.get("records")
    logged = (
        f", recorded in the log as {', '.join(map(_word, records))}" if isinstance(records, list) and records else ""
    )
    line((f"{_count(result, 'erased')} erased", "bold"), logged)
    if result.get("rows"):
        line(f"  {_count(result, 'rows')} of them rows of uploaded files")
    if result.get("documents"):
        line((f"{_count(result, 'documents')} documents in the table erased", "bold"))
    if result.get("backups_until"):
        line(f"  a point-in-time restore of the table brings them back until {_word(result.get('backups_until'))}")
    if result.get("protections"):
        kept = f"{_count(result, 'protections')} documents in the table kept"
        line(f"{kept}, under keyed digests: they protect the recipient")
    if result.get("kept"):
        line(f"{_count(result, 'kept')} kept: under legal retention until {_word(result.get('kept_until'))}")
        line("  run the command again then")


def void(report: Json) -> None:
    """A void of a party's statements, and how far the states are in line with it."""
    one, progress = report.get("void") or {}, report.get("progress") or {}
    kind = f"{one['kind']} statements" if one.get("kind") else "statements"
    period = f"{_word(one.get('since'))} to {_word(one.get('until'))}"
    state = f"undone {_word(one.get('undone_at'))}" if one.get("state") == "undone" else "active"
    line((f"void {_word(report.get('id'))}: ", "bold"), f"{kind} accepted from {period}, {state}")
    done = "done" if progress.get("phase") == "done" else f"at work ({_word(progress.get('phase'))})"
    numbers = f"{_count(progress, 'changed')} states changed, {_count(progress, 'recipients')} recipients"
    line(f"  {done}: {numbers}")


def void_progress(report: Json) -> None:
    """How far the work on a void has come, on stderr."""
    progress = report.get("progress") or {}
    if report.get("waiting") == "requests-to-end":
        note("The party is suspended. Waiting for its last requests to end.")
    elif report.get("waiting") == "log":
        note("Waiting for the log to catch up.")
    else:
        note(f"{_count(progress, 'scanned')} pages of the table read, {_count(progress, 'changed')} states changed")


def resume_progress(report: Json) -> None:
    """How far the head of the log has come, on stderr."""
    note(f"The head of the table is at {_word(report.get('size'))} of {_word(report.get('published'))} entries.")


def lost_records(lost: list[Json]) -> None:
    """The records that are in the log and no longer in the table."""
    restored = sum(bool(one.get("restored")) for one in lost)
    line("The log goes on. ", f"Records that it has and the table has lost: {len(lost) - restored}")
    if restored:
        line(f"  registrations put back from the archive: {restored}")
    for one in (one for one in lost if not one.get("restored")):
        kind, name, index, at = (_word(one.get(member)) for member in ("kind", "id", "index", "at"))
        line(f"  {kind} {name}  entry {index}, {at}")


def record(value: Json) -> None:
    """A party or a switch, one member a line, without empty members."""
    for name, member in value.items():
        if isinstance(member, list) and any(isinstance(one, dict) for one in member):
            for one in member:
                line((f"{name}: ", "bold"), "  ".join(f"{key} {_flat(inner)}" for key, inner in one.items()))
        elif member not in (None, [], {}):
            line((f"{name}: ", "bold"), _flat(member))


def clocks(server_time: str, now: datetime) -> None:
    """Whether this machine's clock agrees with the service's, which is an RFC 3339 time. Calls take some seconds."""
    try:
        ahead = (now - datetime.fromisoformat(server_time)).total_seconds()
    except (ValueError, TypeError):
        return
    if abs(ahead) <= MAX_CLOCK_DIFFERENCE:
        line(("clocks: ", "bold"), "they agree")
    else:
        line(
            ("clocks: ", "bold"),
            (f"this machine's is {abs(ahead):.0f} s {'ahead' if ahead > 0 else 'behind'}", "bold red"),
        )


def _flat(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_flat(one) for one in value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)


def _word(value: Any) -> str:
    return "" if value is None else str(value)


def _print(console: Console, *parts: str | tuple[str, str]) -> None:
    text = Text()
    for part in parts:
        text.append_text(_text(console, *(part if isinstance(part, tuple) else (part, ""))))
    console.print(text, highlight=False)


def _text(console: Console, words: str, style: str) -> Text:
    plain = "".join(" " if unicodedata.category(c) == "Cc" else c for c in words)
    encoding = str(getattr(console.file, "encoding", None) or "ascii")
    if encoding.lower().replace("-", "") != "utf8":
        # A terminal without the characters still shows the message: \u4f60 instead of a traceback.
        plain = plain.encode(encoding, "backslashreplace").decode(encoding)
    return Text(plain, style=style)
