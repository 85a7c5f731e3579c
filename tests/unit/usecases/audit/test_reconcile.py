"""GET /v1/reconciliation as a use case: decisions come through the log, deliveries as statements."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from msgspec import structs

from duecare.ports import Document, IndexEntry
from duecare.runtime.http import ok
from duecare.usecases.audit import reconcile as usecase
from duecare.usecases.audit.reconcile import Reconcile, ReconciliationQuery
from duecare.usecases.log import decision_pages as listing
from duecare.usecases.log import sequencer as sequence
from duecare_core.domain.reconciliation import COUNTS, FINDINGS, MAX_LISTED, Discrepancy, Period, Reconciliation
from duecare_core.errors import NotAllowed, NotFound, RequestError, SecretsFailed, StoreFailed, Unacceptable
from duecare_core.evidence.receipt import ReceiptKey
from duecare_core.evidence.reconciliation import TYP, result_digest
from duecare_core.evidence.record import Record, text_digest
from tests.support.logs import LoggedWorld
from tests.support.memory import MemoryTable
from tests.support.world import CASE_TEXT, DAY, ISSUER, NOW, stamp

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
SENT = text_digest(CASE_TEXT)


class Reconciled(LoggedWorld):
    """A world with a log and deliveries, and their reconciliation."""

    def __init__(self) -> None:
        super().__init__()
        self.honest()

    def deliver(self, message_id: str = "m-1", gateway: str = "xinxi", **changes: Any) -> str:
        members = {"message_id": message_id, "at": stamp(self.now), "status": "delivered", "text_sha256": SENT}
        return self.accepted(gateway, "delivery", **members | changes)

    def settle(self) -> None:
        """An hour later, with the log caught up."""
        self.now += HOUR
        self.debt(debt_ref="later", as_of=stamp(self.now))
        self.sequenced()

    def use_case(self, **parts: Any) -> Reconcile:
        given: dict[str, Any] = {"reader": self.table, "ranges": self.table, "receipt_key": lambda: self.receipt_key}
        return Reconcile(**given | parts, issuer=ISSUER, clock=self.clock)

    def ask(
        self,
        party: str = "xinxi",
        gateway: str | None = None,
        start: datetime = NOW - HOUR,
        end: datetime = NOW + 30 * MINUTE,
    ) -> dict[str, Any]:
        return self.use_case()(self.caller(party), ReconciliationQuery(start=start, end=end, gateway=gateway))


@pytest.fixture
def world() -> Reconciled:
    return Reconciled()


def counted(answer: dict[str, Any]) -> dict[str, int]:
    return {name: count for name, count in answer["counts"].items() if count}


def test_an_allowed_and_delivered_message_is_ok(world: Reconciled) -> None:
    world.verify()
    world.deliver()
    world.settle()
    answer = world.ask()
    assert counted(answer) == {"deliveries": 1, "matched": 1, "decisions": 1, "allowed": 1}
    assert (answer["ok"], answer["final"], answer["truncated"]) == (True, True, False)
    assert all(answer[name] == [] for name in FINDINGS)
    assert (answer["gateway"], answer["from"], answer["to"]) == (
        "xinxi",
        "2026-11-24T08:00:00Z",
        "2026-11-24T09:30:00Z",
    )
    assert answer["complete_until"] == "2026-11-24T09:59:00Z"
    assert answer["log_size"] > 5


def test_each_finding_names_its_decision(world: Reconciled) -> None:
    denied = world.verify(message_id="m-denied", text="【某资产】再不还就联系你的父母,退订回T").record
    allowed = world.verify(message_id="m-silent").record
    statement = world.deliver("m-denied", text_sha256=denied.text_sha256)
    world.deliver("m-unasked")
    world.settle()
    answer = world.ask()
    assert not answer["ok"]
    assert counted(answer) == {
        "deliveries": 2,
        "decisions": 2,
        "allowed": 1,
        "denied": 1,
        "delivered_without_decision": 1,
        "delivered_though_denied": 1,
        "allowed_without_delivery": 1,
    }
    assert answer["delivered_though_denied"] == [
        {
            "message_id": "m-denied",
            "delivered_at": "2026-11-24T09:00:00Z",
            "statement_id": statement,
            "decision_id": denied.decision_id,
            "decision": "deny",
            "decided_at": "2026-11-24T09:00:00Z",
            "valid_until": "2026-11-24T09:02:00Z",
        }
    ]
    assert [one["message_id"] for one in answer["delivered_without_decision"]] == ["m-unasked"]
    assert "decision_id" not in answer["delivered_without_decision"][0]
    assert [one["decision_id"] for one in answer["allowed_without_delivery"]] == [allowed.decision_id]


def test_shadow_rehearsal_expiry_and_another_text_are_distinguished(world: Reconciled) -> None:
    world.verify(message_id="m-shadow", shadow=True)
    world.verify(message_id="m-rehearsed", send_at=world.now + HOUR)
    world.verify(message_id="m-late")
    world.verify(message_id="m-text")
    for message_id in ("m-shadow", "m-rehearsed"):
        world.deliver(message_id)
    world.deliver("m-text", text_sha256="sha256:" + "0" * 64)
    world.now += 121 * SECOND
    world.deliver("m-late")
    world.settle()
    found = {name: count for name, count in counted(world.ask()).items() if name in FINDINGS}
    assert found == dict.fromkeys(
        ["delivered_on_rehearsal", "delivered_unenforced", "delivered_other_text", "delivered_after_expiry"], 1
    )


def test_the_sequencer_lists_every_attempt(world: Reconciled) -> None:
    first = world.verify().record
    world.accepted("xinxi", "opt-out", recipient="+8613812345678", creditor="mou-zichan", received_at=stamp(world.now))
    world.now += SECOND
    second = world.verify().record
    assert (first.decision, second.decision, second.attempt) == ("allow", "deny", 2)
    world.deliver()
    world.settle()
    assert counted(world.ask()) == {
        "deliveries": 1,
        "decisions": 2,
        "allowed": 1,
        "denied": 1,
        "delivered_though_denied": 1,
    }


# The pages of the listing


def logged(world: Reconciled, *pages: list[tuple[int, Record]]) -> None:
    """Decisions as moves of the head have listed them: each with the index of its entry, in the order of the log."""
    for page in pages:
        decisions = [(index, record.decision_id, world.summary(record)) for index, record in page]
        world.table.put([IndexEntry(document) for document in listing.pages(decisions)])


def decided(world: Reconciled) -> Record:
    return world.verify(message_id="template").record


def at(record: Record, seconds: int, message_id: str = "m-1", **changes: Any) -> Record:
    when = NOW + seconds * SECOND
    until = when + 2 * MINUTE
    return structs.replace(record, message_id=message_id, at=when, valid_until=until, **changes)


def test_decisions_are_read_in_the_order_of_their_time(world: Reconciled) -> None:
    """The allow was logged first; a sweep found the deny that it replaced."""
    record = decided(world)
    deny, allow = at(record, 10, decision="deny"), at(record, 40, attempt=2)
    world.now += MINUTE
    world.deliver(at=stamp(NOW + 20 * SECOND))
    logged(world, [(90, allow)], [(95, deny)])
    world.settle()
    assert counted(world.ask(start=NOW + SECOND)) == {
        "deliveries": 1,
        "delivered_though_denied": 1,
        "decisions": 2,
        "allowed": 1,
        "denied": 1,
    }


def test_pages_of_several_minutes_moves_and_gateways_are_not_mixed(world: Reconciled) -> None:
    record = decided(world)
    seconds = [59, 3, 61, 0, 118, 60, 45, 119]
    made = [(100 + number, at(record, second, f"m-{number}")) for number, second in enumerate(seconds)]
    others = [(200 + index, structs.replace(one, gateway="other-gateway")) for index, one in made]
    mixed = [one for pair in zip(made, others, strict=True) for one in pair]
    logged(world, sorted(mixed[:7], key=lambda one: one[0]), sorted(mixed[7:], key=lambda one: one[0]))
    world.now += 2 * MINUTE
    for number, second in enumerate(seconds):
        world.deliver(f"m-{number}", at=stamp(NOW + second * SECOND))
    world.settle()
    answer = world.ask()
    assert counted(answer) == {
        "deliveries": 8,
        "matched": 8,
        "decisions": 9,
        "allowed": 9,
        "allowed_without_delivery": 1,
    }
    assert [one["message_id"] for one in answer["allowed_without_delivery"]] == ["template"]
    assert counted(world.ask("other-gateway")) == {"decisions": 8, "allowed": 8, "allowed_without_delivery": 8}


def test_only_the_decisions_of_a_page_in_the_period_count(world: Reconciled) -> None:
    """A page begins before it, and another one ends after it."""
    record = decided(world)
    logged(world, [(100 + number, at(record, 20 * number, f"m-{number}")) for number in range(12)])
    world.settle()
    start, end = NOW + 30 * SECOND, NOW + 90 * SECOND
    assert counted(world.ask(start=start, end=end))["decisions"] == 3  # of 40, 60 and 80 seconds


def test_decisions_before_decisions_since_are_unknown(world: Reconciled) -> None:
    """Although its page has decisions that are read."""
    record = decided(world)
    logged(world, [(100, at(record, 10, "m-1")), (101, at(record, 30, "m-2"))])
    world.now += 2 * HOUR
    for message_id in ("m-1", "m-2"):
        world.deliver(message_id, at=stamp(NOW + HOUR + 20 * SECOND))
    world.settle()
    answer = world.ask(start=NOW + HOUR + 15 * SECOND, end=NOW + HOUR + MINUTE)
    assert datetime.fromisoformat(answer["decisions_since"]) == NOW + 15 * SECOND
    assert [one["message_id"] for one in answer["delivered_without_decision"]] == ["m-1"]
    assert [one["message_id"] for one in answer["delivered_after_expiry"]] == ["m-2"]


def test_decisions_count_one_by_one_and_not_by_the_page(world: Reconciled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usecase, "_CHECK_EVERY", 1)
    record = decided(world)
    logged(world, [(100 + number, at(record, number, f"m-{number}")) for number in range(10)])
    world.settle()
    for most, refused in ((10, True), (11, False)):
        monkeypatch.setattr(usecase, "MAX_EVENTS", most)
        if refused:
            with pytest.raises(Unacceptable):
                world.ask()
        else:
            assert counted(world.ask())["decisions"] == 11


# The result is signed


def test_the_result_is_signed_with_a_published_key(world: Reconciled) -> None:
    world.verify()
    world.deliver()
    world.settle()
    answer = world.ask()
    (public,) = world.receipt_key.jwks()["keys"]
    header = jwt.get_unverified_header(answer["signed"])
    assert header == {"alg": "EdDSA", "kid": public["kid"], "typ": TYP}
    claims = jwt.decode(answer["signed"], jwt.PyJWK(public), ["EdDSA"], options={"verify_iat": False})
    assert claims == {
        "iss": ISSUER,
        "iat": int(world.now.timestamp()),
        **{name: answer[name] for name in ("gateway", "from", "to", "complete_until", "final", "ok", "counts")},
        "result_sha256": result_digest(answer),
    }


def test_the_receipt_key_is_read_for_each_reconciliation(world: Reconciled) -> None:
    world.settle()
    keys = [ReceiptKey(b"1" * 32), ReceiptKey(b"2" * 32)]
    waiting = iter(keys)
    use_case = world.use_case(receipt_key=lambda: next(waiting))
    asked = ReconciliationQuery(start=NOW - HOUR, end=NOW)
    signed = [use_case(world.caller("xinxi"), asked)["signed"] for _ in keys]
    assert [jwt.get_unverified_header(one)["kid"] for one in signed] == [key.kid for key in keys]


# Who may reconcile


def test_an_auditor_asks_for_any_gateway_and_a_gateway_for_itself(world: Reconciled) -> None:
    world.verify()
    world.deliver()
    world.settle()
    assert world.ask("xinxi", "xinxi")["counts"] == world.ask("shenji", "xinxi")["counts"]
    assert counted(world.ask("shenji", "other-gateway")) == counted(world.ask("other-gateway")) == {}


@pytest.mark.parametrize(
    ("party", "gateway", "kind", "name"),
    [
        ("xinxi", "other-gateway", NotAllowed, "not-its-own"),
        ("mou-zichan", None, NotAllowed, "wrong-role"),
        ("keji", "xinxi", NotAllowed, "wrong-role"),
        ("yunyingshang", None, NotAllowed, "wrong-role"),
        ("shenji", None, Unacceptable, "unacceptable"),
        ("shenji", "nobody", NotFound, "unknown-gateway"),
        ("shenji", "mou-zichan", NotFound, "unknown-gateway"),
    ],
)
def test_no_other_party_may_reconcile(
    world: Reconciled, party: str, gateway: str | None, kind: type[RequestError], name: str
) -> None:
    with pytest.raises(kind) as refused:
        world.ask(party, gateway)
    assert refused.value.name == name


@pytest.mark.parametrize("party", ["xinxi", "shenji"])
def test_a_suspended_party_may_not_reconcile(world: Reconciled, party: str) -> None:
    world.operate.suspend(party)
    with pytest.raises(NotAllowed) as refused:
        world.ask(party, "xinxi")
    assert refused.value.name == "party-suspended"


def test_an_auditor_may_reconcile_a_suspended_gateway(world: Reconciled) -> None:
    world.operate.suspend("xinxi")
    world.settle()
    assert world.ask("shenji", "xinxi")["ok"]


# The period


@pytest.mark.parametrize(
    ("start", "end", "pointer", "code"),
    [
        (NOW, NOW, "/to", "out-of-order"),
        (NOW, NOW - SECOND, "/to", "out-of-order"),
        (NOW - 31 * DAY - SECOND, NOW, "/to", "too-long"),
        (NOW - HOUR, NOW + 61 * SECOND, "/to", "in-the-future"),
        (datetime.min.replace(tzinfo=UTC), NOW, "/from", "out-of-range"),
        (NOW, datetime.max.replace(tzinfo=UTC), "/to", "out-of-range"),
    ],
)
def test_an_impossible_period_is_rejected(
    world: Reconciled, start: datetime, end: datetime, pointer: str, code: str
) -> None:
    with pytest.raises(Unacceptable) as refused:
        world.ask(start=start, end=end)
    assert [(one.pointer, one.code) for one in refused.value.errors] == [(pointer, code)]


def test_the_longest_period_up_to_now_is_reconciled(world: Reconciled) -> None:
    world.verify()
    world.deliver()
    world.settle()
    answer = world.ask(start=world.now - 31 * DAY + MINUTE, end=world.now + MINUTE)
    assert counted(answer) == {"deliveries": 1, "matched": 1, "decisions": 1, "allowed": 1}
    assert not answer["final"]
    assert not answer["ok"]


def test_a_period_with_an_offset_is_answered_in_utc_with_fractions(world: Reconciled) -> None:
    world.verify()
    world.deliver(at="2026-11-24T09:00:00.5Z", text_sha256=SENT)
    world.settle()

    def deliveries(start: str, end: str) -> int:
        asked = world.ask(start=datetime.fromisoformat(start), end=datetime.fromisoformat(end))
        return int(asked["counts"]["deliveries"])

    assert deliveries("2026-11-24T16:59:00+08:00", "2026-11-24T17:00:00.5+08:00") == 0
    assert deliveries("2026-11-24T16:59:00+08:00", "2026-11-24T17:00:00.500001+08:00") == 1
    assert deliveries("2026-11-24T09:00:00.5Z", "2026-11-24T09:01:00Z") == 1
    assert deliveries("2026-11-24T09:00:00.500001Z", "2026-11-24T09:01:00Z") == 0


def test_decision_and_delivery_may_lie_on_either_side_of_midnight(world: Reconciled) -> None:
    midnight = datetime(2026, 11, 25, tzinfo=UTC)
    world.now = midnight - 30 * SECOND
    in_japan = {"recipient": "+819012345678"}  # where it is nine in the morning
    world.consent(**in_japan)
    world.debt(**in_japan)
    assert world.verify(**in_japan).record.decision == "allow"
    world.now = midnight + 30 * SECOND
    world.deliver()
    world.settle()
    before, after = world.ask(start=midnight - HOUR, end=midnight), world.ask(start=midnight, end=midnight + MINUTE)
    assert counted(before) == {"decisions": 1, "allowed": 1}
    assert counted(after) == {"deliveries": 1, "matched": 1}
    assert before["ok"]
    assert after["ok"]


def test_decisions_before_the_period_are_read_for_its_length_within_an_hour_and_a_day(
    world: Reconciled,
) -> None:
    world.settle()
    for length, back in ((MINUTE, HOUR), (3 * HOUR, 3 * HOUR), (DAY, DAY), (31 * DAY, DAY)):
        answer = world.ask(start=NOW - length, end=NOW)
        since = datetime.fromisoformat(answer["decisions_since"])
        assert NOW - length - since == back


# Decisions that are not logged yet


def test_nothing_is_judged_without_a_log(world: Reconciled) -> None:
    world.verify()
    world.deliver()
    world.now += HOUR
    answer = world.ask()
    assert counted(answer) == {"pending": 1}
    assert (answer["final"], answer["ok"], answer["log_size"]) == (False, False, 0)
    assert "complete_until" not in answer


def test_deliveries_later_than_the_log_are_pending(world: Reconciled) -> None:
    world.verify()
    world.deliver()
    world.settle()
    world.now += MINUTE
    world.verify(message_id="m-2")
    world.deliver("m-2")
    answer = world.ask(end=world.now + SECOND)
    assert counted(answer) == {"deliveries": 1, "matched": 1, "decisions": 1, "allowed": 1, "pending": 1}
    assert not answer["final"]
    world.settle()
    answer = world.ask(end=NOW + 2 * HOUR)
    assert counted(answer) == {"deliveries": 2, "matched": 2, "decisions": 2, "allowed": 2}
    assert answer["final"]


def test_a_log_that_is_behind_causes_no_findings(world: Reconciled, monkeypatch: pytest.MonkeyPatch) -> None:
    world.settle()
    first = world.ask()["complete_until"]
    world.deliver("m-1", status="blocked")
    world.verify(message_id="m-2")
    world.deliver("m-2")
    sent = world.now
    world.now += HOUR
    monkeypatch.setattr(sequence, "MAX_CHANGES", 1)
    world.sequencer()(lambda: False)  # one move, which does not log the decision
    answer = world.ask(start=sent - MINUTE, end=sent + MINUTE)
    assert (answer["complete_until"], answer["final"]) == (first, False)
    assert counted(answer) == {"pending": 2}


def test_an_idle_log_is_complete(world: Reconciled) -> None:
    world.settle()
    size = world.ask()["log_size"]
    for _ in range(3):
        world.now += HOUR
        world.sequenced()
        answer = world.ask(end=world.now - MINUTE)
        assert (answer["final"], answer["log_size"]) == (True, size)


def test_an_allow_that_may_still_be_delivered_is_not_missing(world: Reconciled) -> None:
    world.verify()
    world.now += 90 * SECOND
    world.debt(debt_ref="later", as_of=stamp(world.now))
    world.sequenced()
    answer = world.ask(end=NOW + SECOND)
    assert counted(answer) == {"decisions": 1, "allowed": 1, "pending": 1}
    assert not answer["final"]
    world.settle()
    answer = world.ask(end=NOW + SECOND)
    assert counted(answer) == {"decisions": 1, "allowed": 1, "allowed_without_delivery": 1}
    assert answer["final"]


def test_a_delivery_stated_late_still_counts(world: Reconciled) -> None:
    world.verify()
    sent = world.now
    world.settle()
    assert counted(world.ask())["allowed_without_delivery"] == 1
    world.deliver(at=stamp(sent))
    assert world.ask()["ok"]


# Faults, and too much of it


def test_an_unreadable_receipt_key_is_an_error(world: Reconciled) -> None:
    def failing() -> ReceiptKey:
        raise SecretsFailed("no")

    with pytest.raises(SecretsFailed):
        world.use_case(receipt_key=failing)(world.caller("xinxi"), ReconciliationQuery(start=NOW - HOUR, end=NOW))


class Broken(MemoryTable):
    """Fails, or returns an unreadable document, after this many documents."""

    def __init__(self, inner: MemoryTable, after: int = 0, body: bytes | None = None) -> None:
        self._inner, self._after, self._body = inner, after, body

    def between(self, pk: str, first: str, last: str) -> Iterator[Document]:
        for number, document in enumerate(self._inner.between(pk, first, last)):
            if number == self._after and self._body is None:
                raise StoreFailed("gone")
            yield document if self._body is None else document._replace(body=self._body)


@pytest.mark.parametrize("body", [None, b"{}", b"", b'{"message_id": 1}'])
def test_an_unreadable_document_is_an_error(world: Reconciled, body: bytes | None) -> None:
    world.verify()
    world.deliver()
    world.settle()
    use_case = world.use_case(ranges=Broken(world.table, body=body))
    with pytest.raises(StoreFailed):
        use_case(world.caller("xinxi"), ReconciliationQuery(start=NOW - HOUR, end=NOW + MINUTE))


class Slow(MemoryTable):
    """Every stretch takes a while."""

    def __init__(self, world: Reconciled, takes: timedelta) -> None:
        self._world, self._takes = world, takes

    def between(self, pk: str, first: str, last: str) -> Iterator[Document]:
        self._world.now += self._takes
        return self._world.table.between(pk, first, last)


def test_a_period_that_takes_too_long_is_rejected_with_a_remedy(world: Reconciled) -> None:
    world.settle()
    end = world.now
    use_case = world.use_case(ranges=Slow(world, SECOND))
    with pytest.raises(Unacceptable) as refused:
        use_case(world.caller("xinxi"), ReconciliationQuery(start=end - 31 * DAY, end=end))
    assert refused.value.name == "period-too-full"
    assert "shorter one" in refused.value.detail
    use_case(world.caller("xinxi"), ReconciliationQuery(start=end - DAY, end=end))


def test_a_period_with_too_many_events_is_rejected_with_a_remedy(
    world: Reconciled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usecase, "MAX_EVENTS", 3)
    monkeypatch.setattr(usecase, "_CHECK_EVERY", 2)
    for number in range(5):
        world.deliver(f"m-{number}")
    world.settle()
    with pytest.raises(Unacceptable) as refused:
        world.ask()
    assert refused.value.name == "period-too-full"


def test_the_longest_response_is_below_the_limit_of_a_function() -> None:
    """Lambda: 6 MB, with the body's quotes escaped; the client: 8 MiB."""
    longest = Discrepancy(
        message_id="\U0001f4a9" * 128,
        delivered_at=NOW + timedelta(microseconds=1),
        statement_id=SENT,
        decision_id="a" * 26,
        decision="allow",
        decided_at=NOW,
        valid_until=NOW,
    )
    counts = dict.fromkeys((*COUNTS, *FINDINGS), 10**6)
    most = Reconciliation(counts, {name: [longest] * MAX_LISTED for name in FINDINGS}, NOW)
    answer = usecase._answer("g" * 63, Period(NOW, NOW, NOW), NOW, usecase._LogProgress(1, NOW), most)
    response = ok({**answer, "signed": "s" * 2000})
    assert len(json.dumps(response, ensure_ascii=False).encode()) < 5_500_000
