"""The decision: may this message be delivered?

`decide` is pure: the same request, facts, rules and instant give the same answer, on the day and years later in court.
Every missing fact is a reason to deny.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import structs

from duecare_core.domain.decision.decision import Decision, DecisionRequest, is_rehearsal
from duecare_core.domain.decision.judgement import Judgement
from duecare_core.domain.facts.states import Facts
from duecare_core.domain.rules.frequency_caps import in_order
from duecare_core.domain.rules.ruleset import Rules
from duecare_core.domain.text.reader import Reading, read

# How often the message is judged at a later instant: after quiet hours, then after a cap, then after quiet hours again.
_MAX_STEPS = 16


def decide(
    request: DecisionRequest, facts: Facts, rules: Rules, now: datetime, reading: Reading | None = None
) -> Decision:
    """The decision, with every reason to deny; it is an allow if there is none. `reading`: of the request's text, if it
    was read before.

    A rehearsal is judged at its `send_at`, any other request at `now`. Raises Unacceptable for a `send_at` out of
    range.
    """
    at = request.send_at if request.send_at and is_rehearsal(request.send_at, now) else now
    reading = reading or read(request.text)
    decision = _judge(request, reading, facts, rules, at)
    return _with_retry_at(decision, request, reading, facts, rules)


def _with_retry_at(
    decision: Decision, request: DecisionRequest, reading: Reading, facts: Facts, rules: Rules
) -> Decision:
    """The decision with `retry_at`: the first instant at which the message would be allowed if nothing but time
    changed.

    A reason that time cures has an `until`. After the last of them the message is judged again, because another reason
    may apply by then: a cap that opens at midnight opens in quiet hours. No earlier instant can be an allow. The
    decision also relies on everything that the judgements at later instants relied on.
    """
    if decision.allowed:
        return decision
    later, relied_on, contacts = decision, dict.fromkeys(decision.relied_on), set(decision.contacts)
    for _ in range(_MAX_STEPS):
        instants = [reason.until for reason in later.reasons if reason.until is not None]
        if not instants or len(instants) < len(later.reasons):
            break
        at = max(instants)
        later = _judge(request, reading, facts, rules, at)
        relied_on.update(dict.fromkeys(later.relied_on))
        contacts.update(later.contacts)
        if later.allowed:
            decision = structs.replace(decision, retry_at=at)
            break
    # The absence of such an instant may depend on more contacts than the reasons do.
    counted = tuple(contact for contact in in_order(facts.contacts) if contact in contacts)
    return structs.replace(decision, relied_on=tuple(relied_on), contacts=counted)


def _judge(request: DecisionRequest, reading: Reading, facts: Facts, rules: Rules, at: datetime) -> Decision:
    judgement = Judgement(request, reading, facts, rules, at)
    judgement.judge_parties()
    if judgement.is_engaged:
        judgement.judge_stops()
        judgement.judge_consent_and_debt()
        judgement.judge_text()
        judgement.judge_contact()
    return judgement.decision()
