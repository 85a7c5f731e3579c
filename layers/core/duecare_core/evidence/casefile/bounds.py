"""The limits on a case file. A file beyond them is rejected before anything in it is computed.

They are far above an honest file, which has about 35 kB and a thousand values: the checks read a text with the text
reader, sort members and verify signatures, all of which take time in proportion to their input.
"""

from __future__ import annotations

from typing import Any

from duecare_core.errors import BadEvidence

MAX_BYTES = 8 << 20
MAX_DEPTH = 32
MAX_VALUES = 200_000
MAX_TEXT = 2000  # characters, as in a request (domain/fields.py)


def check_size(size: int) -> None:
    """Raises BadEvidence."""
    if size > MAX_BYTES:
        raise BadEvidence(f"it has {size:,} bytes, and a case file has at most {MAX_BYTES:,}")


def check_shape(value: Any) -> None:
    """Raises BadEvidence for a JSON value of too many values, or one that is nested too deep."""
    level, count = [value], 0
    for _ in range(MAX_DEPTH):
        count += len(level)
        if count > MAX_VALUES:
            raise BadEvidence(f"it has more than {MAX_VALUES:,} values")
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return
    raise BadEvidence(f"its values are nested more than {MAX_DEPTH} levels deep")


def check_text(text: str) -> None:
    """Raises BadEvidence."""
    if len(text) > MAX_TEXT:
        raise BadEvidence(f"the text has {len(text):,} characters, and a request has at most {MAX_TEXT:,}")
