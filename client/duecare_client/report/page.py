"""The page that a judge reads: a case file and the result of its checks, as one self-contained HTML file.

It has no script and no external content, and prints on A4. Text from others is escaped, and characters that are
invisible or reverse the order of a text are shown as code points.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any, Literal, NamedTuple

import jinja2
from markupsafe import Markup

from duecare_client.messages import Words, both, label
from duecare_client.report.case import Parts
from duecare_client.report.results import result
from duecare_client.report.statements import instant, moment
from duecare_client.report.texts import Mask, chinese, spelled
from duecare_core.domain.rules.rule_types import AnyRow
from duecare_core.evidence.casefile.bundle import Verdict
from duecare_core.evidence.casefile.outcome import CaseFileOutcome

Language = Literal["zh-CN", "en", "both"]
_ID = re.compile(r"[A-Za-z0-9_-]{1,80}\Z")


class About(NamedTuple):
    """Facts about the file that its verdict lacks. `sha256`: of the file, in hexadecimal digits."""

    file: str = "FILE"
    sha256: str | None = None
    made_at: datetime | None = None


def render(verdict: Verdict, *, language: Language, show_number: bool, about: About | None = None) -> str:
    """The page. It begins with shadow mode or a rehearsal, and with a failed check."""
    case = verdict.case
    mask = None if case is None or show_number else Mask(case.inputs.number)
    decision_id = case.decision.record.decision_id if case else ""
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            about=about or About(),
            case=case,
            checks=verdict.checks,
            failed=[one for one in verdict.checks if not one.ok],
            mask=mask,
            ok=verdict.outcome not in {CaseFileOutcome.FAILED, CaseFileOutcome.OTHER_ENGINE},
            whose_is_unknown=verdict.outcome is CaseFileOutcome.UNNAMED_LOG,
            other_engine=verdict.outcome is CaseFileOutcome.OTHER_ENGINE,
            parts=Parts(case, mask) if case else None,
            running_id=decision_id if _ID.match(decision_id) else "",  # it goes into a style sheet
            show_number=show_number,
            with_en=language != "zh-CN",
            with_zh=language != "en",
        )
    )


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        autoescape=True,
        finalize=_shown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"label": label, "page": _page, "read_on": _read_on, "result": result}
    environment.filters |= {"chinese": chinese, "instant": instant, "moment": moment, "utc": _utc}
    environment.tests["instant"] = lambda value: isinstance(value, datetime)
    return environment


def _template(name: str) -> str:
    return resources.files(__package__).joinpath("templates", name).read_text("utf-8")


def _page(key: str, **values: object) -> Words:
    """A sentence of the page."""
    return both(f"page.{key}", **values)


def _read_on(row: AnyRow) -> Words:
    """When the source of a rule was read, and how far."""
    return both(f"read.{row.confidence}", day=row.read)


@jinja2.pass_context
def _shown(context: jinja2.runtime.Context, value: Any) -> Any:
    """Masks the number in every value that the template prints, and spells out invisible characters."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    mask: Mask | None = context["mask"]
    return spelled(mask(value) if mask else value)


def _utc(at: datetime | str | None) -> str:
    """An instant to the second; any other value as it is spelled."""
    if not isinstance(at, datetime):
        return at or ""
    try:
        return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError):
        return str(at)
