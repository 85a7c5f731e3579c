"""The page that a judge reads: a case file and what its verification found, as one HTML file that needs nothing else.

No script, nothing from elsewhere; it prints on A4. Everything that others wrote is escaped, and characters that cannot
be seen, or that would turn the order of a text around, are spelled out.
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
from duecare_client.report.statements import instant
from duecare_client.report.texts import Mask, chinese, spelled
from duecare_core.evidence.casefile.bundle import Verdict

Language = Literal["zh-CN", "en", "both"]
_ID = re.compile(r"[A-Za-z0-9_-]{1,80}\Z")


class About(NamedTuple):
    """What the verdict does not say of itself. `key_was_given`: whether the log's key came from elsewhere than the
    file; None where that is not known. `sha256`: of the file, in hexadecimal digits."""

    file: str = "FILE"
    sha256: str | None = None
    key_was_given: bool | None = None
    made_at: datetime | None = None


def render(verdict: Verdict, *, language: Language, show_number: bool, about: About | None = None) -> str:
    """The page. Of a file that failed its checks it is made too, and says so before all else."""
    case = verdict.case
    mask = None if case is None or show_number else Mask(case.inputs.recipient)
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
            ok=verdict.ok,
            parts=Parts(case, mask) if case else None,
            running_id=decision_id if _ID.match(decision_id) else "",  # it stands in a style sheet
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
    environment.globals |= {"label": label, "page": _page}
    environment.filters |= {"chinese": chinese, "instant": instant, "utc": _utc}
    return environment


def _template(name: str) -> str:
    return resources.files(__package__).joinpath("templates", name).read_text("utf-8")


def _page(key: str, **values: object) -> Words:
    """A sentence of the page."""
    return both(f"page.{key}", **values)


@jinja2.pass_context
def _shown(context: jinja2.runtime.Context, value: Any) -> Any:
    """Whatever the template prints passes here: what is no part of the page is masked, and spelled out."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    mask: Mask | None = context["mask"]
    return spelled(mask(value) if mask else value)


def _utc(at: datetime | str | None) -> str:
    """An instant to the second; what is no instant as it is spelled."""
    if not isinstance(at, datetime):
        return at or ""
    try:
        return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError):
        return str(at)
