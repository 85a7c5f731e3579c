"""duecare for gateways and creditors: ask before a text is sent, state facts, check receipts.

Start with `Client`. `Client.may_send` returns a `Permission`, or raises one of the exceptions; duecare_client.errors
draws them as a tree.
"""

from duecare_client.checks.acknowledgements import verify_acknowledgement
from duecare_client.checks.permission import DenialReason, Permission
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
    "DenialReason",
    "DuecareError",
    "NotAllowed",
    "NotFound",
    "Permission",
    "RequestError",
    "Unavailable",
    "Unreachable",
    "verify_acknowledgement",
]
