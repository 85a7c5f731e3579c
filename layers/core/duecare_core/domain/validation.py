"""From JSON to typed values. An error names the place of a member that does not fit its type, never its value."""

from __future__ import annotations

import re
from types import UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, overload

import msgspec

from duecare_core.domain.fields import EXPECTED
from duecare_core.errors import Unacceptable, Violation

T = TypeVar("T")

# As msgspec prints a pattern.
_EXPECTED = {repr(pattern): expected for pattern, expected in EXPECTED.items()}
_TYPE = re.compile("`([a-z]+)`")
_JSON_TYPES = {
    "str": "a string",
    "int": "a number",
    "float": "a number",
    "bool": "true or false",
    "object": "an object",
}
_JSON_TYPES |= {"array": "a list", "null": "null"}
_MEMBER_NAME = re.compile(r"[a-z_]{1,40}\Z")


@overload
def validate(value: Any, kind: type[T]) -> T: ...
@overload
def validate(value: Any, kind: UnionType) -> Any: ...
def validate(value: Any, kind: Any) -> Any:
    """A JSON value converted to this type. Raises Unacceptable with every missing member, or the first violation of
    another kind."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        first = _violation(str(error), kind)
    problems = _missing(value, kind) if first.code == "missing" else ()
    raise Unacceptable("A member is not as the contract has it.", errors=problems or (first,))


def _missing(value: Any, kind: Any) -> tuple[Violation, ...]:
    """Every member that this object lacks. Empty if it has all, so that one is missing in an inner object."""
    if not isinstance(value, dict) or not _is_struct(kind):
        return ()
    names = [field.encode_name for field in msgspec.structs.fields(kind) if field.required]
    return tuple(Violation(f"/{name}", "missing", "this member is required") for name in names if name not in value)


def _choices(pointer: str, kind: Any) -> str:
    """The values that this member may have, or an empty string if they are not a short list."""
    name = pointer[1:].partition("/")[0]
    fields = msgspec.structs.fields(kind) if _is_struct(kind) else ()
    found = [choice for field in fields if field.encode_name == name for choice in _literals(field.type)]
    return ", ".join(found)


def _literals(annotation: Any) -> list[str]:
    """The values of the Literal in an annotation such as `Annotated[list[Literal["a", "b"]], …] | None`."""
    arguments = get_args(annotation)
    if get_origin(annotation) is Literal:
        return [value for value in arguments if isinstance(value, str)]
    return [value for argument in arguments for value in _literals(argument)]


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _violation(text: str, kind: Any) -> Violation:
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
        choices = _choices(pointer, kind)
        expected = f"expected one of: {choices}" if choices else "not one of the values that the contract has here"
        return Violation(pointer, "unknown-value", expected)
    _, matching, pattern = message.partition(" matching regex ")
    if matching:
        expected = _EXPECTED.get(pattern, "a string of another form")
        return Violation(pointer, "wrong-type-or-form", f"expected {expected}")
    return Violation(pointer, "wrong-type-or-form", _plain(message))


def _plain(message: str) -> str:
    """The message of a wrong type, in JSON's terms."""
    if "RFC3339" in message or "`datetime`" in message:
        return "expected an RFC 3339 time with its offset, such as 2026-11-01T08:00:00+08:00"
    message = message[0].lower() + message[1:]
    return _TYPE.sub(lambda name: _JSON_TYPES.get(name[1], name[1]), message)
