"""Decides whether one message may be sent: the answer of the service and its receipt must both say so, and agree."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec

from duecare_client.checks.receipts import digest_of
from duecare_client.errors import BadAnswer, BadReceipt, Unreadable

Decision = Literal["allow", "deny"]
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class DenialReason(msgspec.Struct, frozen=True):
    """One reason of a denial. `code` is stable, such as `DEBT_MISSING`; `message` is a sentence for a person."""

    code: str
    message: str


class ReceivedAnswer(msgspec.Struct, frozen=True):
    """The members of an answer to `POST /v1/verify` that decide whether a message may be sent."""

    decision: Decision
    decision_id: str
    attempt: int
    message_id: str
    reasons: tuple[DenialReason, ...]
    valid_until: _Instant
    receipt: str
    enforced: bool
    provisional: bool
    retry_at: _Instant | None = None


@dataclass(frozen=True)
class Permission:
    """Whether one message may be sent now. It is true only while the message may be sent, and false otherwise.

    `if permission:` reads the clock each time, so a permission that waited in a queue turns false at `valid_until`.
    `why_not` says why a message must not be sent. Keep `receipt`: it proves that you asked, and what the answer was.
    `reasons` lists every reason of a denial. `retry_at` is the first instant at which time alone cures them all.

    Made by `Client.may_send` and `Client.check_answer`, after the receipt was verified.
    """

    decision: Decision
    decision_id: str
    attempt: int
    message_id: str
    reasons: tuple[DenialReason, ...]
    valid_until: datetime
    retry_at: datetime | None
    enforced: bool
    provisional: bool
    receipt: str
    clock: Callable[[], float] = field(default=time.time, repr=False, compare=False)

    def __bool__(self) -> bool:
        return self._valid(self.clock())

    def valid_at(self, at: datetime) -> bool:
        """Whether the message may be sent at this instant, which has an offset. Raises Unreadable for any other value:
        a naive datetime would be read in the time zone of this machine."""
        return self._valid(_instant(at))

    def _valid(self, seconds: float) -> bool:
        final = self.enforced is True and self.provisional is False
        return self.decision == "allow" and final and seconds < int(self.valid_until.timestamp())

    @property
    def why_not(self) -> str:
        """Why the message must not be sent now, in English; empty while it may be sent."""
        if self:
            return ""
        why = []
        if self.decision != "allow":
            retry = f" (ask again at {_spelled(self.retry_at)})" if self.retry_at else ""
            why.append(f"denied: {', '.join(reason.code for reason in self.reasons)}{retry}")
        if self.provisional:
            why.append("a rehearsal is never a permission: ask again without send_at when the message is due")
        if not self.enforced:
            why.append("shadow mode: the decision is recorded and permits nothing")
        if not why:
            why.append(f"expired at {_spelled(self.valid_until)}: ask again with the same message_id")
        return "; ".join(why)


def _instant(at: object) -> float:
    if not isinstance(at, datetime) or at.utcoffset() is None:
        raise Unreadable("an instant is a datetime with an offset, such as datetime.now(UTC)")
    return at.timestamp()


def _spelled(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def read_answer(answer: Mapping[str, Any]) -> ReceivedAnswer:
    """The answer in the form of the contract. Raises BadAnswer for any other form."""
    try:
        read = msgspec.convert(answer, ReceivedAnswer)
        read.valid_until.timestamp()
        if read.retry_at:
            _spelled(read.retry_at)
    except (msgspec.ValidationError, ValueError, OverflowError, RecursionError) as error:
        raise BadAnswer(f"the answer is not a decision in the form of the contract: {error}") from None
    if (read.decision == "allow") is bool(read.reasons):
        raise BadAnswer("the answer contradicts itself: a denial has reasons, and an allow has none")
    return read


def claims_of_answer(answer: ReceivedAnswer) -> dict[str, Any]:
    """The claims that a receipt must carry to say the same as the answer."""
    return {
        "decision": answer.decision,
        "jti": answer.decision_id,
        "attempt": answer.attempt,
        "message_id": answer.message_id,
        "reasons": [reason.code for reason in answer.reasons],
        "exp": int(answer.valid_until.timestamp()),
        "provisional": answer.provisional,
        "enforced": answer.enforced,
    }


def check_requested(message: Mapping[str, Any], answer: ReceivedAnswer) -> None:
    """Raises BadReceipt if the message asked for shadow mode and the answer says that it is enforced."""
    if message.get("shadow") and answer.enforced:
        raise BadReceipt("the answer does not match: the message asked for shadow mode. Do not send")


def claims_of_message(message: Mapping[str, Any], *, any_text: bool = False) -> dict[str, Any]:
    """The claims that a receipt must carry to be about this message. `any_text` leaves out the digest of the text.

    Raises Unreadable for a message without the members that identify it, BadReceipt for a text that has no digest.
    """
    needed = ("message_id", "creditor", "channel", *(() if any_text else ("text",)))
    if missing := [name for name in needed if not isinstance(message.get(name), str)]:
        raise Unreadable(f"the message needs {', '.join(missing)} (as text) to be compared with its receipt")
    claims = {name: message[name] for name in ("message_id", "creditor", "channel")}
    claims["collector"] = message.get("collector") or message["creditor"]
    return claims if any_text else {**claims, "text_sha256": digest_of(message["text"])}
