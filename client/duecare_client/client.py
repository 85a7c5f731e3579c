"""The HTTP client of gateways and creditors.

    with Client("https://duecare.example", "some-gateway", "gateway.jwk") as duecare:
        permission = duecare.may_send(message)   # raises: do not send
        if permission:                           # false for every answer that does not permit sending
            ...                                  # send now, and keep permission.receipt

A client holds a connection pool, one bearer token and the service's public keys. It is safe to share between threads.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlencode

import httpx

from duecare_client.checks import permission as permissions
from duecare_client.checks import reconciliation
from duecare_client.checks.acknowledgements import verify_acknowledgement
from duecare_client.checks.permission import Decision, Permission
from duecare_client.checks.receipts import CLOCK_SKEW, UnknownKey, check_receipt
from duecare_client.checks.reconciliation import RequestedPeriod
from duecare_client.errors import BadAnswer, BadReceipt, NotAllowed, TokenRefused, Unreadable
from duecare_client.issuers import IssuerPins, user_pins
from duecare_client.keyfile import read_private
from duecare_client.signing import TOKEN_LIFETIME, Signer, json_bytes
from duecare_client.storage import Storage, first_rejects
from duecare_client.subjects import with_subject
from duecare_client.transport import Json, Transport

MAX_STATEMENTS_PER_CALL = 100
# The service accepts statements one transaction after another, and no message waits for them.
STATEMENTS_TIMEOUT = 29.0
# A reconciliation reads a month of a busy gateway, decision by decision.
RECONCILIATION_TIMEOUT = 29.0
# A person waits for these calls, not a gateway with a message in hand.
UPLOAD_TIMEOUT = 15.0
_RENEW_TOKEN_BEFORE = 60
# A clock that is further off than this has another fault than drift, and a person must look at it.
MAX_CLOCK_CORRECTION = 24 * 3600.0
_WRONG_IN_TIME = frozenset({"token-ahead", "token-expired"})
_STATEMENT_STATUSES = frozenset({"accepted", "unchanged", "rejected"})
_UPLOAD_STATES = frozenset({"awaiting_file", "importing", "done", "refused"})
_REJECTS_BYTES = 16 * 1024

_Checked = TypeVar("_Checked")


class Reader:
    """The public part of a service: discovery, keys, status, log. `timeout`: seconds for one call."""

    def __init__(self, url: str, *, timeout: float = 3.0, transport: httpx.BaseTransport | None = None) -> None:
        self._http = Transport(url, timeout=timeout, transport=transport)
        self._headers = {"Accept": "application/json, application/problem+json", "User-Agent": "duecare-client"}

    def discovery(self) -> Json:
        """`{issuer, jwks_uri, log, rules_version, limits}`."""
        return self._public("/.well-known/duecare")

    def jwks(self) -> Json:
        """The service's receipt keys, current and past, as a JWK set (RFC 7517, section 5)."""
        return self._public("/.well-known/jwks.json")

    def status(self) -> Json:
        """The service's status while it can decide. Raises Unavailable, which names the failing part, otherwise."""
        return self._public("/v1/status")

    def log_object(self, name: str) -> bytes | None:
        """An object of the log (`checkpoint`, `tile/…`), or None if it does not exist."""
        return self._http.read(f"/log/{name}", headers={"User-Agent": "duecare-client"}, timeout=UPLOAD_TIMEOUT)

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

    `issuer`: the service's name. The client signs for no other: it refuses a server that names another one. Without it
    the issuer is pinned in this user's state directory when the key is first used (duecare_client.issuers).
    `subject_secret`: a creditor's own 32 bytes, by which `identity` in a consent or a debt becomes `subject`
    (duecare_client.subjects). `timeout`: seconds for a whole call; some calls of a creditor take longer. `language`:
    `zh-CN` or `en`, for the messages of reasons. `transport` replaces the network in tests, where nothing is pinned on
    disk.

    `url` must be https, except for a service on this machine. Discovery and the service's keys are read under this URL
    alone: `jwks_uri` is not followed, nor is a redirect.

    Raises BadKey and BadSettings. Every method that calls the service raises CannotDecide if there is no answer, and
    RequestError if the request is wrong. Nothing else is raised, whatever the service responds.
    """

    def __init__(  # noqa: PLR0913
        self,
        url: str,
        party: str,
        key: Mapping[str, Any] | str | os.PathLike[str],
        *,
        issuer: str | IssuerPins | None = None,
        subject_secret: bytes | None = None,
        timeout: float = 3.0,
        language: str | None = None,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        jwk = key if isinstance(key, Mapping) else read_private(Path(key))
        self.party = party
        self.subject_secret = subject_secret
        self._signer = Signer(party, jwk)
        super().__init__(url, timeout=timeout, transport=transport)
        self._storage = Storage(secure=url.startswith("https:"), transport=transport)
        if language:
            self._headers["Accept-Language"] = language
        self._clock = clock
        if not isinstance(issuer, IssuerPins):
            issuer = IssuerPins(None, issuer) if transport else user_pins(os.environ, issuer)
        self._pins = issuer
        self._issuer: str | None = None
        self._clock_correction = 0.0  # seconds, added to this machine's clock
        self._token: tuple[str, float] | None = None
        self._keys: list[Json] | None = None

    # Messages

    def may_send(self, message: Mapping[str, Any]) -> Permission:
        """Asks whether this message may be sent now. Send only if the result is true.

        The result is true only if the answer is an enforced, final allow that has not expired, and its receipt is
        signed by the service, names this message_id, creditor, collector, channel and text, and says the same as the
        answer. (A receipt names the recipient by a salted digest, which only the case file opens.) A denial, a
        rehearsal and an answer in shadow mode are false, and `why_not` says why.

        Raises CannotDecide if there is no answer: hold the message and ask again with the same `message_id`, which is
        the idempotency key. Raises RequestError if the message is wrong, and BadReceipt if the receipt does not prove
        the answer; a person has to look at both. After any exception, do not send.
        """
        if not isinstance(message, Mapping):
            raise Unreadable("a message is a mapping of its members, such as message_id, recipient, creditor and text")
        asked = dict(message)
        return self.check_answer(asked, self.verify(asked))

    def verify(self, message: Mapping[str, Any]) -> Json:
        """The whole answer of `POST /v1/verify`, with its findings; its receipt is not checked.

        This is no permission to send. Use `may_send`, or pass the answer to `check_answer`.
        """
        answer = self._call("POST", "/v1/verify", json_bytes(message))
        if permissions.read_answer(answer).message_id != message.get("message_id"):
            raise BadAnswer("the answer is about another message: its message_id differs")
        return answer

    def check_answer(self, message: Mapping[str, Any], answer: Mapping[str, Any]) -> Permission:
        """Checks an answer of `verify` against its receipt and the message. Raises as `may_send` does."""
        read = permissions.read_answer(answer)
        expected = {**permissions.claims_of_answer(read), **permissions.claims_of_message(message)}
        if read.message_id != message["message_id"]:
            raise BadReceipt("the answer is about another message: its message_id differs. Do not send")
        self._receipt_claims(read.receipt, {**expected, "gateway": self.party})
        permissions.check_requested(message, read)
        return Permission(
            decision=read.decision,
            decision_id=read.decision_id,
            attempt=read.attempt,
            message_id=read.message_id,
            reasons=read.reasons,
            valid_until=read.valid_until,
            retry_at=read.retry_at,
            enforced=read.enforced,
            provisional=read.provisional,
            receipt=read.receipt,
            clock=self._clock,
        )

    def verify_receipt(
        self,
        receipt: str,
        *,
        message: Mapping[str, Any],
        decision: Decision,
        gateway: str | None = None,
        any_text: bool = False,
        expired_ok: bool = False,
        rehearsal_ok: bool = False,
        shadow_ok: bool = False,
    ) -> Json:
        """The claims of a receipt that proves this decision about this message. Raises BadReceipt otherwise.

        For evidence that was kept; before sending, use `may_send`. `message`: the members `message_id`, `creditor`,
        `collector` (if it had one), `channel` and `text`, as asked. `gateway`: the party that asked, if not this one.

        Each check has to be left out by name: `any_text` if the text was not kept, `expired_ok` to look back,
        `rehearsal_ok` to accept a rehearsal, `shadow_ok` to accept an answer in shadow mode.
        """
        expected = permissions.claims_of_message(message, any_text=any_text)
        expected |= {"decision": decision, "gateway": gateway or self.party}
        if not rehearsal_ok:
            expected["provisional"] = False
        if not shadow_ok:
            expected["enforced"] = True
        return self._receipt_claims(receipt, expected, expired_ok=expired_ok)

    def decision(self, decision_id: str) -> Json:
        """A decision as it was recorded: `{answer, record, log}`. Raises NotFound for a decision of others."""
        return self._call("GET", f"/v1/decisions/{_segment(decision_id)}")

    def check_recorded(self, decision_id: str, answer: Mapping[str, Any]) -> Json:
        """Checks the answer of a recorded decision against its receipt, expired or not; returns the receipt's claims.

        Raises BadAnswer and BadReceipt. The text of the message is not checked: a record does not hold it.
        """
        read = permissions.read_answer(answer)
        expected = {**permissions.claims_of_answer(read), "jti": decision_id}
        return self._receipt_claims(read.receipt, expected, expired_ok=True)

    def bundle(self, decision_id: str, attempt: int | None = None) -> bytes:
        """The case file of a decision, for its gateway, its creditor or an auditor; of the newest attempt by default.

        Check it with `duecare_core.evidence.casefile.bundle.check`. Raises Conflict (`not-logged-yet`) during the
        seconds before the decision is in the log.
        """
        path = f"/v1/decisions/{_segment(decision_id)}/bundle" + (f"?attempt={attempt}" if attempt else "")
        with self._authorized() as headers:
            answer, data = self._http.fetch(path, headers=headers, timeout=UPLOAD_TIMEOUT)
        if not _is_case_file_of(answer, decision_id, attempt):
            raise BadAnswer("the answer is not the case file of this decision")
        return data

    def reconciliation(self, start: datetime, end: datetime, gateway: str | None = None) -> Json:
        """A gateway's deliveries from `start` to before `end`, compared with the decisions about its messages.

        Returns `{gateway, from, to, final, ok, truncated, counts, …, signed}`, signed by the service, with a list for
        each kind of finding (duecare_core.domain.reconciliation). An auditor names the `gateway`.

        Raises Unreadable for times without a zone, BadReceipt if the signature does not cover exactly this answer.
        """
        if start.tzinfo is None or end.tzinfo is None:
            raise Unreadable("the times of a period need an offset from UTC, such as 2026-11-01T00:00:00+08:00")
        query = {"from": start.isoformat(), "to": end.isoformat()} | ({"gateway": gateway} if gateway else {})
        requested = RequestedPeriod(gateway or self.party, start, end, since=self._clock())
        answer = self._call("GET", f"/v1/reconciliation?{urlencode(query)}", timeout=RECONCILIATION_TIMEOUT)
        issuer, now = self.issuer(), self._clock()
        self._with_keys(lambda keys: reconciliation.check(answer, keys, issuer=issuer, now=now, requested=requested))
        return answer

    # Statements

    def state(self, kind: str, members: Mapping[str, Any]) -> Json:
        """Signs one statement and sends it. Returns `{statement_id, status, effect?, acknowledgement?, problem?,
        read_as?, same_as?}`. `identity` in a consent or a debt becomes `subject` before.

        `status` is `accepted`, `unchanged` or `rejected`. A rejection is a result and not an exception: check it. Keep
        the acknowledgement; `verify_acknowledgement` checks it.
        """
        return self.state_many([(kind, members)])[0]

    def state_many(self, statements: Iterable[tuple[str, Mapping[str, Any]]]) -> list[Json]:
        """Signs and sends any number of (kind, members), a hundred in a call; returns the results in the same order.

        If this raises, statements of earlier calls may have been accepted. It is safe to state everything again.
        """
        results: list[Json] = []
        remaining = iter(statements)
        while batch := list(islice(remaining, MAX_STATEMENTS_PER_CALL)):
            now, issuer = int(self._signing_time()), self.issuer()
            signed = [
                self._signer.statement(kind, with_subject(kind, members, self.subject_secret), issuer, now)
                for kind, members in batch
            ]
            answer = self._call("POST", "/v1/statements", json_bytes({"statements": signed}), STATEMENTS_TIMEOUT)
            results += _results(answer, signed)
            self._learn_clock(results)
        return results

    def now(self) -> datetime:
        """The time by the service's clock, as far as the service has said it: for the times of facts. A consent, debt,
        mandate or route that is dated after that clock is rejected (`dated-ahead`)."""
        return datetime.fromtimestamp(self._signing_time(), UTC)

    def verify_acknowledgement(
        self,
        acknowledgement: str,
        *,
        statement_id: str,
        kind: str | None = None,
        recipient: str | None = None,
        party: str | None = None,
    ) -> Json:
        """The claims of an acknowledgement that the service signed for this statement. Raises BadReceipt otherwise.

        For a result with `same_as`, give that as `statement_id`: the acknowledgement is that of the first statement.
        `party`: whose statement it was, if not this one's.
        """
        now = self._clock()
        return self._with_keys(
            lambda keys: verify_acknowledgement(
                acknowledgement,
                keys,
                statement_id=statement_id,
                party=party or self.party,
                now=now,
                kind=kind,
                recipient=recipient,
            )
        )

    def statement(self, statement_id: str) -> Json:
        """The acknowledgement of a statement, and its proof in the log: `{statement_id, acknowledgement, log}`. Raises
        NotFound for a statement that was never accepted, or of another party."""
        return self._call("GET", f"/v1/statements/{_segment(statement_id)}")

    # Uploads

    def manifest(self, members: Mapping[str, Any]) -> str:
        """Signs the description of a file (kind, format, charset, rows, sha256, size, …) as `upload+jws`."""
        return self._signer.statement("upload", members, self.issuer(), int(self._signing_time()))

    def open_upload(self, manifest: str, rows_seed: str | None = None) -> Json:
        """Announces a file; `rows_seed`: of its `rows_root`, in hexadecimal.

        Returns `{upload_id, state, url, headers, expires_at}`; `url` and `headers` only while the service waits for the
        file. The same manifest again, with the same seed, is the same upload, with a new URL.
        """
        body = {"manifest": manifest} | ({} if rows_seed is None else {"rows_seed": rows_seed})
        opened = self._call("POST", "/v1/uploads", json_bytes(body), UPLOAD_TIMEOUT)
        opened.setdefault("state", "awaiting_file")
        complete = isinstance(opened.get("upload_id"), str) and _is_upload_state(opened["state"])
        if complete and opened["state"] == "awaiting_file":
            complete = isinstance(opened.get("url"), str) and _are_headers(opened.get("headers"))
        if not complete:
            raise BadAnswer("the answer does not say where to send the file")
        return opened

    def send_file(self, opened: Mapping[str, Any], chunks: Iterable[bytes], size: int) -> None:
        """PUTs the file to the address from `open_upload`. Raises Unavailable with status 403 if it has expired."""
        self._storage.put(opened["url"], opened["headers"], chunks, size)

    def upload(self, upload_id: str) -> Json:
        """The progress of an upload: `{upload_id, state, rows, accepted, unchanged, rejected, withdrawn?,
        withdrawals_to_confirm?, problem?, rejects_url?}`. Raises NotFound for an upload of others."""
        answer = self._call("GET", f"/v1/uploads/{_segment(upload_id)}", timeout=UPLOAD_TIMEOUT)
        if not _is_upload_state(answer.get("state")):
            raise BadAnswer("the answer does not give the state of the upload")
        return answer

    def first_rejects(self, upload: Mapping[str, Any], limit: int = 5) -> list[Json]:
        """The first rejects of a finished upload, as `{row, column, code, message}`. Fetches only the start of the
        rejects file."""
        return first_rejects(self._storage.start_of(str(upload.get("rejects_url")), _REJECTS_BYTES), limit)

    # The party and the service

    def issuer(self) -> str:
        """The service's name: the `aud` of everything signed for it, and the `iss` of its receipts.

        Raises BadSettings if the server names another issuer than the configured or pinned one.
        """
        if self._issuer is None:
            named = self.discovery().get("issuer")
            if not isinstance(named, str) or not named:
                raise BadAnswer("the service does not name its issuer; check the URL")
            self._issuer = self._pins.signs_for(self.kid, self._http.base, named)
        return self._issuer

    def whoami(self) -> Json:
        """The party, roles and key that the service sees in this client's token, and its clock: `{party, roles, kid,
        state, token_expires_at, server_time}`. Raises TokenRefused, which says what to check."""
        return self._call("GET", "/v1/whoami")

    @property
    def kid(self) -> str:
        """The thumbprint of the key that this client signs with."""
        return self._signer.kid

    def _call(self, method: str, path: str, body: bytes | None = None, timeout: float = 0.0) -> Json:
        """Calls once more if the service says that the token is wrong in time, and what time it is."""
        try:
            return self._call_once(method, path, body, timeout)
        except TokenRefused as refused:
            if refused.name not in _WRONG_IN_TIME or not self._set_clock(refused.server_time):
                raise
        return self._call_once(method, path, body, timeout)

    def _call_once(self, method: str, path: str, body: bytes | None, timeout: float) -> Json:
        with self._authorized() as headers:
            if body is not None:
                headers["Content-Type"] = "application/json"
            return self._http.ask(method, path, headers=headers, body=body, timeout=timeout)

    @contextmanager
    def _authorized(self) -> Iterator[dict[str, str]]:
        """The headers of a call in the name of this party."""
        try:
            yield {**self._headers, "Authorization": f"Bearer {self._bearer()}"}
        except NotAllowed as refused:
            # The token may be too old by the service's clock, so the next call signs a new one.
            self._token = None
            if isinstance(refused, TokenRefused):
                raise self._explained(refused) from None
            raise

    def _explained(self, refused: TokenRefused) -> TokenRefused:
        """The same refusal, with what to check."""
        checks = (
            f"check that the key {self.kid} is registered for the party {self.party} and not revoked (the operator "
            f"sees it with `duecare admin party show {self.party}`), and that {self.party} is your party id"
        )
        explained = TokenRefused(
            f"{refused.detail.rstrip('.')}. The service refused the token: {checks}. {self._clock_says(refused)}"
        )
        explained.status, explained.name, explained.title = refused.status, refused.name, refused.title
        explained.server_time, explained.errors = refused.server_time, refused.errors
        return explained

    def _clock_says(self, refused: TokenRefused) -> str:
        if refused.server_time is None:
            return "Check this machine's clock too"
        ahead = round(self._clock() - refused.server_time.timestamp())
        if abs(ahead) <= CLOCK_SKEW:
            return "This machine's clock agrees with the service's"
        way = "ahead of" if ahead > 0 else "behind"
        return f"This machine's clock is {abs(ahead)} seconds {way} the service's: correct it"

    def _signing_time(self) -> float:
        """Seconds since 1970 by the service's clock: this machine's until the service has said that it differs."""
        return self._clock() + self._clock_correction

    def _set_clock(self, server_time: datetime | None) -> bool:
        """Take over the service's clock for what is signed. Returns whether that changes anything."""
        if server_time is None:
            return False
        correction = server_time.timestamp() - self._clock()
        if abs(correction - self._clock_correction) < 1 or abs(correction) > MAX_CLOCK_CORRECTION:
            return False
        self._clock_correction = correction
        return True

    def _learn_clock(self, results: Iterable[Mapping[str, Any]]) -> None:
        """Statements that were rejected as dated ahead say the service's clock."""
        for result in results:
            problem = result.get("problem")
            said = problem.get("server_time") if isinstance(problem, Mapping) else None
            if isinstance(said, str):
                self._set_clock(_instant(said))

    def _bearer(self) -> str:
        now = self._signing_time()
        if self._token is None or now >= self._token[1]:
            token = self._signer.token(self.issuer(), int(now))
            self._token = (token, now + TOKEN_LIFETIME - _RENEW_TOKEN_BEFORE)
        return self._token[0]

    def _receipt_claims(self, receipt: str, expected: Mapping[str, Any], *, expired_ok: bool = False) -> Json:
        issuer, now = self.issuer(), self._clock()
        return self._with_keys(
            lambda keys: check_receipt(receipt, keys, issuer=issuer, now=now, expected=expected, expired_ok=expired_ok)
        )

    def _with_keys(self, check: Callable[[list[Json]], _Checked]) -> _Checked:
        """Runs a check with the service's keys; fetches them again once if it meets a key that is not among them."""
        try:
            return check(self._keys or self._fetch_keys())
        except UnknownKey:
            return check(self._fetch_keys())

    def _fetch_keys(self) -> list[Json]:
        keys = self.jwks().get("keys")
        if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
            raise BadAnswer("the service's keys are not a JWK set")
        self._keys = keys
        return keys


def _instant(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.utcoffset() is not None else None


def _segment(name: str) -> str:
    """A segment of a path, quoted. Raises Unreadable."""
    try:
        return quote(name, safe="")
    except UnicodeEncodeError:
        raise Unreadable("an id with half of a surrogate pair cannot be sent") from None


def _is_case_file_of(answer: Json, decision_id: str, attempt: int | None) -> bool:
    """Whether the answer looks like the case file of that decision. `duecare bundle verify` does the real check."""
    decision = answer.get("decision")
    record = decision.get("record") if isinstance(decision, dict) else None
    if not isinstance(record, dict) or record.get("decision_id") != decision_id:
        return False
    return attempt is None or record.get("attempt") == attempt


def _is_upload_state(value: Any) -> bool:
    return isinstance(value, str) and value in _UPLOAD_STATES


def _are_headers(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(part, str) for pair in value.items() for part in pair)


def _results(answer: Json, signed: list[str]) -> list[Json]:
    """One result for each statement, in order. Raises BadAnswer if their ids are not those of the statements."""
    results = answer.get("results")
    ids = ["sha256:" + hashlib.sha256(statement.encode()).hexdigest() for statement in signed]
    if (
        not isinstance(results, list)
        or not all(isinstance(result, dict) for result in results)
        or not all(str(result.get("status")) in _STATEMENT_STATUSES for result in results)
        or [result.get("statement_id") for result in results] != ids
    ):
        raise BadAnswer("the answer does not give the result of each statement")
    return results
