"""Checks of a text against the sender, the confirmed debt and the rules. Each fault is a `Finding`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from duecare_core.domain.decision.decision import Finding
from duecare_core.domain.facts.states import Debt
from duecare_core.domain.fields import ReasonCode
from duecare_core.domain.text.parts import find_bare_number, looks_cut
from duecare_core.domain.text.reader import Claim, Meaning, Reading, find_senders

MAX_FINDINGS = 8  # for one reason, so that a text full of faults does not make a long record


def sender_findings(reading: Reading, names: tuple[str, ...]) -> list[Finding]:
    """TEXT_SENDER: the sender tags that are not registered, or a missing sender; empty if the text names only
    registered senders."""
    if reading.senders.are_among(names):
        return []
    tags = [
        Finding("TEXT_SENDER", "sender.sign", tag.start, tag.end)
        for tag in reading.sender_tags
        if not find_senders(f"【{tag.name}】").are_among(names)
    ]
    return tags or [Finding("TEXT_SENDER", "sender.missing")]


def part_findings(text: str, reading: Reading, missing: ReasonCode | None) -> list[Finding]:
    """That the text is a part of a longer message: ask about the whole message, before it is split.

    `missing`: the reason for which the text is denied already, because it has no sender or no way to opt out. A clear
    number denies without one.
    """
    number = reading.part_number or (find_bare_number(text) if missing else None)
    if number:
        return [Finding(missing or "TEXT_OPT_OUT", "part.numbered", *number)]
    return [Finding(missing, "part.fragment")] if missing and looks_cut(text) else []


def is_promotional(reading: Reading) -> bool:
    """An offer (a reduction, a settlement, instalments) makes a reminder promotional (MIIT Order 74, art. 21)."""
    return any(claim.meaning is Meaning.OFFERED for claim in reading.amounts)


def amount_findings(reading: Reading, debt: Debt) -> list[Finding]:
    """TEXT_AMOUNT: the claims that the debt does not bear out. An amount that is said to be owed must equal the
    outstanding amount; one that is offered may be less."""
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
    """TEXT_FORBIDDEN: the forbidden phrases of these topics. A phrase's rule is named `<topic>.<phrase>`."""
    return [
        Finding("TEXT_FORBIDDEN", found.rule, found.start, found.end)
        for found in reading.forbidden
        if found.rule.partition(".")[0] in topics
    ]


def rule_findings(code: ReasonCode, rows: Iterable[str]) -> Iterator[Finding]:
    """Findings without a place in the text: the rows of the pack that require a missing element or forbid the time."""
    return (Finding(code, row) for row in rows)
