"""What lets an upload go on where it was interrupted: the signed manifest, in a file beside the one that is uploaded.

The service knows an upload by its manifest, so that is all there is to keep. It goes on only where it is about the same
bytes, told by size and time of change, and says what the command is asked to say now; otherwise it is signed anew.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from duecare_client.errors import BadSettings
from duecare_client.portfolio_file import PortfolioFile

# What a manifest says of the time it was signed, and of the bytes: those the file's size and time of change vouch for.
_OF_THE_FILE = frozenset({"iat", "rows", "sha256", "size"})


class Kept(NamedTuple):
    """A manifest (compact JWS), the key that signed it, and what it says."""

    manifest: str
    kid: str
    members: dict[str, Any]

    def says(self, members: Mapping[str, Any], kid: str) -> bool:
        """Whether it says, by the same key, what these members do; they leave out what is of the file."""
        own = {name: value for name, value in self.members.items() if name not in _OF_THE_FILE}
        return self.kid == kid and own == {name: value for name, value in members.items() if name not in _OF_THE_FILE}


def beside(path: Path) -> Path:
    """FILE.duecare"""
    return path.with_name(path.name + ".duecare")


def recall(file: PortfolioFile) -> Kept | None:
    """What was kept of an upload of this very file; None where there is nothing, or nothing that can be used."""
    try:
        held = json.loads(beside(file.path).read_text(encoding="utf-8"))
        if (held["size"], held["mtime_ns"]) != (file.size, file.mtime_ns):
            return None
        return opened(held["manifest"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None  # it is signed anew, which is never wrong


def opened(manifest: str) -> Kept:
    """A manifest and what is in it. It is our own, and the service checks its signature. Raises ValueError and kin."""
    header, payload, _ = (_json(part) if at < 2 else {} for at, part in enumerate(manifest.split(".")))
    return Kept(manifest, header["kid"], payload)


def keep(file: PortfolioFile, manifest: str) -> None:
    """Keep it, readable by its owner alone: whoever holds it could put the file in our place. Raises BadSettings.

    Whole or not at all: a crash leaves the earlier one, or none.
    """
    target = beside(file.path)
    half = target.with_name(f"{target.name}.{os.getpid()}")
    held = {"manifest": manifest, "size": file.size, "mtime_ns": file.mtime_ns}
    try:
        half.unlink(missing_ok=True)
        # O_EXCL with the mode at creation: no link is followed, and not for an instant can others read it.
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            out.write(json.dumps(held) + "\n")
        half.replace(target)
    except OSError as error:
        raise BadSettings(f"{target} cannot be written: {error.strerror}") from None


def forget(file: PortfolioFile) -> None:
    """It is done, or of no more use."""
    try:
        beside(file.path).unlink(missing_ok=True)
    except OSError:
        return  # what is left is of an upload that is done: it leads to the same answer again


def _json(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
