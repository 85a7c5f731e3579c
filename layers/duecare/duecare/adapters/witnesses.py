"""Asks witnesses to cosign checkpoints (c2sp.org/tlog-witness). A cosignature means: this log only grew.

A checkpoint is published without the cosignature of a witness that does not respond or sends an invalid one; the
witness is asked again for the next checkpoint. It reports the size that it signed last, so none is stored here.
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

TIMEOUT = 5.0
MAX_RESPONSE = 64 * 1024
_SIZE = re.compile(r"(0|[1-9][0-9]{0,18})\n\Z")


class WitnessAddress(NamedTuple):
    """A witness's verifier key and its submission prefix, without a trailing slash."""

    verifier_key: str
    url: str


class WitnessResponse(NamedTuple):
    status: int
    body: bytes


Post = Callable[[str, bytes], WitnessResponse]


def configured(text: str) -> tuple[WitnessAddress, ...]:
    """The witnesses in a setting: `<verifier key> <URL>` for each, separated by white space. Raises BadEvidence."""
    words = text.split()
    if len(words) % 2:
        raise BadEvidence("expected a verifier key and a URL for each witness")
    found = tuple(WitnessAddress(key, url.rstrip("/")) for key, url in zip(words[::2], words[1::2], strict=True))
    if any(parse_verifier(one.verifier_key).kind != COSIGNATURE for one in found):
        raise BadEvidence("the key of a witness must be of type 4 (timestamped cosignatures)")
    return found


def post(url: str, body: bytes) -> WitnessResponse:
    """Raises OSError if there is no response."""
    request = urllib.request.Request(url, data=body, method="POST", headers={"content-type": "text/plain"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310  as the operator configured it
            return WitnessResponse(answer.status, answer.read(MAX_RESPONSE))
    except urllib.error.HTTPError as refused:
        with refused:
            return WitnessResponse(refused.code, refused.read(MAX_RESPONSE))


class Witnesses:
    """Asks each witness for its cosignature, one after the other."""

    def __init__(
        self, files: LogFiles, witnesses: Iterable[WitnessAddress], on_failure: Callable[[str], None], ask: Post = post
    ) -> None:
        """`on_failure` is called with the name of a witness that gave no valid cosignature."""
        self._files = files
        self._witnesses = [(parse_verifier(one.verifier_key), one.url) for one in witnesses]
        self._on_failure = on_failure
        self._ask = ask
        self._seen: dict[str, int] = {}

    def __call__(self, note: str) -> str:
        """The note with the cosignatures received, one of each key. Its tiles must be published already.

        A witness that is named with several URLs is asked at the next one only if it gave no cosignature.
        """
        lines: dict[Verifier, str] = {}
        for by, url in self._witnesses:
            if by in lines:
                continue
            try:
                lines[by] = self._cosigned(note, by, url)
            except (BadEvidence, CannotDecide, OSError):
                self._on_failure(by.name)
        return add_lines(note, lines.values())

    def _cosigned(self, note: str, by: Verifier, url: str) -> str:
        size = parse_checkpoint(parse_note(note).text).size
        answer = self._submit(note, by, url, size)
        if answer.status == 409 and _SIZE.match(answer.body.decode("ascii", "replace")):
            # The witness reports the size it signed last: another sequencer asked, or this one has just started.
            self._seen[by.name] = int(answer.body)
            answer = self._submit(note, by, url, size)
        if answer.status != 200:
            raise BadEvidence(f"the witness answered {answer.status}")
        line = _own(answer.body.decode("utf-8", "replace"), by, parse_note(note).text)
        self._seen[by.name] = size
        return line

    def _submit(self, note: str, by: Verifier, url: str, size: int) -> WitnessResponse:
        old = self._seen.get(by.name, 0)
        if old > size:
            raise BadEvidence("the witness has signed a larger tree")
        proof = consistency_proof(old, size, Tiles(self._files).read)
        lines = "".join(f"{b64(one)}\n" for one in proof)
        return self._ask(f"{url}/add-checkpoint", f"old {old}\n{lines}\n{note}".encode())


def _own(answer: str, by: Verifier, text: str) -> str:
    """The line with this witness's own signature. Lines of other keys are ignored: a witness may have several.

    Raises BadEvidence if there is none, two, or an invalid one.
    """
    own = [one for one in parse_lines(answer) if (one.name, one.key_id) == (by.name, by.key_id)]
    if len(own) != 1:
        raise BadEvidence("the witness did not send exactly one cosignature of its own")
    by.verify(text, own[0].signature)
    return own[0].line()
