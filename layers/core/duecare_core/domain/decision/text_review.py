"""The review of a text: what it says, against who may send it and what was confirmed. Each fault is a finding, which
names the rule and where in the text it was found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from duecare_core.domain.decision.decision import Finding
from duecare_core.domain.facts.states import Debt
from duecare_core.domain.fields import ReasonCode
from duecare_core.domain.text.reader import Claim, Meaning, Reading, names_sender

MAX_FINDINGS = 8  # of one reason: a text of nothing but faults shall not make its record long


def sender_findings(text: str, reading: Reading, names: tuple[str, ...]) -> list[Finding]:
    """TEXT_SENDER: the signs of a text that names no registered sender, or names another one beside it."""
    if names_sender(text, names):
        return []
    signs = [
        Finding("TEXT_SENDER", "sender.sign", sign.start, sign.end)
        for sign in reading.signs
        if not names_sender(f"【{sign.name}】", names)
    ]
    return signs or [Finding("TEXT_SENDER", "sender.missing")]


def is_promotional(reading: Reading) -> bool:
    """An offer (a reduction, a settlement, instalments) makes a reminder promotional (MIIT Order 74, art. 21)."""
    return any(claim.meaning is Meaning.OFFERED for claim in reading.amounts)


def amount_findings(reading: Reading, debt: Debt) -> list[Finding]:
    """TEXT_AMOUNT: what is stated as owed equals the outstanding amount, what is offered may be less, none is more."""
    return [
        Finding("TEXT_AMOUNT", f"amount.{_fault(claim, debt)}", claim.start, claim.end)
        for claim in reading.amounts
        if not claim.borne_out(debt.currency, debt.outstanding)
    ]


def _fault(claim: Claim, debt: Debt) -> str:
    if claim.meaning is Meaning.UNREADABLE:
        return "unreadable"
    if debt.currency not in claim.currencies:
        return "currency"
    return "larger" if claim.amount > debt.outstanding else "smaller"


def forbidden_findings(reading: Reading, topics: Iterable[str]) -> list[Finding]:
    """TEXT_FORBIDDEN: what was found of these topics. A rule of the text is named `<topic>.<what>`."""
    return [
        Finding("TEXT_FORBIDDEN", found.rule, found.start, found.end)
        for found in reading.forbidden
        if found.rule.partition(".")[0] in topics
    ]


def rule_findings(code: ReasonCode, rows: Iterable[str]) -> Iterator[Finding]:
    """A finding that is nowhere in the text: the rows of the pack that ask for what is missing, or forbid the time."""
    return (Finding(code, row) for row in rows)
