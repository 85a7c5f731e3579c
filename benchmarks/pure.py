"""`decide_us`: the decision alone, without network, table or signature: the facts are there already."""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime
from typing import NamedTuple

from benchmarks.crowd import Crowd
from benchmarks.events import TEXT_EN, TEXT_ZH
from benchmarks.ground import PEPPER
from duecare.runtime import rulebook
from duecare.runtime.services.verify import VerifyService
from duecare.usecases import table
from duecare.usecases.verify.load_facts import facts_of, situation_keys
from duecare_core.domain.decision.decide import decide
from duecare_core.domain.decision.decision import DecisionRequest
from duecare_core.domain.facts.states import Facts
from duecare_core.evidence.pseudonyms import Pseudonyms
from tools.steps import Problem

# A machine that others use has slow minutes, which say nothing of the code: the median of the best stretch counts.
STRETCHES, ROUNDS = 20, 200


class Spent(NamedTuple):
    """The least of some medians, in seconds."""

    chinese: float
    english: float

    def told(self) -> str:
        return f"decide: {1e6 * self.chinese:.0f} µs for a text in Chinese, {1e6 * self.english:.0f} µs in English"


def measure(crowd: Crowd) -> Spent:
    """A text of 70 characters to China, and one in English to the United States, on the facts of one of the crowd."""
    return Spent(_least(crowd, "+8613900139000", TEXT_ZH), _least(crowd, "+12125550123", TEXT_EN))


def _least(crowd: Crowd, recipient: str, text: str) -> float:
    request = DecisionRequest(
        decision_id="a" * 26,
        recipient=recipient,
        gateway="xinxi",
        creditor="mou-zichan",
        collector="keji",
        channel="sms",
        text=text,
        debt_ref="A-1",
    )
    facts, rules, now = _facts(crowd), rulebook.rules(), datetime.now(UTC)
    if reasons := decide(request, facts, rules, now).codes:
        raise Problem(f"decide is measured on an allow, and this is none: {reasons}")
    medians = []
    for _ in range(STRETCHES):
        spent = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            decide(request, facts, rules, now)
            spent.append(time.perf_counter() - started)
        medians.append(statistics.median(spent))
    return min(medians)


def _facts(crowd: Crowd) -> Facts:
    pseudonym = Pseudonyms(bytes.fromhex(PEPPER)).recipient(crowd.one())
    keys = situation_keys("xinxi", "mou-zichan", "keji")
    situation = VerifyService.from_environment().decision_store.load([table.recipient(pseudonym)], keys)
    gateway = table.find_party(situation.documents, "xinxi")
    if gateway is None:
        raise Problem("the gateway is not registered")
    return facts_of(situation, gateway, "mou-zichan", "keji", pseudonym)
