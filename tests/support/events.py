"""The files of events/: one a function and case, as API Gateway (HTTP API, payload 2.0), S3, SQS, a table's stream,
EventBridge or an operator would send it.

`python -m tests.support.events` writes them. A file is called `<function>-<case>.json`, so that
`sam local invoke verify -e events/verify-honest.json` and the tests know where it goes. The parties' keys are derived
from their names: they sign these files and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from duecare.usecases.table import upload_id_of
from duecare_core.evidence.jose.keys import Jwk, private_jwk, thumbprint
from duecare_core.evidence.jose.proof import proven_jwk
from duecare_core.evidence.statement import sign, statement_id
from tests.support.world import CASE_TEXT, ISSUER, NOTICE, OUTSTANDING, PARTIES, RECIPIENT

FOLDER = Path(__file__).parents[2] / "events"
# The statements' iat: in the past of every run. The authorizer's context lasts until 2100.
STATED = 1_793_500_000
EXPIRES = 4_102_444_800
DECISION = "aaaaaaaaaaaaaaaaaaaaaaaaaa"
STATEMENT = "sha256:" + "0" * 64
# The file that `upload-announce` announces: a debt, and a row that is not valid.
PORTFOLIO = (
    "recipient,debt_ref,currency,outstanding,as_of,status\r\n"
    f"{RECIPIENT},A-1,CNY,{OUTSTANDING},2026-11-01T00:00:00+08:00,open\r\n"
    f"{RECIPIENT},A-2,CNY,a lot,2026-11-01T00:00:00+08:00,open\r\n"
).encode()


def key(party: str) -> Jwk:
    """The private key of a party in these files; every run has the same."""
    seed = hashlib.sha256(f"events of duecare: {party}".encode()).digest()
    return private_jwk(Ed25519PrivateKey.from_private_bytes(seed))


def load(name: str) -> dict[str, Any]:
    """The event of `events/<name>.json`."""
    event: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    if event.get("do") == "party-add":
        # The proof in the file is as old as the file. A registration needs one of the last 24 hours.
        event["key"] = proven(event["id"])
    return event


def proven(party: str) -> Jwk:
    """The public key of a party with a new proof of possession."""
    return proven_jwk(key(party), datetime.now(UTC))


def rendered() -> dict[str, str]:
    """File name → content, of all of them."""
    return {f"{name}.json": json.dumps(event, ensure_ascii=False, indent=2) + "\n" for name, event in _all().items()}


def _all() -> dict[str, dict[str, Any]]:
    message = {
        "message_id": "m-1",
        "recipient": RECIPIENT,
        "creditor": "mou-zichan",
        "collector": "keji",
        "channel": "sms",
        "text": CASE_TEXT,
    }
    verify = _http("POST /v1/verify", "xinxi", message)
    return {
        **{f"admin-add-{party}": _add(party) for party in ("mou-zichan", "keji", "xinxi", "yunyingshang", "shenji")},
        "admin-show": {"do": "party-show", "id": "mou-zichan"},
        "admin-suspend": {"do": "party-suspend", "id": "mou-zichan"},
        "admin-halt": {"do": "halt", "on": True},
        "admin-unknown-verb": {"do": "party-forget", "id": "mou-zichan"},
        "state-honest": _statements(
            "mou-zichan",
            _signed("mou-zichan", "mandate", **_mandate()),
            _signed("mou-zichan", "consent", **_consent()),
            _signed("mou-zichan", "debt", **_debt()),
        ),
        "state-route": _statements("keji", _signed("keji", "route", **_route())),
        "state-reply-t": _statements("xinxi", _signed("xinxi", "reply", **_reply())),
        "state-number-reassignment": _statements(
            "yunyingshang",
            _signed("yunyingshang", "number-reassignment", recipient=RECIPIENT, effective_at="2026-11-01T00:00:00Z"),
        ),
        "state-signed-by-another": _statements("mou-zichan", _signed("keji", "consent", **_consent())),
        "verify-honest": verify,
        "void-start": {"do": "void", "party": "mou-zichan", "since": "2026-11-01T00:00:00+08:00"},
        "verify-chinese": {**verify, "headers": {**verify["headers"], "accept-language": "zh-CN,zh;q=0.9,en;q=0.8"}},
        "verify-base64": {
            **verify,
            "body": base64.b64encode(verify["body"].encode()).decode(),
            "isBase64Encoded": True,
        },
        "verify-batch": _http(
            "POST /v1/verify/batch",
            "xinxi",
            {"messages": [{**message, "message_id": "m-2"}, {**message, "message_id": "m-3", "recipient": "138"}]},
        ),
        "verify-truncated": {**verify, "body": verify["body"][:100]},
        "verify-national-number": _http("POST /v1/verify", "xinxi", {**message, "recipient": "13812345678"}),
        "verify-no-authorizer": _http("POST /v1/verify", None, message),
        "verify-status": _http("GET /v1/status"),
        "verify-jwks": _http("GET /.well-known/jwks.json"),
        "verify-discovery": _http("GET /.well-known/duecare"),
        "evidence-decision": {
            **_http("GET /v1/decisions/{id}", "xinxi", path=f"/v1/decisions/{DECISION}"),
            "pathParameters": {"id": DECISION},
        },
        "state-delivery": _statements("xinxi", _signed("xinxi", "delivery", **_delivery())),
        "reconcile-day": _reconciliation("xinxi"),
        "reconcile-auditor": _reconciliation("shenji", gateway="xinxi"),
        "reconcile-backwards": _reconciliation("xinxi", to="2026-10-31T00:00:00Z"),
        "evidence-openapi": _http("GET /openapi.json"),
        "upload-announce": _http("POST /v1/uploads", "mou-zichan", {"manifest": _manifest()}),
        "upload-look": {
            **_http("GET /v1/uploads/{id}", "mou-zichan", path=f"/v1/uploads/{upload_id()}"),
            "pathParameters": {"id": upload_id()},
        },
        "evidence-checkpoint": _http("GET /log/checkpoint"),
        "evidence-tile": _tile("0/000.p/1"),
        "evidence-no-tile": _tile("../checkpoint"),
        "evidence-whoami": _http("GET /v1/whoami", "xinxi"),
        "evidence-bundle": {
            **_http("GET /v1/decisions/{id}/bundle", "xinxi", path=f"/v1/decisions/{DECISION}/bundle"),
            "pathParameters": {"id": DECISION},
        },
        "evidence-statement": {
            **_http("GET /v1/statements/{id}", "xinxi", path=f"/v1/statements/{STATEMENT}"),
            "pathParameters": {"id": STATEMENT},
        },
        "sequence-stream": changed(),
        "sequence-clock": ticked(),
        "ingest-object-created": object_created(f"uploads/{upload_id()}"),
        "import_part-part": parts({"upload": upload_id(), "part": 0}),
        "authorize-no-token": _authorizer(None),
        "authorize-not-a-token": _authorizer("Bearer not.a.token"),
        "authorize-expired": _authorizer(f"Bearer {_expired()}"),
    }


def token(party: str, claims: dict[str, Any], **header: Any) -> str:
    """A bearer token as a party makes it for itself, with PyJWT alone."""
    signing = {**key(party), "alg": "EdDSA"}
    headers = {"kid": thumbprint(key(party)), "typ": "JWT", **header}
    return jwt.encode(claims, jwt.PyJWK(signing), algorithm="EdDSA", headers=headers)


def admitted(party: str, /, **changes: str) -> dict[str, str]:
    """The authorizer's context of a token of this party that does not expire before 2100."""
    good = {"iat": str(STATED), "exp": str(EXPIRES), "aud": "true", "lifetime": "true"}
    return {"party": party, "kid": thumbprint(key(party)), **good, **changes}


def upload_id() -> str:
    """That of `upload-announce`: it is made of the manifest."""
    return upload_id_of(statement_id(_manifest()))


def object_created(name: str, bucket: str = "duecare-prod-uploads-123456789012-us-east-1") -> dict[str, Any]:
    """S3's notification that an object of this name has been put (event version 2.1)."""
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": "us-east-1",
                "eventTime": "2026-11-24T09:00:00.000Z",
                "eventName": "ObjectCreated:Put",
                "userIdentity": {"principalId": "AWS:AROAEXAMPLE:duecare-upload"},
                "requestParameters": {"sourceIPAddress": "192.0.2.1"},
                "responseElements": {"x-amz-request-id": "EXAMPLE123456789", "x-amz-id-2": "EXAMPLE123/example"},
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": "arrived",
                    "bucket": {
                        "name": bucket,
                        "ownerIdentity": {"principalId": "EXAMPLE"},
                        "arn": f"arn:aws:s3:::{bucket}",
                    },
                    # URL-encoded as a form is, but for the slash.
                    "object": {"key": quote_plus(name, safe="/"), "size": len(PORTFOLIO), "sequencer": "0055AED6DCD9"},
                },
            }
        ]
    }


def parts(*works: Any, received: int = 1) -> dict[str, Any]:
    """A batch of SQS's with these messages; `received`: how often each has been."""
    return {
        "Records": [
            {
                "messageId": f"00000000-0000-0000-0000-{number:012}",
                "receiptHandle": f"receipt-{number}",
                "body": work if isinstance(work, str) else json.dumps(work, separators=(",", ":")),
                "attributes": {
                    "ApproximateReceiveCount": str(received),
                    "SentTimestamp": "1795510800000",
                    "SenderId": "AROAEXAMPLE:duecare-ingest",
                    "ApproximateFirstReceiveTimestamp": "1795510800000",
                },
                "messageAttributes": {},
                "md5OfBody": "00000000000000000000000000000000",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:duecare-Parts",
                "awsRegion": "us-east-1",
            }
            for number, work in enumerate(works)
        ]
    }


def changed() -> dict[str, Any]:
    """A batch of DynamoDB Streams', as Lambda hands it over."""
    keys = {"pk": {"S": f"X#{DECISION}"}, "sk": {"S": "X"}}
    return {
        "Records": [
            {
                "eventID": "c81e728d9d4c2f636f067f89cc14862c",
                "eventName": "INSERT",
                "eventVersion": "1.1",
                "eventSource": "aws:dynamodb",
                "awsRegion": "us-east-1",
                "dynamodb": {
                    "ApproximateCreationDateTime": 1_795_510_800,
                    "Keys": keys,
                    "NewImage": {**keys, "version": {"N": "1"}, "body": {"S": "{}"}},
                    "SequenceNumber": "4421584500000000017450439091",
                    "SizeBytes": 59,
                    "StreamViewType": "NEW_AND_OLD_IMAGES",
                },
                "eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/duecare/stream/2026",
            }
        ]
    }


def ticked() -> dict[str, Any]:
    """EventBridge's, once a minute."""
    return {
        "version": "0",
        "id": "00000000-0000-0000-0000-000000000000",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": "2026-11-24T09:00:00Z",
        "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:123456789012:rule/duecare-SequenceFunctionClock"],
        "detail": {},
    }


def _tile(path: str) -> dict[str, Any]:
    return {**_http("GET /log/tile/{proxy+}", path=f"/log/tile/{path}"), "pathParameters": {"proxy": path}}


def _manifest() -> str:
    digest = f"sha256:{hashlib.sha256(PORTFOLIO).hexdigest()}"
    file = {"kind": "debt", "format": "csv", "charset": "utf-8", "rows": 2, "size": len(PORTFOLIO), "sha256": digest}
    return _signed("mou-zichan", "upload", **file)


def _expired() -> str:
    """A token that was good for an hour, long ago."""
    return token("xinxi", {"iss": "xinxi", "aud": ISSUER, "iat": STATED, "exp": STATED + 3600})


def _add(party: str) -> dict[str, Any]:
    roles, name, sender_names = PARTIES[party]
    public = proven_jwk(key(party), datetime.fromtimestamp(STATED, UTC))
    return {"do": "party-add", "id": party, "roles": roles, "name": name, "sender_names": sender_names, "key": public}


def _signed(party: str, kind: str, /, **members: Any) -> str:
    issuer = "mou-zichan" if kind == "consent" else party
    return sign(kind, {"iss": issuer, "aud": ISSUER, "iat": STATED, **members}, key(party))


def _mandate() -> dict[str, Any]:
    return {
        "collector": "keji",
        "channels": ["sms"],
        "valid_from": "2026-11-01T00:00:00+08:00",
        "valid_until": "2036-11-01T00:00:00+08:00",
        "status": "active",
        "as_of": "2026-11-01T00:00:00+08:00",
    }


def _route() -> dict[str, Any]:
    members = _mandate()
    del members["collector"]
    return {"gateway": "xinxi", **members}


def _consent() -> dict[str, Any]:
    return {
        "recipient": RECIPIENT,
        "channels": ["sms"],
        "granted_at": "2026-10-01T10:00:00+08:00",
        "method": "contract",
        "notice": NOTICE,
    }


def _debt() -> dict[str, Any]:
    return {
        "recipient": RECIPIENT,
        "debt_ref": "A-1",
        "currency": "CNY",
        "outstanding": OUTSTANDING,
        "as_of": "2026-11-01T00:00:00+08:00",
        "status": "open",
    }


def _reply() -> dict[str, Any]:
    return {"recipient": RECIPIENT, "creditor": "mou-zichan", "text": "T", "received_at": "2026-11-02T09:00:00+08:00"}


def _delivery() -> dict[str, Any]:
    digest = f"sha256:{hashlib.sha256(CASE_TEXT.encode()).hexdigest()}"
    return {"message_id": "m-1", "at": "2026-11-01T09:00:05+08:00", "status": "delivered", "text_sha256": digest}


def _reconciliation(party: str, **changes: str) -> dict[str, Any]:
    query = {"from": "2026-11-01T00:00:00+08:00", "to": "2026-11-02T00:00:00+08:00", **changes}
    return {
        **_http("GET /v1/reconciliation", party),
        "rawQueryString": urlencode(query),
        "queryStringParameters": query,
    }


def _statements(party: str, *tokens: str) -> dict[str, Any]:
    return _http("POST /v1/statements", party, {"statements": list(tokens)})


def _http(route: str, party: str | None = None, body: Any = None, *, path: str | None = None) -> dict[str, Any]:
    method, _, pattern = route.partition(" ")
    headers = {"host": "duecare.example", "user-agent": "events", "x-forwarded-proto": "https"}
    context: dict[str, Any] = {
        "accountId": "123456789012",
        "apiId": "api",
        "domainName": "duecare.example",
        "domainPrefix": "duecare",
        "http": {
            "method": method,
            "path": path or pattern,
            "protocol": "HTTP/1.1",
            "sourceIp": "192.0.2.1",
            "userAgent": "events",
        },
        "requestId": "request-1",
        "routeKey": route,
        "stage": "$default",
        "time": "24/Nov/2026:09:00:00 +0000",
        "timeEpoch": 1_795_510_800_000,
    }
    if party:
        context["authorizer"] = {"lambda": admitted(party)}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path or pattern,
        "rawQueryString": "",
        "headers": headers,
        "requestContext": context,
        "isBase64Encoded": False,
    }
    if body is not None:
        headers["content-type"] = "application/json"
        event["body"] = json.dumps(body, ensure_ascii=False)
    return event


def _authorizer(authorization: str | None) -> dict[str, Any]:
    event = _http("POST /v1/verify")
    route = "arn:aws:execute-api:us-east-1:123456789012:api/$default/POST/v1/verify"
    if authorization:
        event["headers"]["authorization"] = authorization
    source = [authorization] if authorization else []
    return {**event, "type": "REQUEST", "routeArn": route, "identitySource": source}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, content in rendered().items():
        (FOLDER / name).write_text(content, encoding="utf-8")
    print(f"wrote {len(rendered())} events")
