"""A statement, or a row of a file, for the page: member by member, in the order of the contract, in both languages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from msgspec import Struct, structs

from duecare_client.messages import Words, both, label
from duecare_core.domain.facts.party import Party, PartyKey
from duecare_core.domain.facts.statement import KINDS as CONTRACT
from duecare_core.errors import DuecareError
from duecare_core.evidence.casefile.chain_parts import LoggedStatement
from duecare_core.evidence.casefile.inputs import ROW_SEPARATOR, InputRow
from duecare_core.evidence.jose import jws
from duecare_core.evidence.log import logproof
from duecare_core.evidence.statement import statement_id

Cell = str | Words | datetime
Json = dict[str, Any]
_SHOWN_WITH_SIGNATURE = frozenset({"iss", "aud", "iat"})
_TRANSLATED = frozenset({"status", "channels", "claim", "product", "kind"})
_INSTANTS = frozenset(
    {
        "granted_at",
        "expires_at",
        "revoked_at",
        "as_of",
        "at",
        "valid_from",
        "valid_until",
        "received_at",
        "effective_at",
    }
)
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})\Z")


class MemberLine(NamedTuple):
    """A member and its values; several if it is a list."""

    name: str
    label: Words | None
    values: tuple[Cell, ...]


class NoticeView(NamedTuple):
    """The digest of a consent's wording. `sha256`: its hexadecimal digits; None if it is no digest."""

    sha256: str | None


class StatementView(NamedTuple):
    """A statement as its party signed it. `lines` is None if it cannot be read; `signed_at` as the party states it;
    `entry`: its position in the log. `rows_signed`: whether it is the manifest of a file whose rows are signed by
    themselves."""

    id: str
    kind: str
    label: Words | None
    issuer: str
    issuer_name: str | None
    lines: tuple[MemberLine, ...] | None
    signed_at: datetime | str | None
    received_at: datetime
    kid: str
    key: PartyKey | None
    entry: int | None
    rows_signed: bool
    notice: NoticeView | None


class RowView(NamedTuple):
    """A fact from rows of a file, as the service stored it. `names`: the manifest and the number of each row. `signed`:
    whether the case file proves that the creditor signed each of these rows."""

    kind: str
    of: Cell
    names: tuple[tuple[str, str], ...]
    lines: tuple[MemberLine, ...]
    signed: bool
    notice: NoticeView | None


def payload(logged: LoggedStatement) -> Json:
    """The members of the signed statement; none if it cannot be read."""
    try:
        return jws.read(logged.jws).payload
    except DuecareError:
        return {}


def statement_view(logged: LoggedStatement, members: Json, registrations: list[Party]) -> StatementView:
    """`members`: its payload; `registrations`: those of its issuer, oldest first."""
    on_file = logged.record
    keys = [key for party in registrations for key in party.keys if key.kid == on_file.kid]
    order = CONTRACT[on_file.kind].__struct_fields__ if on_file.kind in CONTRACT else ()
    return StatementView(
        id=statement_id(logged.jws),
        kind=on_file.kind,
        label=label("kind", on_file.kind),
        issuer=on_file.issuer,
        issuer_name=registrations[-1].name if registrations else None,
        lines=tuple(_lines({name: members.get(name) for name in (*order, *members)})) if members else None,
        signed_at=instant(members.get("iat")),
        received_at=on_file.received_at,
        kid=on_file.kid,
        key=keys[-1] if keys else None,  # the newest registration says whether it has been revoked since
        entry=entry(logged.proof),
        rows_signed="rows_root" in members,
        notice=_notice(members),
    )


def row_view(row: InputRow, proven: Mapping[str, Json]) -> RowView:
    """The view of a row. Keyed digests, which are empty in a case file, are left out; the title shows the row's key.

    `proven`: the rows that the case file proves, by their names. Only they have the digest of the consent's wording.
    """
    state: DebtOrConsent = row.debt or row.consent
    said = structs.asdict(state) if state else {}
    newest = said.pop("newest", None) or said.pop("consent", None)
    members: Json = {**(structs.asdict(newest) if newest else {}), **said}
    named = [name for name in _statements(members.values()) if ROW_SEPARATOR in name]
    names = tuple(
        (file, number) for file, _, number in (name.partition(ROW_SEPARATOR) for name in dict.fromkeys(named))
    )
    if members.get("statement") in named:
        del members["statement"]
    if isinstance(answers := members.get("answers"), dict):
        members["answers"] = [one for dispute, mark in answers.items() for one in (dispute, mark.at)]
    if isinstance(revoked := members.get("revoked"), Struct):
        members["revoked"] = getattr(revoked, "at", None)
    if "outstanding" in members:
        members["outstanding"] = str(members["outstanding"])
    notices = (proven[name].get("notice") for name in named if row.consent and name in proven)
    if notice := next(filter(None, notices), None):
        members["notice"] = notice
    return RowView(
        "debt" if row.debt else "consent",
        row.of if row.debt else value("channels", row.of),
        names,
        tuple(_lines(members)),
        all(name in proven for name in named),
        _notice(members),
    )


DebtOrConsent = Struct | None


def _notice(members: Mapping[str, Any]) -> NoticeView | None:
    """The digest goes into a command for a shell, so only the digits of a digest do."""
    notice = members.get("notice")
    if not notice:
        return None
    found = _DIGEST.match(notice) if isinstance(notice, str) else None
    return NoticeView(found[1] if found else None)


def _statements(values: Any) -> Iterator[str]:
    """The statement names in a state, direct ones and those in marks."""
    for one in values:
        if isinstance(one, dict):
            yield from _statements(one.values())
        elif isinstance(one, str):
            yield one
        elif isinstance(one, Struct):
            yield getattr(one, "statement", "")


def _lines(members: Mapping[str, Any]) -> Iterator[MemberLine]:
    for name, content in members.items():
        if name in _SHOWN_WITH_SIGNATURE or content is None or content in ("", [], {}):
            continue
        many = content if isinstance(content, list | tuple) else [content]
        yield MemberLine(name, label("member", name), tuple(value(name, one) for one in many))


def value(name: str, content: Any) -> Cell:
    """A word of the contract in both languages; an instant as one; any other value as it is spelled."""
    if isinstance(content, bool):
        return both("value.yes" if content else "value.no")
    if isinstance(content, datetime):
        return content
    if isinstance(content, str):
        if name == "method":
            return label("method", content) or label("value", content) or content
        if name in _INSTANTS:
            return moment(content)
        return (label("value", content) or content) if name in _TRANSLATED or content == "*" else content
    return json.dumps(content, ensure_ascii=False, default=str)


def moment(text: str) -> datetime | str:
    """An RFC 3339 instant in whole seconds; any other text as it is."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return at if at.tzinfo is not None and not at.microsecond else text


def entry(proof: str) -> int | None:
    """The position in the log that a proof is about."""
    try:
        return logproof.parse(proof).index
    except DuecareError:
        return None


def instant(seconds: Any) -> datetime | str | None:
    """An RFC 7519 NumericDate; any other value as it is spelled."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None if seconds is None else str(seconds)
