"""The OpenAPI document, the same on every version of Python."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from duecare.runtime.openapi import problems
from duecare.runtime.openapi.paths import TAGS, paths
from duecare.runtime.openapi.schemas import components
from duecare_core.domain.decision.decision import NOW_MARGIN
from duecare_core.domain.decision.reasons import REASONS
from duecare_core.domain.facts.statement import KINDS, STATED_BY

EXAMPLES = Path(__file__).with_name("examples.json")
DEFAULT_SERVER = "https://duecare.example"


@cache
def document(server: str = DEFAULT_SERVER) -> dict[str, Any]:
    """The document of the service at this URL. docs/openapi.json is compared with it."""
    examples = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "duecare",
            "version": "1",
            "summary": "May this debt-collection message be delivered?",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": _description(),
        },
        "servers": [{"url": server, "description": "This deployment."}],
        "security": [{"party": []}],
        "tags": [{"name": name, "description": description} for name, description in TAGS.items()],
        "paths": paths(examples["operations"], examples["problems"]["cannot-decide"]),
        "components": {
            "securitySchemes": {
                "party": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The party signs its own token. Header: `alg` (EdDSA or ES256), `kid`, `typ: JWT`. "
                    "Claims: `iss` (the party), `aud` (the issuer from discovery), `iat`, `exp` (at most 3600 s after "
                    "`iat`).",
                }
            },
            "schemas": _with_examples(components(), examples),
        },
    }


def _with_examples(schemas: dict[str, Any], examples: dict[str, Any]) -> dict[str, Any]:
    for name, value in examples["payloads"].items():
        schemas[name]["examples"] = [value]
    schemas["Problem"]["examples"] = list(examples["problems"].values())
    return schemas


def _description() -> str:
    kinds = "\n".join(f"- `{kind}` ({', '.join(sorted(STATED_BY[kind]))}): `{KINDS[kind].__name__}`" for kind in KINDS)
    reasons = "\n".join(f"- `{code}`: {reason.en} {reason.zh}" for code, reason in REASONS.items())
    margin = int(NOW_MARGIN.total_seconds())
    return (
        f"Before a message is sent, the gateway asks whether it may be. A `send_at` more than {margin} s ahead makes a "
        "rehearsal: provisional, and never valid for delivery.\n\n"
        f"## Statements\n\nStatements are compact JWS with `typ: <kind>+jws` and one of these payloads:\n\n{kinds}\n\n"
        "An upload's manifest is a compact JWS that the creditor signs, with `typ: upload+jws` and the payload "
        "`Manifest`.\n\n"
        f"## Reasons\n\nThe reasons for a denial, in this order:\n\n{reasons}\n\n"
        "## Problems\n\nEvery error is an RFC 9457 problem whose `type` is `urn:duecare:problem:` and one of these "
        "names. A rejected statement, a message of a batch and a refused file have their problem in their own result; "
        f"the status says then what it would be of a request of its own.\n\n{problems.table()}\n"
    )
