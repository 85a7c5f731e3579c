"""The name of the code and data that decide: this package, the number plans and the time zones.

Every record and receipt has it, so that a case file says which release recomputes its decision. The versions are
constants of the imported packages: `importlib.metadata` would read files on the way to the first answer.
"""

from __future__ import annotations

import re
from functools import cache

import phonenumbers
import tzdata

from duecare_core import __version__

_VERSION = r"[0-9A-Za-z.+!-]{1,40}"
_FORM = re.compile(rf"duecare-core ({_VERSION}); phonenumbers ({_VERSION}); tzdata ({_VERSION})")


@cache
def engine() -> str:
    """For example `duecare-core 2.0.0; phonenumbers 9.0.43; tzdata 2026.6`."""
    return f"duecare-core {__version__}; phonenumbers {phonenumbers.__version__}; tzdata {tzdata.__version__}"


def is_engine(name: str) -> bool:
    """Whether a name has the form of an engine's."""
    return _FORM.fullmatch(name) is not None


def requirements(name: str) -> str:
    """The packages of an engine, as pip takes them: `duecare-core==2.0.0 phonenumbers==9.0.43 tzdata==2026.6`."""
    return name.replace(" ", "==").replace(";==", " ")
