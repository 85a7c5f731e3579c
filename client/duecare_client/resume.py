"""Lets an interrupted upload resume: the signed manifest and the seed of its `rows_root` are kept in a file beside the
uploaded one (FILE.duecare).

The service identifies an upload by its manifest, so nothing else has to be kept. The upload resumes only if the file
still has the same size and modification time, and the command asks for the same as the manifest; otherwise a new
manifest is signed.
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

# Members of a manifest about the time of signing and the bytes. The file's size and modification time stand for them.
_FILE_MEMBERS = frozenset({"iat", "rows", "rows_root", "sha256", "size"})


class SignedManifest(NamedTuple):
    """A manifest (compact JWS), the key that signed it, its members, and the seed of its `rows_root` (hexadecimal)."""

    manifest: str
    kid: str
    members: dict[str, Any]
    rows_seed: str | None = None

    def asks_for(self, members: Mapping[str, Any], kid: str) -> bool:
        """Whether this key signed these members in it. The members about the file are not compared."""
        own = {name: value for name, value in self.members.items() if name not in _FILE_MEMBERS}
        return self.kid == kid and own == {name: value for name, value in members.items() if name not in _FILE_MEMBERS}


def path_beside(path: Path) -> Path:
    """FILE.duecare"""
    return path.with_name(path.name + ".duecare")


def recall(file: PortfolioFile) -> SignedManifest | None:
    """The manifest of an interrupted upload of exactly this file; None if there is none that can be used."""
    try:
        state = json.loads(path_beside(file.path).read_text(encoding="utf-8"))
        if (state["size"], state["mtime_ns"]) != (file.size, file.mtime_ns):
            return None
        read = read_manifest(state["manifest"])._replace(rows_seed=state.get("rows_seed"))
        return read if ("rows_root" in read.members) == isinstance(read.rows_seed, str) else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None  # a new manifest is signed, which is always correct


def read_manifest(manifest: str) -> SignedManifest:
    """A manifest and its members. The client signed it, and the service checks the signature.

    Raises ValueError and the like for anything else.
    """
    header, payload, _ = (_json(part) if number < 2 else {} for number, part in enumerate(manifest.split(".")))
    return SignedManifest(manifest, header["kid"], payload)


def remember(file: PortfolioFile, manifest: str, rows_seed: str) -> None:
    """Keeps manifest and seed in a file that only its owner can read: its holder could upload the file in our name, and
    guess rows of which it sees the hash.

    The file is replaced as a whole, so a crash leaves the earlier one, or none. Raises BadSettings.
    """
    target = path_beside(file.path)
    temporary = target.with_name(f"{target.name}.{os.getpid()}")
    state = {"manifest": manifest, "rows_seed": rows_seed, "size": file.size, "mtime_ns": file.mtime_ns}
    try:
        temporary.unlink(missing_ok=True)
        # O_EXCL and the mode at creation: no link is followed, and at no time can others read the file.
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            out.write(json.dumps(state) + "\n")
        temporary.replace(target)
    except OSError as error:
        raise BadSettings(f"{target} cannot be written: {error.strerror}") from None


def forget(file: PortfolioFile) -> None:
    """Removes the manifest of an upload that is finished or cannot resume."""
    try:
        path_beside(file.path).unlink(missing_ok=True)
    except OSError:
        return  # a manifest of a finished upload leads to the same answer again


def _json(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
