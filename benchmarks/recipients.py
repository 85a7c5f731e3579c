"""Recipients for benchmarks: copies of one recipient's facts under other recipient keys, below every frequency cap.

The facts are put into the table directly, because stating a million of them would take too long. They are copies of the
items that real statements wrote.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from benchmarks.harness import Progress
from duecare.adapters.lean_client import Call, Credentials, Wire
from duecare.usecases import table
from duecare_core.domain.rules.frequency_caps import contact, pack_contacts
from duecare_core.evidence.item_keys import CONTACTS
from duecare_core.evidence.pseudonyms import Pseudonyms
from tests.support.world import RECIPIENT, daytime_recipient
from tools.steps import ToolError

# Contacts in each ledger: more than most recipients have.
EARLIER_CONTACTS = 8
_STARTED = datetime.now(UTC)
MAX_BATCH, CONCURRENT = 25, 4
REPORT_EVERY = 100_000
_PLACEHOLDER = table.recipient("placeholder")
JsonItem = dict[str, Any]  # in DynamoDB's protocol


def wire(endpoint: str, region: str, credentials: Credentials) -> Wire:
    """A client that waits longer for a busy engine."""
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


class Recipients:
    """The recipients of one table. `facts`: the number of their items."""

    def __init__(self, client: Wire, name: str, pseudonyms: Pseudonyms, facts: list[JsonItem], people: int) -> None:
        """`facts`: the items of each recipient (`case_facts`)."""
        self.table, self.people, self.facts = name, people, people * len(facts)
        self._client, self._pseudonyms = client, pseudonyms
        self._puts = [json.dumps({"PutRequest": {"Item": fact | {"pk": {"S": _PLACEHOLDER}}}}) for fact in facts]
        self._ledger = next(put for fact, put in zip(facts, self._puts, strict=True) if fact["sk"] == {"S": CONTACTS})
        # The order is as good as random: consecutive numbers have unrelated recipient keys.
        self._next = 0

    def load(self, progress: Progress) -> float:
        """Put all facts into the table. Returns the duration in seconds."""
        began, done = time.monotonic(), 0
        puts = (put.replace(_PLACEHOLDER, self.pk(_number(one))) for one in range(self.people) for put in self._puts)
        while some := list(islice(puts, MAX_BATCH * CONCURRENT)):
            self._put(some)
            done += len(some)
            if done % REPORT_EVERY == 0:
                progress(f"{done:,} facts in {self.table}, {done / (time.monotonic() - began):,.0f} a second")
        return time.monotonic() - began

    def take(self, number: int) -> list[str]:
        """The numbers of the next recipients, with their ledgers reset, so that they are below every cap."""
        numbers = [_number((self._next + one) % self.people) for one in range(number)]
        self._next += number
        self._put([self._ledger.replace(_PLACEHOLDER, self.pk(one)) for one in numbers])
        return numbers

    def one(self) -> str:
        (number,) = self.take(1)
        return number

    def pk(self, number: str) -> str:
        return table.recipient(self._pseudonyms.recipient_key(number))

    def _put(self, puts: list[str]) -> None:
        batches = [puts[at : at + MAX_BATCH] for at in range(0, len(puts), MAX_BATCH)]
        bodies = [f'{{"RequestItems":{{"{self.table}":[{",".join(batch)}]}}}}' for batch in batches]
        for answer in self._client.exchange([Call("BatchWriteItem", body.encode()) for body in bodies]):
            if json.loads(answer)["UnprocessedItems"]:
                raise ToolError("DynamoDB Local did not take all facts")


def case_facts(client: Wire, name: str, pseudonyms: Pseudonyms) -> list[JsonItem]:
    """All items of the tests' recipient, and a ledger of earlier contacts."""
    pk = table.recipient(pseudonyms.recipient_key(RECIPIENT))
    query = {
        "TableName": name,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": pk}},
        "ConsistentRead": True,
    }
    found = json.loads(client.call("Query", json.dumps(query).encode()))["Items"]
    ledger = base64.b64encode(pack_contacts(_earlier_contacts())).decode()
    contacts = {
        "sk": {"S": CONTACTS},
        "version": {"N": str(EARLIER_CONTACTS)},
        "body": {"S": "{}"},
        "sealed": {"B": ledger},
    }
    return [*found, contacts]


def _earlier_contacts() -> Iterator[Any]:
    now = datetime.now(UTC)
    debts = [("mou-zichan", "A-1"), ("mou-zichan", "A-2"), ("other-bank", "B-77")]
    for number in range(EARLIER_CONTACTS, 0, -1):
        creditor, debt_ref = debts[number % len(debts)]
        yield contact(now - timedelta(days=3 * number), "sms", creditor, debt_ref, f"earlier-{number}")


def _number(one: int) -> str:
    """In a country where it is daytime, so that an allow does not depend on when this runs."""
    return daytime_recipient(_STARTED, one)
