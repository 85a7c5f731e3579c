"""The code of the Lambda functions, each with the Service that a test gives it."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

from duecare.adapters.lean_client import Credentials
from duecare.runtime import settings
from duecare.runtime.handler import event_handler, http_handler
from duecare.runtime.service import Service
from duecare.runtime.settings import AwsSettings, Settings

FUNCTIONS = Path(__file__).parents[2] / "functions"
NAMES = sorted(settings.OF_FUNCTION)
REQUEST_ID = "8f7d2c31-0000-4000-8000-000000000001"
AWS = {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
Handler = Callable[[Mapping[str, Any], Any], Any]


class Context:
    """The members of Lambda's context that the functions use."""

    aws_request_id = REQUEST_ID

    def get_remaining_time_in_millis(self) -> int:
        return 110_000


@cache
def function(name: str) -> ModuleType:
    """functions/<name>/app.py, under a module name of its own. Its own handler has settings that name nothing."""
    kind = settings.OF_FUNCTION[name]
    values = dict.fromkeys(settings.variables(kind).values(), "1")
    spec = importlib.util.spec_from_file_location(f"functions_{name}_app", FUNCTIONS / name / "app.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    with patch.dict(os.environ, AWS | values):
        spec.loader.exec_module(module)
    return module


def service_type(name: str) -> type[Service[Any]]:
    """The function's own subclass of Service."""
    found: list[type[Service[Any]]] = [
        one
        for one in vars(function(name)).values()
        if isinstance(one, type) and issubclass(one, Service) and one is not Service
    ]
    (only,) = found
    return only


def handler(name: str, service: Any) -> Handler:
    """The function's handler with this service instead of its own."""
    module = function(name)
    if hasattr(module, "ROUTES"):
        return http_handler(module.ROUTES, service)
    return event_handler(module.HANDLE, service)


def unused(kind: type[Settings], **members: Any) -> Any:
    """Settings whose members have their own names as values, but for these: for a service with replaced adapters. A
    member that this kind does not have is ignored."""
    values: dict[str, Any] = {name: name for name in settings.variables(kind)}
    values |= {"table_days": 180, "public_url": "", "party_rate": 0}
    values |= {"aws": AwsSettings(region="us-east-1", credentials=Credentials("testing", "testing"))} | members
    return kind(**{name: values[name] for name in kind.__struct_fields__})
