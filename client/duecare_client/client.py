"""The HTTP client of gateways and creditors.

    with Client("https://duecare.example", "some-gateway", "gateway.jwk") as duecare:
        answer = duecare.verify(message)         # raises: do not send
        if answer["decision"] == "allow": ...    # send before answer["valid_until"]

Keeps one pool of connections, one bearer token and the service's keys; safe to share between threads.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode

import httpx

from duecare_client.checks import reconciliation
from duecare_client.checks.receipts import UnknownKey, check, digest_of
from duecare_client.checks.reconciliation import RequestedPeriod
from duecare_client.errors import BadAnswer, NotAllowed, Unreadable
from duecare_client.keyfile import read_private
from duecare_client.signing import TOKEN_LIFETIME, Signer, sendable
from duecare_client.storage import Storage, first_rejects
from duecare_client.transport import Json, Transport

STATEMENTS_A_CALL = 100
# A hundred statements are a hundred transactions, one after another; nobody waits to send a message meanwhile.
STATING_SECONDS = 29.0
# A month of a busy gateway is read decision by decision.
RECONCILING_SECONDS = 29.0
_RENEW_BEFORE = 60
_STATUSES = frozenset({"accepted", "unchanged", "rejected"})
_STATES = frozenset({"awaiting_file", "importing", "done", "refused"})
# Announcing and asking are quick, but a person waits for them, and not a gateway with a message in its hand.
UPLOAD_SECONDS = 15.0
_START_OF_REJECTS = 16 * 1024


class Reader:
    """What anyone may ask a service: who it is, its keys, whether it can decide, its log. `timeout`: seconds a call."""

    def __init__(self, url: str, *, timeout: float = 3.0, transport: httpx.BaseTransport | None = None) -> None:
        self._http = Transport(url, timeout=timeout, edge=transport)
        self._headers = {"Accept": "application/json, application/problem+json", "User-Agent": "duecare-client"}

    def discovery(self) -> Json:
        """`{issuer, jwks_uri, log, rules_version, limits}`."""
        return self._public("/.well-known/duecare")

    def jwks(self) -> Json:
        """The service's receipt keys, past ones too, as a JWK set (RFC 7517, section 5)."""
        return self._public("/.well-known/jwks.json")

    def status(self) -> Json:
        """What the service says of itself when it can decide; raises Unavailable, naming the part, when it cannot."""
        return self._public("/v1/status")

    def log_object(self, name: str) -> bytes | None:
        """An object of the log (`checkpoint`, `tile/…`), or None where there is none of that name."""
        return self._http.read(f"/log/{name}", headers={"User-Agent": "duecare-client"}, timeout=UPLOAD_SECONDS)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _public(self, path: str) -> Json:
        return self._http.ask("GET", path, headers=self._headers)


class Client(Reader):
    """Speaks for one party. `key`: its private JWK, or the path of the file that holds it.

    `issuer`: the service's name where it is known beforehand (a profile has it); otherwise it is asked for once.
    `timeout`: seconds for a whole call; stating takes up to STATING_SECONDS. `language`: `zh-CN` or `en`, of the
    reasons' messages.
    Raises BadKey, BadSettings. Every method that asks the service raises CannotDecide where there is no answer, and
    RequestError where the request is at fault.
    """

    def __init__(
        self,
        url: str,
        party: str,
        key: Mapping[str, Any] | str | os.PathLike[str],
        *,
        issuer: str | None = None,
        timeout: float = 3.0,
        language: str | None = None,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        jwk = key if isinstance(key, Mapping) else read_private(Path(key))
        self.party = party
        self._signer = Signer(party, jwk)
        super().__init__(url, timeout=timeout, transport=transport)
        self._storage = Storage(secure=url.startswith("https:"), edge=transport)
        if language:
            self._headers["Accept-Language"] = language
        self._clock = clock
        self._issuer = issuer
        self._token: tuple[str, float] | None = None
        self._keys: list[Json] | None = None

    def verify(self, message: Mapping[str, Any]) -> Json:
        """May this message be sent? The answer of `POST /v1/verify`, for allow and for deny alike.

        Send only where this returns with `decision` = `allow` and `provisional` false, and before `valid_until`.
        Asking again with the same message is safe: `message_id` is the idempotency key.
        """
        answer = self._call("POST", "/v1/verify", sendable(message))
        if answer.get("decision") not in ("allow", "deny") or answer.get("message_id") != message.get("message_id"):
            raise BadAnswer("the answer is not a decision about this message")
        return answer

    def state(self, kind: str, members: Mapping[str, Any]) -> Json:
        """Sign one statement and send it: `{statement_id, status, problem?, read_as?}`.

        `status` is `accepted`, `unchanged` or `rejected`; a rejection is a result, not an exception, so look at it.
        """
        return self.state_many([(kind, members)])[0]

    def state_many(self, statements: Iterable[tuple[str, Mapping[str, Any]]]) -> list[Json]:
        """Sign and send any number of (kind, members), a hundred a call; results in the same order.

        When this raises, earlier hundreds may have been accepted. Stating everything again changes nothing twice.
        """
        results: list[Json] = []
        waiting = iter(statements)
        while some := list(islice(waiting, STATEMENTS_A_CALL)):
            now, issuer = int(self._clock()), self.issuer()
            signed = [self._signer.statement(kind, members, issuer, now) for kind, members in some]
            answer = self._call("POST", "/v1/statements", sendable({"statements": signed}), STATING_SECONDS)
            results += _results(answer, signed)
        return results

    def decision(self, decision_id: str) -> Json:
        """A decision as it was recorded: `{answer, record, log}`. Raises NotFound for somebody else's."""
        return self._call("GET", f"/v1/decisions/{quote(decision_id, safe='')}")

    def bundle(self, decision_id: str, attempt: int | None = None) -> bytes:
        """The case file of a decision: for its gateway, its creditor, or an auditor; of its newest attempt, or of this.
        Check it with `duecare_core.evidence.casefile.bundle.check`. Raises Conflict (`not-logged-yet`) in the seconds
        before it is in the log."""
        path = f"/v1/decisions/{quote(decision_id, safe='')}/bundle" + (f"?attempt={attempt}" if attempt else "")
        with self._authorized() as headers:
            answer, data = self._http.fetch(path, headers=headers, timeout=UPLOAD_SECONDS)
        if not _is_about(answer, decision_id, attempt):
            raise BadAnswer("the answer is not the case file of this decision")
        return data

    def reconciliation(self, start: datetime, end: datetime, gateway: str | None = None) -> Json:
        """A gateway's deliveries from `start` to before `end` against the decisions about its messages, as the service
        signed them: `{gateway, from, to, final, ok, truncated, counts, …, signed}`, with a list for each thing that may
        be missing (duecare_core.domain.reconciliation). An auditor names the `gateway`.

        Raises Unreadable for times without a zone, BadReceipt where the signature is not about exactly this answer.
        """
        if start.tzinfo is None or end.tzinfo is None:
            raise Unreadable("the times of a period need a zone")
        query = {"from": start.isoformat(), "to": end.isoformat()} | ({"gateway": gateway} if gateway else {})
        since = self._clock()
        answer = self._call("GET", f"/v1/reconciliation?{urlencode(query)}", timeout=RECONCILING_SECONDS)
        asked = RequestedPeriod(gateway or self.party, start, end, since)
        issuer, now = self.issuer(), self._clock()
        keys = self._keys or self._fetch_keys()
        try:
            reconciliation.check(answer, keys, issuer=issuer, now=now, asked=asked)
        except UnknownKey:
            reconciliation.check(answer, self._fetch_keys(), issuer=issuer, now=now, asked=asked)
        return answer

    def manifest(self, members: Mapping[str, Any]) -> str:
        """Sign what a file is (kind, format, charset, rows, sha256, size, …): a compact JWS, typ `upload+jws`."""
        return self._signer.statement("upload", members, self.issuer(), int(self._clock()))

    def open_upload(self, manifest: str) -> Json:
        """Announce a file: `{upload_id, state, url, headers, expires_at}`; `url` and `headers` while it is awaited.

        The same manifest again is the same upload, with a fresh URL.
        """
        opened = self._call("POST", "/v1/uploads", sendable({"manifest": manifest}), UPLOAD_SECONDS)
        opened.setdefault("state", "awaiting_file")
        headers = opened.get("headers")
        if (
            not isinstance(opened.get("upload_id"), str)
            or opened["state"] not in _STATES
            or (opened["state"] == "awaiting_file" and not (isinstance(opened.get("url"), str) and _texts(headers)))
        ):
            raise BadAnswer("the answer does not say where the file is to go")
        return opened

    def send_file(self, opened: Mapping[str, Any], chunks: Iterable[bytes], size: int) -> None:
        """PUT the file where `open_upload` said. Raises Unavailable with status 403 where its URL is no longer good."""
        self._storage.put(opened["url"], opened["headers"], chunks, size)

    def upload(self, upload_id: str) -> Json:
        """How far an upload is: `{upload_id, state, rows, accepted, unchanged, rejected, withdrawn?,
        withdrawals_to_confirm?, problem?, rejects_url?}`. Raises NotFound for somebody else's."""
        answer = self._call("GET", f"/v1/uploads/{quote(upload_id, safe='')}", timeout=UPLOAD_SECONDS)
        if answer.get("state") not in _STATES:
            raise BadAnswer("the answer does not say how far the upload is")
        return answer

    def first_rejects(self, upload: Mapping[str, Any], most: int = 5) -> list[Json]:
        """The first rejects of an upload that is done: `{row, column, code, message}`; no more is fetched."""
        return first_rejects(self._storage.start_of(str(upload.get("rejects_url")), _START_OF_REJECTS), most)

    def verify_receipt(
        self, receipt: str, *, text: str | None = None, expired_ok: bool = False, **expected: Any
    ) -> Json:
        """The claims of a receipt that the service signed about exactly this. Raises BadReceipt, saying what differs.

        `text` is the text as it will be delivered. `expected`: claims that must have that value, at least
        `message_id`; usually `decision="allow"` too. `expired_ok` is for looking back, never before sending.
        """
        if text is not None:
            expected["text_sha256"] = digest_of(text)
        issuer, now = self.issuer(), self._clock()
        keys = self._keys or self._fetch_keys()
        try:
            return check(receipt, keys, issuer=issuer, now=now, expected=expected, expired_ok=expired_ok)
        except UnknownKey:
            # The service may have changed its key since we asked for them.
            keys = self._fetch_keys()
            return check(receipt, keys, issuer=issuer, now=now, expected=expected, expired_ok=expired_ok)

    def issuer(self) -> str:
        """The service's name: the `aud` of all that is signed for it, the `iss` of its receipts."""
        if self._issuer is None:
            issuer = self.discovery().get("issuer")
            if not isinstance(issuer, str) or not issuer:
                raise BadAnswer("the service does not say who it is; check the URL")
            self._issuer = issuer
        return self._issuer

    @property
    def kid(self) -> str:
        """The thumbprint of the key that signs here."""
        return self._signer.kid

    def _call(self, method: str, path: str, body: bytes | None = None, timeout: float = 0.0) -> Json:
        with self._authorized() as headers:
            if body is not None:
                headers["Content-Type"] = "application/json"
            return self._http.ask(method, path, headers=headers, body=body, timeout=timeout)

    @contextmanager
    def _authorized(self) -> Iterator[dict[str, str]]:
        """The headers of a call that this party makes."""
        try:
            yield {**self._headers, "Authorization": f"Bearer {self._bearer()}"}
        except NotAllowed:
            # The next call signs a new token: this one may be too old by the service's clock.
            self._token = None
            raise

    def _bearer(self) -> str:
        now = self._clock()
        if self._token is None or now >= self._token[1]:
            token = self._signer.token(self.issuer(), int(now))
            self._token = (token, now + TOKEN_LIFETIME - _RENEW_BEFORE)
        return self._token[0]

    def _fetch_keys(self) -> list[Json]:
        keys = self.jwks().get("keys")
        if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
            raise BadAnswer("the service's keys are not a JWK set")
        self._keys = keys
        return keys


def _is_about(answer: Json, decision_id: str, attempt: int | None) -> bool:
    """Whether this is a case file of that decision, so far as one sees without checking it."""
    decision = answer.get("decision")
    record = decision.get("record") if isinstance(decision, dict) else None
    if not isinstance(record, dict) or record.get("decision_id") != decision_id:
        return False
    return attempt is None or record.get("attempt") == attempt


def _texts(headers: Any) -> bool:
    return isinstance(headers, dict) and all(isinstance(one, str) for pair in headers.items() for one in pair)


def _results(answer: Json, signed: list[str]) -> list[Json]:
    """The results, one for each statement and in order, held to the ids that the statements have by themselves."""
    results = answer.get("results")
    ids = ["sha256:" + hashlib.sha256(statement.encode()).hexdigest() for statement in signed]
    if (
        not isinstance(results, list)
        or not all(isinstance(result, dict) and result.get("status") in _STATUSES for result in results)
        or [result.get("statement_id") for result in results] != ids
    ):
        raise BadAnswer("the answer does not say what became of these statements")
    return results
