"""`decide_us`: the decision alone, on facts that are loaded already, without network, table or signature."""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime
from typing import NamedTuple

from benchmarks.events import TEXT_EN, TEXT_ZH
from benchmarks.fixtures import PEPPER
from benchmarks.recipients import Recipients
from duecare.runtime import rulebook
from duecare.runtime.services.verify import VerifyService
from duecare.usecases import table
from duecare.usecases.verify.load_facts import facts_of, situation_keys
from duecare_core.domain.decision.decide import decide
from duecare_core.domain.decision.decision import DecisionRequest
from duecare_core.domain.facts.states import Facts
from duecare_core.domain.fields import E164
from duecare_core.evidence.pseudonyms import Pseudonyms
from tools.steps import ToolError

# A shared machine has slow minutes: the best of several medians counts.
REPEATS, ROUNDS = 20, 200


class DecideTimes(NamedTuple):
    """The best of several medians, in seconds."""

    chinese: float
    english: float

    def summary(self) -> str:
        return f"decide: {1e6 * self.chinese:.0f} µs for a text in Chinese, {1e6 * self.english:.0f} µs in English"


def measure(recipients: Recipients) -> DecideTimes:
    """A text of 70 characters to China, and one in English to the United States, on the facts of one recipient."""
    return DecideTimes(
        _best_median(recipients, "+8613900139000", TEXT_ZH, 4), _best_median(recipients, "+12125550123", TEXT_EN, 17)
    )


def _best_median(recipients: Recipients, recipient: str, text: str, hour: int) -> float:
    """`hour`: of today, in UTC, when it is noon at the recipient's."""
    request = DecisionRequest(
        contact_id="a" * 26,
        number=E164(recipient),
        gateway="xinxi",
        creditor="mou-zichan",
        collector="keji",
        channel="sms",
        text=text,
        debt_ref="A-1",
    )
    facts, rules, now = _facts(recipients), rulebook.rules(), datetime.now(UTC).replace(hour=hour)
    if reasons := decide(request, facts, rules, now).codes:
        raise ToolError(f"expected an allow, and the decision is a deny: {reasons}")
    medians = []
    for _ in range(REPEATS):
        spent = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            decide(request, facts, rules, now)
            spent.append(time.perf_counter() - started)
        medians.append(statistics.median(spent))
    return min(medians)


def _facts(recipients: Recipients) -> Facts:
    recipient_key = Pseudonyms(bytes.fromhex(PEPPER)).recipient_key(recipients.one())
    keys = situation_keys("xinxi", "mou-zichan", "keji")
    situation = VerifyService.from_environment().decision_store.load([table.recipient(recipient_key)], keys)
    gateway = table.find_party(situation.documents, "xinxi")
    if gateway is None:
        raise ToolError("the gateway is not registered")
    return facts_of(situation, gateway, "mou-zichan", "keji", recipient_key)
