"""The decision: may this message be delivered?

`decide` is pure: the same request, facts, rules and instant give the same answer, on the gateway's day and in court.
Everything that is needed must be there; whatever is missing is a reason to deny.
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

# From one cure to the next: hours, then a cap, then hours again. More steps than these have no honest reason.
_MAX_STEPS = 16


def decide(request: DecisionRequest, facts: Facts, rules: Rules, now: datetime) -> Decision:
    """All the reasons against delivering this message; none is an allow.

    A rehearsal is judged at its `send_at`, everything else at `now`. Raises Unacceptable for a `send_at` out of range.
    """
    at = request.send_at if request.send_at and is_rehearsal(request.send_at, now) else now
    reading = read(request.text)
    decision = _judge(request, reading, facts, rules, at)
    return _with_retry_at(decision, request, reading, facts, rules)


def _with_retry_at(
    decision: Decision, request: DecisionRequest, reading: Reading, facts: Facts, rules: Rules
) -> Decision:
    """With the first instant at which the same message would be allowed if nothing but time changed, if there is one.
    What that rests on, the answer rests on too.

    Every reason that time cures says until when it stands; when the last of them has gone the message is judged anew,
    for another may stand by then: a cap that midnight opens opens in quiet hours. So no instant before is an allow.
    """
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
    # That there is no such instant may rest on more than the reasons do.
    counted = tuple(contact for contact in in_order(facts.contacts) if contact in contacts)
    return structs.replace(decision, relied_on=tuple(relied_on), contacts=counted)


def _judge(request: DecisionRequest, reading: Reading, facts: Facts, rules: Rules, at: datetime) -> Decision:
    case = Judgement(request, reading, facts, rules, at)
    case.judge_parties()
    case.judge_stops()
    case.judge_consent_and_debt()
    case.judge_text()
    case.judge_contact()
    return case.decision()
