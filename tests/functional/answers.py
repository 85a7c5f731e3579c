"""An HTTP response of a function, held against the OpenAPI document as it is read."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator

from duecare.runtime.openapi.document import document

_PROBLEM = "application/problem+json"


class Answer(NamedTuple):
    """`body` is the JSON of the response."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def reasons(self) -> list[str]:
        return [reason["code"] for reason in self.body["reasons"]]

    @property
    def problem(self) -> str:
        """The name of the problem."""
        assert self.headers["content-type"] == _PROBLEM
        assert self.body["status"] == self.status
        return str(self.body["type"]).removeprefix("urn:duecare:problem:")

    @property
    def pointers(self) -> list[tuple[str, str]]:
        """Where what is wrong."""
        return [(error["pointer"], error["code"]) for error in self.body.get("errors", [])]

    @classmethod
    def of(cls, response: dict[str, Any], event: dict[str, Any]) -> Answer:
        assert set(response) == {"statusCode", "headers", "body"}
        answer = cls(response["statusCode"], response["headers"], json.loads(response["body"]))
        answer._check(event["routeKey"])
        return answer

    def _check(self, route: str) -> None:
        """The response is as the contract has it for this route, with every header a string in lower case."""
        method, path = route.lower().split(" ")
        responses = document()["paths"][path][method]["responses"]
        key = str(self.status) if str(self.status) in responses else f"{self.status // 100}XX"
        schema = responses[key]["content"][self.headers["content-type"]]["schema"]
        whole = {**schema, "components": document()["components"]}
        errors = [error.message for error in Draft202012Validator(whole).iter_errors(self.body)]
        assert not errors
        assert all(name == name.lower() and isinstance(value, str) for name, value in self.headers.items())
        if self.status != 200:
            assert self.headers["content-type"] == _PROBLEM
            assert self.headers["cache-control"] == "no-store"
