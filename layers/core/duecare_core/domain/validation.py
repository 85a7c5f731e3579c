"""From JSON to typed values. An error names the place of a member that does not fit its type, never its value."""

from __future__ import annotations

import re
from types import UnionType
from typing import Any, TypeVar, overload

import msgspec

from duecare_core.domain.fields import EXPECTED
from duecare_core.errors import Unacceptable, Violation

T = TypeVar("T")

# As msgspec prints a pattern.
_EXPECTED = {repr(pattern): expected for pattern, expected in EXPECTED.items()}
_MEMBER_NAME = re.compile(r"[a-z_]{1,40}\Z")


@overload
def validate(value: Any, kind: type[T]) -> T: ...
@overload
def validate(value: Any, kind: UnionType) -> Any: ...
def validate(value: Any, kind: Any) -> Any:
    """A JSON value converted to this type. Raises Unacceptable with the first violation."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        problem = _violation(str(error))
    raise Unacceptable("A member is not as the contract has it.", errors=(problem,))


def _violation(text: str) -> Violation:
    """The violation that a msgspec message (`Expected … - at `$.path[0]``) describes.

    msgspec names types, and the value only where one of a few values was expected. That value may be a number or a
    text of the caller's, so it is left out.
    """
    message, found, path = text.rpartition(" - at `$")
    message, path = (message, path) if found else (path, "")
    pointer = path.rstrip("`").replace(".", "/").replace("[", "/").replace("]", "")
    name = message.rpartition(" field `")[2].rstrip("`")
    if "unknown field" in message:
        # The caller chose the name, so it is repeated only if it looks like a member's name.
        return Violation(
            f"{pointer}/{name}" if _MEMBER_NAME.match(name) else pointer,
            "unknown-member",
            "the contract has no such member",
        )
    if "missing required field" in message:
        return Violation(f"{pointer}/{name}", "missing", "this member is required")
    if message.startswith("Invalid") and "value" in message:
        return Violation(pointer, "unknown-value", "not one of the values that the contract has here")
    _, matching, pattern = message.partition(" matching regex ")
    if matching:
        expected = _EXPECTED.get(pattern, "a string of another form")
        return Violation(pointer, "wrong-type-or-form", f"expected {expected}")
    return Violation(pointer, "wrong-type-or-form", message[0].lower() + message[1:])
