"""The limit of debts under contention, and the read units of a verify of a number with many debts."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from duecare.adapters.dynamodb.decision_store import DynamoDBDecisionStore
from duecare.adapters.lean_client import Call, Credentials, Wire, WireError
from duecare.usecases import table
from duecare.usecases.statements.accept import StatementResult
from duecare.usecases.statements.debt_limit import MAX_DEBTS_ON_FILE, MAX_OPEN_DEBTS
from tests.races.conftest import Busy, together
from tests.races.test_statements import insist
from tests.support import tables
from tests.support.imports import Imports
from tests.support.world import DAY, NOW, RECIPIENT, debt_members

HOUR = timedelta(hours=1)
# A debt with every member that a message needs has less than 450 bytes, a read unit covers 4,096.
UNITS_FOR_LIMIT = 4
UNITS_FOR_ALL_ON_FILE = 28


class MeteredWire(Wire):
    """Asks for the consumed capacity, and adds up that of the reads."""

    read_units = 0.0

    def exchange_each(
        self, calls: Sequence[Call], meanwhile: Callable[[], None] | None = None
    ) -> list[bytes | WireError]:
        asked = [
            Call(call.operation, json.dumps(json.loads(call.body) | {"ReturnConsumedCapacity": "TOTAL"}).encode())
            for call in calls
        ]
        answers = super().exchange_each(asked, meanwhile)
        for call, answer in zip(calls, answers, strict=True):
            if call.operation in ("Query", "BatchGetItem") and isinstance(answer, bytes):
                consumed: Any = json.loads(answer)["ConsumedCapacity"]
                every = consumed if isinstance(consumed, list) else [consumed]
                self.read_units += sum(float(one["CapacityUnits"]) for one in every)
        return answers


@pytest.fixture
def metered(busy: Busy) -> MeteredWire:
    """The wire of this world's decisions."""
    wire = MeteredWire(
        service="dynamodb",
        target="DynamoDB_20120810",
        json_version="1.0",
        region=tables.REGION,
        endpoint=busy.endpoint,
        credentials=Credentials(tables.ACCESS_KEY, tables.SECRET_KEY),
        timeout=20.0,
        deadline=60.0,
    )
    busy.verify_use_case._decisions = DynamoDBDecisionStore(wire, busy.table)
    return wire


def test_concurrent_statements_find_no_more_room_than_there_is(busy: Busy) -> None:
    busy.register()
    for number in range(MAX_OPEN_DEBTS - 4):
        busy.debt(debt_ref=f"A-{number}")
    tokens = [busy.jws("mou-zichan", "debt", **debt_members(busy.now, debt_ref=f"B-{n}")) for n in range(12)]
    calls: list[Callable[[], StatementResult]] = [
        lambda token=token: insist(busy, "mou-zichan", token) for token in tokens
    ]
    results = together(calls)
    assert sorted(result.status for result in results) == ["accepted"] * 4 + ["rejected"] * 8
    assert {result.problem.name for result in results if result.problem} == {"too-many-debts"}
    pk = table.recipient(busy.pseudonyms.recipient_key(RECIPIENT))
    assert len(busy.documents.partition(pk, table.debts("mou-zichan"))) == MAX_OPEN_DEBTS


def test_the_last_place_is_taken_once_by_debts_that_are_opened_again(busy: Busy) -> None:
    busy.register()
    for number in range(6):
        busy.debt(debt_ref=f"C-{number}", status="settled")
    for number in range(MAX_OPEN_DEBTS - 1):
        busy.debt(debt_ref=f"A-{number}")
    busy.now += HOUR
    tokens = [
        busy.jws("mou-zichan", "debt", **debt_members(busy.now, debt_ref=f"C-{n}", as_of=busy.now.isoformat()))
        for n in range(6)
    ]
    results = together([lambda token=token: insist(busy, "mou-zichan", token) for token in tokens])
    assert sorted(result.status for result in results) == ["accepted"] + ["rejected"] * 5


def test_debts_and_guards_have_an_end_in_the_table(busy: Busy) -> None:
    busy.register()
    busy.debt(debt_ref="A-1")
    imports = Imports(busy, bulk=tables.bulk(busy.endpoint, busy.table, timeout=20.0, deadline=60.0))
    imports.debts([debt_members(busy.now, debt_ref="A-2", status="settled")])
    debts = {item["sk"]["S"]: item for item in busy.items("R#")}
    ends = {sk: datetime.fromtimestamp(int(item["expires"]["N"]), UTC) for sk, item in debts.items()}
    assert ends == {"D#mou-zichan#A-1": NOW + 69 * DAY, "D#mou-zichan#A-2": NOW + 34 * DAY}
    assert len(busy.items("B#")) == 1  # a single statement's; there are no more than 65,536 of them


def test_a_verify_reads_few_units_however_many_debts_were_stated(busy: Busy, metered: MeteredWire) -> None:
    """1,500 debts of one creditor cost about 200 read units, and every gateway paid."""
    busy.honest()
    busy.verify(message_id="before")
    few = metered.read_units
    bulk = tables.bulk(busy.endpoint, busy.table, timeout=20.0, deadline=60.0)
    imports = Imports(busy, bulk=bulk)
    many = [debt_members(busy.now, debt_ref=f"消费贷款合同-{n:04}", time_zone="Asia/Shanghai") for n in range(1500)]
    assert imports.debts(many).upload.accepted == MAX_OPEN_DEBTS - 1  # that of the honest message is on file
    assert imports.debts(many[:40], party="other-bank").upload.accepted == MAX_OPEN_DEBTS
    metered.read_units = 0
    busy.verify(message_id="after")
    extra = metered.read_units - few
    print(f"{few} units before, {metered.read_units} with {2 * MAX_OPEN_DEBTS} debts of two creditors")
    assert extra <= 2 * UNITS_FOR_LIMIT


def test_a_verify_reads_few_units_with_all_the_closed_debts_that_may_be_on_file(
    busy: Busy, metered: MeteredWire
) -> None:
    busy.honest()
    busy.verify(message_id="before")
    few = metered.read_units
    imports = Imports(busy, bulk=tables.bulk(busy.endpoint, busy.table, timeout=20.0, deadline=60.0))
    for batch in range(2):
        numbers = range(200 * batch, 200 * batch + 200)
        imports.debts([debt_members(busy.now, debt_ref=f"settled-{n:05}", status="settled") for n in numbers])
    pk = table.recipient(busy.pseudonyms.recipient_key(RECIPIENT))
    assert len(busy.documents.partition(pk, table.debts("mou-zichan"))) == MAX_DEBTS_ON_FILE
    metered.read_units = 0
    busy.verify(message_id="after")
    print(f"{few} units before, {metered.read_units} with {MAX_DEBTS_ON_FILE} debts on file")
    assert metered.read_units - few <= UNITS_FOR_ALL_ON_FILE
