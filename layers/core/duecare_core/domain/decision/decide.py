"""The decision: may this message be delivered?

`decide` is pure: the same request, facts, rules and instant give the same answer, on the day and years later in court.
Every missing fact is a reason to deny.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec import structs

from duecare_core.domain.decision.decision import Decision, DecisionRequest, is_rehearsal
from duecare_core.domain.decision.judgement import Judgement
from duecare_core.domain.facts.states import Facts
from duecare_core.domain.fields import ReasonCode
from duecare_core.domain.location.locate import TABLES, Geography
from duecare_core.domain.rules.frequency_caps import in_order
from duecare_core.domain.rules.quiet_hours import MAX_WAIT
from duecare_core.domain.rules.rule_types import Cap
from duecare_core.domain.rules.ruleset import Rules
from duecare_core.domain.text.reader import Reading, read

# How often the message is judged at a later instant: after quiet hours, then after a cap, then after quiet hours again.
_MAX_STEPS = 16
# A contact of today counts at most until tomorrow's midnight. Its clock may be ahead, and a day has up to 25 hours.
_CONTACT_MARGIN = timedelta(days=3)


def decide(
    request: DecisionRequest,
    facts: Facts,
    rules: Rules,
    now: datetime,
    reading: Reading | None = None,
    geography: Geography = TABLES,
) -> Decision:
    """The decision, with every reason to deny; it is an allow if there is none. `reading`: of the request's text, if it
    was read before. `geography`: in a replay, the places and clocks of the decision's inputs.

    A rehearsal is judged at its `send_at`, any other request at `now`. Raises Unacceptable for a `send_at` out of
    range.
    """
    at = request.send_at if request.send_at and is_rehearsal(request.send_at, now) else now
    reading = reading or read(request.text)

    def judge(at: datetime) -> Decision:
        return _judge(Judgement(request, reading, facts, rules, at, geography))

    decision = _with_retry_at(judge(at), judge, facts, rules)
    oldest = min((datetime.fromtimestamp(one.at, at.tzinfo) for one in decision.contacts), default=at)
    return structs.replace(decision, period=(min(at, oldest), decision.period[1] + _CONTACT_MARGIN))


def _with_retry_at(decision: Decision, judge: Callable[[datetime], Decision], facts: Facts, rules: Rules) -> Decision:
    """The decision with `retry_at`: the first instant at which the message would be allowed if nothing but time
    changed.

    A reason that time cures has an `until`. After the last of them the message is judged again, because another reason
    may apply by then: a cap that opens at midnight opens in quiet hours. No earlier instant can be an allow. The
    decision also relies on everything that the judgements at later instants relied on.
    """
    if decision.allowed:
        return decision
    later, relied_on, contacts = decision, dict.fromkeys(decision.relied_on), set(decision.contacts)
    places, codes, at = dict.fromkeys(decision.places), set(decision.codes), decision.period[1]
    for _ in range(_MAX_STEPS):
        instants = [reason.until for reason in later.reasons if reason.until is not None]
        if not instants or len(instants) < len(later.reasons):
            break
        at = max(instants)
        later = judge(at)
        relied_on.update(dict.fromkeys(later.relied_on))
        contacts.update(later.contacts)
        places.update(dict.fromkeys(later.places))
        codes.update(later.codes)
        if later.allowed:
            decision = structs.replace(decision, retry_at=at)
            break
    # The absence of such an instant may depend on more contacts than the reasons do.
    counted = tuple(contact for contact in in_order(facts.contacts) if contact in contacts)
    return structs.replace(
        decision,
        relied_on=tuple(relied_on),
        contacts=counted,
        places=tuple(places),
        period=(decision.period[0], at + _search_margin(codes, rules)),
    )


def _search_margin(codes: set[ReasonCode], rules: Rules) -> timedelta:
    """How far after the last instant that was judged the search for a permitted one may have looked."""
    if not {"QUIET_HOURS", "FREQUENCY_CAP"} & codes:
        return timedelta(0)
    longest = max((cap.days for cap in rules.pack.of_kind(Cap)), default=0) if "FREQUENCY_CAP" in codes else 0
    return max(MAX_WAIT, timedelta(days=longest)) + timedelta(days=1)


def _judge(judgement: Judgement) -> Decision:
    judgement.judge_parties()
    if judgement.is_engaged:
        judgement.judge_stops()
        judgement.judge_consent_and_debt()
        judgement.judge_text()
        judgement.judge_contact()
    return judgement.decision()
