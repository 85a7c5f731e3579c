"""duecare for gateways and creditors: ask before a text is sent, state facts, check receipts.

`Client` is the whole of it; the exceptions are drawn as a tree in duecare_client.errors.
"""

from duecare_client.client import Client
from duecare_client.errors import (
    BadAnswer,
    BadKey,
    BadReceipt,
    BadSettings,
    CannotDecide,
    Conflict,
    DuecareError,
    NotAllowed,
    NotFound,
    RequestError,
    Unavailable,
    Unreachable,
)

__all__ = [
    "BadAnswer",
    "BadKey",
    "BadReceipt",
    "BadSettings",
    "CannotDecide",
    "Client",
    "Conflict",
    "DuecareError",
    "NotAllowed",
    "NotFound",
    "RequestError",
    "Unavailable",
    "Unreachable",
]
