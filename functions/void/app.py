"""void: voids the statements of a party, in steps. Invoked with IAM rights, by no route.

It is apart from admin because it reads the whole table and opens statements.
"""

from __future__ import annotations

from duecare.runtime.handler import event_handler
from duecare.runtime.operator_handler import operator_handler
from duecare.runtime.services.void import VoidService
from duecare.runtime.void_operations import VoidOperation, perform

HANDLE = operator_handler(VoidOperation, perform, logged=("do", "party", "since", "kind", "id"))
handler = event_handler(HANDLE, VoidService.from_environment())
