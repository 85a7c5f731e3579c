"""admin: what the operator does with parties, keys, halts and erasures. Invoked with IAM rights, by no route."""

from __future__ import annotations

from duecare.runtime.handler import event_handler
from duecare.runtime.operations import Operation, perform
from duecare.runtime.operator_handler import operator_handler
from duecare.runtime.services.admin import AdminService

LOGGED = ("do", "id", "kid", "on", "creditor", "gateway", "roles", "shadow", "templates_only")
HANDLE = operator_handler(Operation, perform, LOGGED)
handler = event_handler(HANDLE, AdminService.from_environment())
