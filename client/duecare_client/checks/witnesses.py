"""Witnesses: have those whom somebody names seen this checkpoint, and when? (c2sp.org/tlog-cosignature)

A witness cosigns a checkpoint when it has seen that the log only grew. Whoever names one wants its word: a checkpoint
without it, or with one that is not good, fails. Signatures by keys that nobody named are left aside, as
c2sp.org/signed-note has it.
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
# Clocks differ by so much without anybody having to know.
_SKEW = 60
_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))

Named = Annotated[
    list[str] | None,
    typer.Option(
        "--witness",
        metavar="KEY",
        help="A witness's verifier key (NAME+HASH+KEY), from itself: it must have cosigned. Repeat for several.",
    ),
]


class Cosignature(NamedTuple):
    """What a witness that was named has said of a checkpoint. `at`: when it saw it, in UTC; None where its cosignature
    is not there or not good, and then `wrong` says so, and what to do."""

    name: str
    verifier_key: str
    at: datetime | None
    wrong: str = ""


def named_witnesses(keys: Iterable[str] | None) -> tuple[Verifier, ...]:
    """The witnesses of these verifier keys, each once. Raises BadSettings for what is no such key."""
    found: dict[Verifier, None] = {}
    for key in keys or ():
        try:
            witness = parse_verifier(key.strip())
        except BadEvidence as error:
            raise BadSettings(f"--witness takes a witness's verifier key (NAME+HASH+KEY): {error}") from None
        if witness.kind != COSIGNATURE:
            raise BadSettings(f"the key of {witness.name} is a log's, not a witness's; give it with --log-key")
        found[witness] = None
    return tuple(found)


def cosigned(note: str, witnesses: Sequence[Verifier]) -> tuple[Cosignature, ...]:
    """What each of these witnesses has said of a checkpoint. Raises BadEvidence for what is no signed note."""
    parsed = parse_note(note)
    return tuple(_cosigned(parsed, one) for one in witnesses)


def _cosigned(note: Note, witness: Verifier) -> Cosignature:
    try:
        return Cosignature(witness.name, witness.verifier_key, _seen_at(note, witness))
    except BadEvidence as error:
        return Cosignature(witness.name, witness.verifier_key, None, str(error))


def _seen_at(note: Note, witness: Verifier) -> datetime:
    """When it last did. Raises BadEvidence, saying what is wrong and what to do."""
    own = [one.signature for one in note.signatures if (one.name, one.key_id) == (witness.name, witness.key_id)]
    if not own:
        raise BadEvidence(_missing(note, witness))
    try:
        for signature in own:
            witness.verify(note.text, signature)
        return datetime.fromtimestamp(max(int.from_bytes(one[:_TIME_BYTES], "big") for one in own), UTC)
    except (BadEvidence, ValueError, OverflowError, OSError):  # the last three: at a time that no calendar has
        raise BadEvidence(
            "its cosignature under this checkpoint is not good: do not rely on it, keep it, and ask the witness what "
            "it has signed"
        ) from None


def _missing(note: Note, witness: Verifier) -> str:
    if any(one.name == witness.name for one in note.signatures):
        return "this checkpoint is signed under its name by another key: ask the witness which key is its own now"
    return (
        "it has not cosigned this checkpoint: ask for a later one in some minutes; if it stays so, ask the witness "
        "what it saw last, and the log's operator whether it is asked (parameter Witnesses)"
    )


def as_told(seen: Iterable[Cosignature], now: datetime) -> list[dict[str, Any]]:
    """For `--json`: `{name, verifier_key, seen_at, age_seconds}` each; the last two are null without a cosignature
    that is good."""
    return [
        {
            "name": one.name,
            "verifier_key": one.verifier_key,
            "seen_at": one.at.isoformat() if one.at else None,
            "age_seconds": int((now - one.at).total_seconds()) if one.at else None,
        }
        for one in seen
    ]


def in_words(one: Cosignature, now: datetime) -> str:
    """For a person: when it saw the checkpoint, or what is wrong."""
    if one.at is None:
        return one.wrong
    return f"saw it at {one.at:%Y-%m-%d %H:%M:%S} UTC, {_ago(int((now - one.at).total_seconds()))}"


def _ago(seconds: int) -> str:
    if seconds < -_SKEW:
        return "which is still to come by this machine's clock"
    for unit, length in _UNITS:
        count = seconds // length
        if count > 0:
            return f"{count:,} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
