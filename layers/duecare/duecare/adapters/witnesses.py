"""Witnesses cosign checkpoints (c2sp.org/tlog-witness): each has seen that the log only grew.

A witness that does not answer, or answers something else than a good cosignature, holds nothing up: the checkpoint is
published without it, and the next one is asked for again. What it signed last it tells itself, so nothing is kept here.
"""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from typing import NamedTuple

from duecare.ports import LogFiles
from duecare.usecases.log.published_log import Tiles
from duecare_core.errors import BadEvidence, CannotDecide
from duecare_core.evidence.log.merkle import consistency_proof
from duecare_core.evidence.log.note import (
    COSIGNATURE,
    Verifier,
    add_lines,
    b64,
    parse_checkpoint,
    parse_lines,
    parse_note,
    parse_verifier,
)

SECONDS = 5.0
LONGEST_ANSWER = 64 * 1024
_SIZE = re.compile(r"(0|[1-9][0-9]{0,18})\n\Z")


class Witness(NamedTuple):
    """A witness's verifier key and its submission prefix, without a slash at the end."""

    verifier_key: str
    url: str


class WitnessAnswer(NamedTuple):
    status: int
    body: bytes


Post = Callable[[str, bytes], WitnessAnswer]


def configured(text: str) -> tuple[Witness, ...]:
    """`<verifier key> <URL>` for each, separated by white space. Raises BadEvidence."""
    words = text.split()
    if len(words) % 2:
        raise BadEvidence("each witness is a verifier key and a URL")
    found = tuple(Witness(key, url.rstrip("/")) for key, url in zip(words[::2], words[1::2], strict=True))
    if any(parse_verifier(one.verifier_key).kind != COSIGNATURE for one in found):
        raise BadEvidence("a witness signs with the time (a key of type 4)")
    return found


def post(url: str, body: bytes) -> WitnessAnswer:
    """Raises OSError where there is no answer."""
    request = urllib.request.Request(url, data=body, method="POST", headers={"content-type": "text/plain"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310  as the operator configured it
            return WitnessAnswer(answer.status, answer.read(LONGEST_ANSWER))
    except urllib.error.HTTPError as refused:
        with refused:
            return WitnessAnswer(refused.code, refused.read(LONGEST_ANSWER))


class Witnesses:
    """Asks each witness for its cosignature, one after the other."""

    def __init__(
        self, files: LogFiles, witnesses: Iterable[Witness], told: Callable[[str], None], ask: Post = post
    ) -> None:
        """`told` is told the name of a witness that gave no good cosignature."""
        self._files = files
        self._witnesses = [(parse_verifier(one.verifier_key), one.url) for one in witnesses]
        self._told = told
        self._ask = ask
        self._seen: dict[str, int] = {}

    def __call__(self, note: str) -> str:
        """The note with the cosignatures that could be had; its tiles must stand already."""
        lines = []
        for by, url in self._witnesses:
            try:
                lines.append(self._cosigned(note, by, url))
            except (BadEvidence, CannotDecide, OSError):
                self._told(by.name)
        return add_lines(note, lines)

    def _cosigned(self, note: str, by: Verifier, url: str) -> str:
        size = parse_checkpoint(parse_note(note).text).size
        answer = self._submit(note, by, url, size)
        if answer.status == 409 and _SIZE.match(answer.body.decode("ascii", "replace")):
            # What it saw last: where another sequencer asked, or this one has just started.
            self._seen[by.name] = int(answer.body)
            answer = self._submit(note, by, url, size)
        if answer.status != 200:
            raise BadEvidence(f"the witness answered {answer.status}")
        line = _own(answer.body.decode("utf-8", "replace"), by, parse_note(note).text)
        self._seen[by.name] = size
        return line

    def _submit(self, note: str, by: Verifier, url: str, size: int) -> WitnessAnswer:
        old = self._seen.get(by.name, 0)
        if old > size:
            raise BadEvidence("the witness has seen a larger tree")
        proof = consistency_proof(old, size, Tiles(self._files).read)
        lines = "".join(f"{b64(one)}\n" for one in proof)
        return self._ask(f"{url}/add-checkpoint", f"old {old}\n{lines}\n{note}".encode())


def _own(answer: str, by: Verifier, text: str) -> str:
    """The line of this witness among those that it sent. Raises BadEvidence unless it is good."""
    for signature in parse_lines(answer):
        if (signature.name, signature.key_id) == (by.name, by.key_id):
            by.verify(text, signature.signature)
            return signature.line()
    raise BadEvidence("the witness sent no cosignature of its own")
