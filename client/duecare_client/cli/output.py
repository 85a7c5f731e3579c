"""What the command prints: one JSON value on stdout with `--json`, otherwise lines for a person; errors on stderr.

Colours only where the stream is a terminal (rich looks, and honours NO_COLOR). What others sent is printed as plain
text: no markup of rich's, no control characters that a terminal would obey.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from duecare_client.errors import DuecareError, RequestError

Json = dict[str, Any]
_LISTED = 5


def as_json(value: Any) -> None:
    """One JSON value on stdout, readable by any JSON parser whatever the terminal's encoding."""
    spelled = json.dumps(value, ensure_ascii=(sys.stdout.encoding or "").lower().replace("-", "") != "utf8", indent=2)
    sys.stdout.write(spelled + "\n")


def line(*parts: str | tuple[str, str]) -> None:
    """A line on stdout; a part is text, or (text, style)."""
    _print(Console(soft_wrap=True), *parts)


def note(*parts: str | tuple[str, str]) -> None:
    """A line on stderr, for what is not the answer."""
    _print(Console(stderr=True, soft_wrap=True), *parts)


def table(rows: Iterable[tuple[str, str, str]]) -> None:
    """Lines on stdout of what, how many (right-aligned) and a style, under each other."""
    console = Console(soft_wrap=True)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, justify="right")
    for what, number, style in rows:
        grid.add_row(_text(console, f"  {what}", style), _text(console, number, style))
    console.print(grid, highlight=False)


def error(failure: DuecareError) -> None:
    """What went wrong and what to do, in a line or a few."""
    note(("duecare: ", "bold red"), str(failure))
    if isinstance(failure, RequestError):
        for violation in failure.errors[:_LISTED]:
            note("  ", (violation.pointer or "/", "bold"), f": {violation.message}")


def decision(answer: Json, receipt: str | None, text: str = "") -> None:
    """An answer of verify, `text` being the text asked about. `receipt`: None where it verified, otherwise why not."""
    allowed = answer.get("decision") == "allow"
    line(("ALLOW" if allowed else "DENY", "bold green" if allowed else "bold red"), *_manner(answer))
    for reason in answer.get("reasons", []):
        line("  ", (_word(reason.get("code")), "bold"), f"  {_word(reason.get('message'))}")
        for finding in answer.get("findings", []):
            if finding.get("code") == reason.get("code"):
                line(f"    {found_in(text, finding)}")
    if allowed:
        line(f"  valid until {_word(answer.get('valid_until'))}")
    elif answer.get("retry_at"):
        line(f"  ask again at {_word(answer['retry_at'])}: time alone will cure this")
    line("  receipt ", ("verified", "green") if receipt is None else (f"NOT verified: {receipt}", "bold red"))
    line(f"  decision {_word(answer.get('decision_id'))}, attempt {_word(answer.get('attempt'))}")


def found_in(text: str, finding: Json) -> str:
    """The rule of a finding, and what stands in the text where it was found."""
    start, end = finding.get("start"), finding.get("end")
    inside = isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(text)
    return f"{_word(finding.get('rule'))}: “{text[start:end]}”" if inside else _word(finding.get("rule"))


def _manner(answer: Json) -> list[str]:
    said = []
    if answer.get("provisional"):
        said.append("rehearsal, not good for delivery")
    if answer.get("enforced") is False:
        said.append("shadow, not enforced")
    if answer.get("replayed"):
        said.append("as answered before")
    return [f"  ({'; '.join(said)})"] if said else []


def statement(result: Json) -> None:
    """What became of one statement."""
    styles = {"accepted": "green", "unchanged": "cyan", "rejected": "bold red"}
    status = _word(result.get("status"))
    read = f", read as {_word(result['read_as'])}" if "read_as" in result else ""
    line((status, styles.get(status, "")), f"  {_word(result.get('statement_id'))}{read}")
    problem = result.get("problem")
    if isinstance(problem, dict):
        line(f"  {_word(problem.get('title'))}: {_word(problem.get('detail'))}")
        for one in problem.get("errors", [])[:_LISTED]:
            line("  ", (_word(one.get("pointer")) or "/", "bold"), f": {_word(one.get('message'))}")


def upload(result: Json, rejects: list[Json]) -> None:
    """What became of a file. `rejects`: the first of its rejected rows."""
    refused = result.get("state") == "refused"
    line(("REFUSED" if refused else "IMPORTED", "bold red" if refused else "bold"), f"  {_count(result, 'rows')} rows")
    if refused:
        problem = result.get("problem")
        told = problem if isinstance(problem, dict) else {"detail": problem}
        line(f"  {_word(told.get('detail') or told.get('title') or told.get('name'))}")
        line(f"  Nothing of it counts.  upload {_word(result.get('upload_id'))}")
        return
    styles = {"accepted": "green", "unchanged": "cyan", "rejected": "bold red", "withdrawn": "bold"}
    for name, style in styles.items():
        if name in result:
            line("  ", (f"{name:9}", style if result[name] else ""), f"  {_count(result, name)}")
    for one in rejects:
        column = f", {_word(one['column'])}" if one["column"] else ""
        line("  ", (f"row {_word(one['row'])}{column}", "bold"), f": {_word(one['message'])} ({_word(one['code'])})")
    if result.get("rejects_url"):
        line(f"  all of them: {_word(result['rejects_url'])}")
    line(f"  upload {_word(result.get('upload_id'))}")


def _count(result: Json, name: str) -> str:
    value = result.get(name)
    return f"{value:,}" if isinstance(value, int) else _word(value)


def log_position(log: Json) -> None:
    """Whether the decision stands in the log yet."""
    place = f", entry {_word(log.get('index'))}" if "index" in log else ""
    line(f"  {'in the log' if log.get('logged') else 'not in the log yet'}{place}")


def checks(good: bool, made: list[Json]) -> None:
    """What was checked of a case file, a line each."""
    for one in made:
        line(("✓ ", "green") if one["ok"] else ("✗ ", "bold red"), (f"{one['name']:11}", "bold"), _word(one["detail"]))
    line(("GOOD", "bold green") if good else ("NOT GOOD: what is marked above is wrong", "bold red"))


def erased(result: Json) -> None:
    """What became of a recipient's copies."""
    records = result.get("records")
    told = f", told in the log as {', '.join(map(_word, records))}" if isinstance(records, list) and records else ""
    line((f"{_count(result, 'erased')} erased", "bold"), told)
    if result.get("kept"):
        line(f"{_count(result, 'kept')} kept: the law wants them until {_word(result.get('kept_until'))}")
        line("  ask again then")


def record(value: Json) -> None:
    """A party or a switch, a member a line; what is empty is left out."""
    for name, held in value.items():
        if isinstance(held, list) and any(isinstance(one, dict) for one in held):
            for one in held:
                line((f"{name}: ", "bold"), "  ".join(f"{key} {_flat(inner)}" for key, inner in one.items()))
        elif held not in (None, [], {}):
            line((f"{name}: ", "bold"), _flat(held))


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
        # A person without the characters still gets the message; better \u4f60 than a traceback.
        plain = plain.encode(encoding, "backslashreplace").decode(encoding)
    return Text(plain, style=style)
