"""Checks that named witnesses have cosigned a checkpoint, and when (c2sp.org/tlog-cosignature).

A witness cosigns a checkpoint after it has verified that the log only grew. A checkpoint without a valid cosignature of
each named witness fails, and so does one with two signatures of the same witness. Signatures by other keys are ignored,
whatever their kind, as c2sp.org/signed-note prescribes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

import typer

from duecare_client.errors import BadSettings
from duecare_core.errors import BadEvidence
from duecare_core.evidence.log.note import COSIGNATURE, Note, Verifier, parse_note, parse_verifier

_TIME_BYTES = 8
# Seconds that two clocks may differ without a remark.
_SKEW = 60
_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))

WitnessKeys = Annotated[
    list[str] | None,
    typer.Option(
        "--witness",
        metavar="KEY",
        help="A witness's verifier key (NAME+HASH+KEY), which it publishes: it must have cosigned. Repeat for several.",
    ),
]


class Cosignature(NamedTuple):
    """The cosignature of a named witness. `seen_at`: when the witness saw the checkpoint, in UTC; None if the
    cosignature is missing or invalid, and then `fault` says so, and what to do."""

    name: str
    verifier_key: str
    seen_at: datetime | None
    fault: str = ""


def parse_witnesses(keys: Iterable[str] | None) -> tuple[Verifier, ...]:
    """The witnesses with these verifier keys, each once. Raises BadSettings for a malformed key."""
    found: dict[Verifier, None] = {}
    for key in keys or ():
        try:
            witness = parse_verifier(key.strip())
        except BadEvidence as error:
            raise BadSettings(f"--witness expects a witness's verifier key, like NAME+HASH+KEY: {error}") from None
        if witness.kind != COSIGNATURE:
            raise BadSettings(f"the key of {witness.name} is a log's, not a witness's; give it with --log-key")
        found[witness] = None
    return tuple(found)


def cosigned(note: str, witnesses: Sequence[Verifier]) -> tuple[Cosignature, ...]:
    """The cosignature of each witness under a checkpoint. Raises BadEvidence for a malformed note."""
    parsed = parse_note(note)
    return tuple(_cosigned(parsed, one) for one in witnesses)


def _cosigned(note: Note, witness: Verifier) -> Cosignature:
    try:
        return Cosignature(witness.name, witness.verifier_key, _seen_at(note, witness))
    except BadEvidence as error:
        return Cosignature(witness.name, witness.verifier_key, None, str(error))


def _seen_at(note: Note, witness: Verifier) -> datetime:
    """When it cosigned. Raises BadEvidence and says what is wrong and what to do."""
    own = [one.signature for one in note.signatures if (one.name, one.key_id) == (witness.name, witness.key_id)]
    if not own:
        raise BadEvidence(_missing(note, witness))
    try:
        for signature in own:
            witness.verify(note.text, signature)
        seen_at = datetime.fromtimestamp(int.from_bytes(own[0][:_TIME_BYTES], "big"), UTC)
    except (BadEvidence, ValueError, OverflowError, OSError):  # the last three: a time outside the calendar
        raise BadEvidence(
            "its cosignature under this checkpoint is not valid: do not rely on it, keep it, and ask the witness what "
            "it has signed"
        ) from None
    if len(own) > 1:
        raise BadEvidence("its key has two signatures under this checkpoint: do not rely on it, and keep it")
    return seen_at


def _missing(note: Note, witness: Verifier) -> str:
    if any(one.name == witness.name for one in note.signatures):
        return "another key has signed this checkpoint under its name: ask the witness which key it uses now"
    return (
        "it has not cosigned this checkpoint: try again in some minutes. If that does not help, ask the witness which "
        "checkpoint it saw last, and the log's operator whether the witness is asked (parameter Witnesses)"
    )


def as_json(cosignatures: Iterable[Cosignature], now: datetime) -> list[dict[str, Any]]:
    """For `--json`: `{name, verifier_key, seen_at, age_seconds}` each; the last two are null without a valid
    cosignature."""
    return [
        {
            "name": one.name,
            "verifier_key": one.verifier_key,
            "seen_at": one.seen_at.isoformat() if one.seen_at else None,
            "age_seconds": int((now - one.seen_at).total_seconds()) if one.seen_at else None,
        }
        for one in cosignatures
    ]


def describe(one: Cosignature, now: datetime) -> str:
    """In words: when the witness saw the checkpoint, or what is wrong."""
    if one.seen_at is None:
        return one.fault
    return f"saw it at {one.seen_at:%Y-%m-%d %H:%M:%S} UTC, {_ago(int((now - one.seen_at).total_seconds()))}"


def _ago(seconds: int) -> str:
    if seconds < -_SKEW:
        return "which is in the future by this machine's clock"
    for unit, length in _UNITS:
        count = seconds // length
        if count > 0:
            return f"{count:,} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
