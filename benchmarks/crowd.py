"""Recipients like the case's, as many as are wanted: its facts under other people's pseudonyms, with room in every cap.

The facts are put straight into the table, as nobody could state a million of them while a benchmark runs. They are the
items that the statements of the case have left, so they are read and judged as any others.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from duecare.adapters.lean_client import Call, Credentials, Wire
from duecare.usecases import table
from duecare_core.domain.rules.frequency_caps import contact, pack_contacts
from duecare_core.evidence.pseudonyms import Pseudonyms
from tests.support.world import RECIPIENT
from tools.steps import Problem

# Contacts of the days before, which is more than most people have and enough that the ledger has a size.
OLDER = 8
A_BATCH, AT_ONCE = 25, 4
TOLD_EVERY = 100_000
_SOMEBODY = "R#somebody"
Progress = Callable[[str], None]
Item = dict[str, Any]  # as DynamoDB's protocol spells it


def wire(endpoint: str, region: str, credentials: Credentials) -> Wire:
    """A client of the benchmark's own, which waits for a busy engine for as long as it takes."""
    return Wire(
        service="dynamodb",
        target="DynamoDB_20120810",
        json_version="1.0",
        region=region,
        endpoint=endpoint,
        credentials=credentials,
        timeout=60,
        deadline=120,
    )


class Crowd:
    """The recipients of one table. `facts`: how many items they make."""

    def __init__(self, client: Wire, name: str, pseudonyms: Pseudonyms, facts: list[Item], people: int) -> None:
        """`facts`: what is known of each of them (`facts_of_the_case`)."""
        self.table, self.people, self.facts = name, people, people * len(facts)
        self._client, self._pseudonyms = client, pseudonyms
        self._puts = [json.dumps({"PutRequest": {"Item": fact | {"pk": {"S": _SOMEBODY}}}}) for fact in facts]
        self._ledger = next(put for fact, put in zip(facts, self._puts, strict=True) if fact["sk"] == {"S": CONTACTS})
        # Neighbours by number are no neighbours by pseudonym, so one after another is as good as any order.
        self._next = 0

    def load(self, progress: Progress) -> float:
        """Puts all their facts into the table; answers the seconds that it took."""
        began, done = time.monotonic(), 0
        puts = (put.replace(_SOMEBODY, self.pk(_number(one))) for one in range(self.people) for put in self._puts)
        while some := list(islice(puts, A_BATCH * AT_ONCE)):
            self._put(some)
            done += len(some)
            if done % TOLD_EVERY == 0:
                progress(f"{done:,} facts in {self.table}, {done / (time.monotonic() - began):,.0f} a second")
        return time.monotonic() - began

    def take(self, number: int) -> list[str]:
        """The numbers of so many recipients, whose ledgers are as they were at first, so that each has room."""
        numbers = [_number((self._next + one) % self.people) for one in range(number)]
        self._next += number
        self._put([self._ledger.replace(_SOMEBODY, self.pk(one)) for one in numbers])
        return numbers

    def one(self) -> str:
        (number,) = self.take(1)
        return number

    def pk(self, number: str) -> str:
        return table.recipient(self._pseudonyms.recipient(number))

    def _put(self, puts: list[str]) -> None:
        batches = [puts[at : at + A_BATCH] for at in range(0, len(puts), A_BATCH)]
        bodies = [f'{{"RequestItems":{{"{self.table}":[{",".join(batch)}]}}}}' for batch in batches]
        for answer in self._client.exchange([Call("BatchWriteItem", body.encode()) for body in bodies]):
            if json.loads(answer)["UnprocessedItems"]:
                raise Problem("DynamoDB Local did not take all facts")


def facts_of_the_case(client: Wire, name: str, pseudonyms: Pseudonyms) -> list[Item]:
    """Everything that the table holds of the case's recipient, and a ledger of contacts of the days before."""
    pk = table.recipient(pseudonyms.recipient(RECIPIENT))
    query = {
        "TableName": name,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": pk}},
        "ConsistentRead": True,
    }
    found = json.loads(client.call("Query", json.dumps(query).encode()))["Items"]
    ledger = base64.b64encode(pack_contacts(_older())).decode()
    contacts = {"sk": {"S": CONTACTS}, "version": {"N": str(OLDER)}, "body": {"S": "{}"}, "sealed": {"B": ledger}}
    return [*found, contacts]


def _older() -> Iterator[Any]:
    now = datetime.now(UTC)
    debts = [("mou-zichan", "A-1"), ("mou-zichan", "A-2"), ("other-bank", "B-77")]
    for number in range(OLDER, 0, -1):
        creditor, debt_ref = debts[number % len(debts)]
        yield contact(now - timedelta(days=2 * number), "sms", creditor, debt_ref, f"earlier-{number}")


def _number(one: int) -> str:
    return f"+86139{one:08d}"
