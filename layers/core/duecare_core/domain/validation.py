"""From JSON to values: what does not fit its type is named by its place, never by its value."""

from __future__ import annotations

import re
from types import UnionType
from typing import Any, TypeVar, overload

import msgspec

from duecare_core.errors import Unacceptable, Violation

T = TypeVar("T")

_MEMBER = re.compile(r"[a-z_]{1,40}\Z")


@overload
def validate(value: Any, kind: type[T]) -> T: ...
@overload
def validate(value: Any, kind: UnionType) -> Any: ...
def validate(value: Any, kind: Any) -> Any:
    """A JSON value as this type. Raises Unacceptable."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        problem = _violation(str(error))
    raise Unacceptable("A member is not as the contract has it.", errors=(problem,))


def _violation(text: str) -> Violation:
    """msgspec says `Expected … - at `$.path[0]``; here it becomes an RFC 6901 pointer. It names types, and values only
    where one of a few was expected: there it quotes what came, which may be a number or a text, so that is left out."""
    message, found, path = text.rpartition(" - at `$")
    message, path = (message, path) if found else (path, "")
    pointer = path.rstrip("`").replace(".", "/").replace("[", "/").replace("]", "")
    name = message.rpartition(" field `")[2].rstrip("`")
    if "unknown field" in message:
        # The name is the caller's own text: it is repeated only where it looks like a name.
        return Violation(
            f"{pointer}/{name}" if _MEMBER.match(name) else pointer,
            "unknown-member",
            "the contract has no such member",
        )
    if "missing required field" in message:
        return Violation(f"{pointer}/{name}", "missing", "this member is required")
    if message.startswith("Invalid") and "value" in message:
        return Violation(pointer, "unknown-value", "not one of the values that the contract has here")
    return Violation(pointer, "wrong-type-or-form", message[0].lower() + message[1:])
