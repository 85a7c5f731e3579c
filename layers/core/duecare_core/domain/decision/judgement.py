"""The judgement of one message: parties, stops, consent, debt, text, and the rules about time and frequency."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from typing import Literal

from duecare_core.domain.decision import text_review as review
from duecare_core.domain.decision.decision import Decision, DecisionRequest, Finding, LocatedPlace, Reason
from duecare_core.domain.decision.reasons import ORDER
from duecare_core.domain.facts.states import (
    Consent,
    ConsentState,
    Debt,
    DebtState,
    Dispute,
    Facts,
    Mandate,
    Occurrence,
    Route,
    RuleTerms,
    Start,
    Undisclosed,
)
from duecare_core.domain.fields import ReasonCode
from duecare_core.domain.location.locate import TABLES, Geography, Place
from duecare_core.domain.rules.applicable import ApplicableRules
from duecare_core.domain.rules.frequency_caps import Contact, contact, without_message
from duecare_core.domain.rules.rule_types import Sender
from duecare_core.domain.rules.ruleset import Rules
from duecare_core.domain.text.reader import Reading

Topic = Literal["message", "mandate", "route", "stops", "consent", "debt"]
ALL_TOPICS: frozenset[Topic] = frozenset(("message", "mandate", "route", "stops", "consent", "debt"))
NOTHING_UNDISCLOSED = Undisclosed()
MANDATE_REASONS: tuple[ReasonCode, ReasonCode, ReasonCode] = ("MANDATE_MISSING", "MANDATE_EXPIRED", "MANDATE_REVOKED")
ROUTE_REASONS: tuple[ReasonCode, ReasonCode, ReasonCode] = ("ROUTE_MISSING", "ROUTE_EXPIRED", "ROUTE_REVOKED")
UNDISCLOSED_DEBT = "this"  # in a replay, the debt_ref of a debt that the case file does not show
NO_TERMS = RuleTerms()
# The elements that a part of a message lacks, because they are at the ends of the whole one.
_ELEMENTS_OF_ENDS: tuple[ReasonCode, ...] = ("TEXT_OPT_OUT", "TEXT_SENDER")


class Judgement:
    """Judges one message at one instant. Collects reasons, findings, and the statements that the decision relies on."""

    def __init__(
        self,
        request: DecisionRequest,
        reading: Reading,
        facts: Facts,
        rules: Rules,
        at: datetime,
        geography: Geography = TABLES,
    ) -> None:
        self.request = request
        self.reading = reading
        self.facts = facts
        self.rules = rules
        self.at = at
        self.geography = geography
        self.reasons: dict[ReasonCode, Reason] = {}
        self.findings: list[Finding] = []
        self.topic: Topic = "message"  # of the next reasons and statements
        self.denied: set[Topic] = set()
        self.relied_on: dict[Topic, dict[str, None]] = {}
        self._has_mandate = self._has_route = self._has_voided_debts = False
        self.is_engaged = False  # whether the gateway is asked by a sender that engaged it, and that acts by mandate
        self.contacts: tuple[Contact, ...] = ()
        self.good_for = rules.answer_validity
        self.consent: Consent | None = None
        self.debt_ref: str | None = None
        self.debt: DebtState | None = None
        self.creditor = facts.creditor if facts.creditor and facts.creditor.acts_as("creditor") else None
        self.for_itself = request.collector == request.creditor
        collector = None if self.for_itself else facts.collector
        self.collector = collector if collector and collector.acts_as("collector") else None

    def deny(self, code: ReasonCode, *statements: str, until: datetime | None = None) -> None:
        self.reasons[code] = Reason(code, until)
        self.denied.add(self.topic)
        self.rely(*statements)

    def rely(self, *statements: str) -> None:
        self.relied_on.setdefault(self.topic, {}).update(dict.fromkeys(statements))

    def deny_found(self, findings: Iterable[Finding], until: datetime | None = None) -> None:
        """Deny if there is any finding."""
        for count, finding in enumerate(findings):
            if count == 0:
                self.deny(finding.code, until=until)
            if count < review.MAX_FINDINGS:
                self.findings.append(finding)

    def lasts_until(self, end: datetime) -> None:
        """An allow is valid no longer than the facts that it relies on."""
        self.good_for = min(self.good_for, end - self.at)

    def decision(self) -> Decision:
        shown = self._shown_topics()
        relied_on = (name for topic, names in self.relied_on.items() if topic in shown for name in names)
        return Decision(
            reasons=tuple(sorted(self.reasons.values(), key=lambda reason: ORDER[reason.code])),
            findings=tuple(sorted(self.findings, key=lambda finding: ORDER[finding.code])),
            relied_on=tuple(dict.fromkeys(relied_on)),
            contacts=self.contacts if shown is ALL_TOPICS or "FREQUENCY_CAP" in self.reasons else (),
            regions=self.place.regions if self.is_engaged else (),
            debt_ref=self.debt_ref,
            good_for=self.good_for,
            chains=self.facts.chains if self.is_engaged else (),
            undisclosed=self._undisclosed(shown),
            places=(LocatedPlace(*self._stated_place, self.place),) if self.is_engaged else (),
            period=(self.at, self.at),
        )

    # The statements that the answer rests on (docs/decisions/0018)

    def _shown_topics(self) -> frozenset[Topic]:
        """The topics whose statements the decision relies on.

        An allow rests on all, and so does a denial that time may cure: it says when the message would be allowed, or
        that no such time is known. Any other denial rests on the topics with a reason; and if it says anything about
        the recipient, on the mandate and the route, without which it says nothing.
        """
        if all(reason.until is not None for reason in self.reasons.values()):
            return ALL_TOPICS
        return frozenset((*self.denied, "mandate", "route") if self.is_engaged else self.denied)

    def _undisclosed(self, shown: frozenset[Topic]) -> Undisclosed:
        """The premises that a replay needs of the topics that gave no reason and are not shown."""
        if shown is ALL_TOPICS:
            return NOTHING_UNDISCLOSED
        if not self.is_engaged:
            return Undisclosed(
                mandate=self._has_mandate and not self.for_itself and "mandate" not in shown,
                route=self._has_route and "route" not in shown,
            )
        return Undisclosed(
            consent=self._consent_terms if "consent" not in shown else None,
            debt=self._debt_terms if "debt" not in shown else None,
            voided_debts=self._has_voided_debts,
        )

    # The parties

    def judge_parties(self) -> None:
        gateway = self.facts.gateway
        if self.facts.halted or any(party and party.halted for party in (gateway, self.creditor)):
            self.deny("HALTED")
        if gateway is None or gateway.state != "active":
            self.deny("GATEWAY_SUSPENDED")
        if self.creditor is None:
            self.deny("CREDITOR_UNKNOWN")
        elif self.creditor.state != "active":
            self.deny("CREDITOR_SUSPENDED")
        if not self.for_itself and self.collector is None:
            self.deny("COLLECTOR_UNKNOWN")
        elif self.collector and self.collector.state != "active":
            self.deny("COLLECTOR_SUSPENDED")
        if self.creditor and (self.for_itself or self.collector):
            self._judge_engagement()

    def _judge_engagement(self) -> None:
        """Whether the creditor lets the collector send for it, and the sender lets the gateway deliver."""
        facts, hidden = self.facts, self.facts.undisclosed
        self.topic = "mandate"
        self._has_mandate = self.for_itself or hidden.mandate or self._is_in_force(facts.mandate, MANDATE_REASONS)
        self.topic = "route"
        self._has_route = hidden.route or self._is_in_force(facts.route, ROUTE_REASONS)
        self.topic = "message"
        self.is_engaged = self._has_mandate and self._has_route

    def _is_in_force(self, state: Mandate | Route | None, reasons: tuple[ReasonCode, ReasonCode, ReasonCode]) -> bool:
        """No reason has an `until`: without a mandate and a route nothing is said about a later time either."""
        missing, expired, revoked = reasons
        if state is None:
            self.deny(missing)
        elif state.status == "revoked":
            self.deny(revoked, state.statement)
        elif self.at >= state.valid_until:
            self.deny(expired, state.statement)
        elif self.request.channel not in state.channels or self.at < state.valid_from:
            self.deny(missing, state.statement)
        else:
            self.rely(state.statement)
            self.lasts_until(state.valid_until)
            return True
        return False

    # Stops

    def judge_stops(self) -> None:
        self.topic = "stops"
        for stopped in (self.facts.stop.stopped, self.facts.stop_of_all.stopped):
            if stopped is None:
                continue
            if self.start and self.start.at > stopped.at:
                self.rely(stopped.statement, self.start.statement)
            else:
                self.deny("OPTED_OUT", stopped.statement)

    @cached_property
    def start(self) -> Start | None:
        """The newest START of this creditor, if it counts: it answers a message that the present holder received.

        A decision does not rely on one that does not count: without it the answer is the same, and it may be in no
        chain.
        """
        start = self.facts.stop.lifted
        return None if start is None or self._is_voided(start.allowed_at) else start

    # Consent and debt

    def judge_consent_and_debt(self) -> None:
        hidden = self.facts.undisclosed
        self.topic = "consent"
        consent = self._judge_consent() if hidden.consent is None else None
        self.topic = "debt"
        if hidden.debt is not None:
            self.debt_ref = UNDISCLOSED_DEBT
        elif debt := self._judge_debt():
            self._judge_confirmed_debt(consent, debt.newest)
        self.topic = "message"

    def _judge_confirmed_debt(self, consent: Consent | None, debt: Debt) -> None:
        self.lasts_until(debt.valid_until)
        if consent and _differ(consent.subject, debt.subject):
            self.deny("SUBJECT_MISMATCH")
            self.denied.add("consent")
        self.deny_found(review.amount_findings(self.reading, debt))

    def _is_voided(self, at: datetime) -> bool:
        """Whether a fact of this instant concerns an earlier holder of the number, and so does not count."""
        number = self.facts.number
        return number is not None and at <= number.reassigned.at

    def _reassigned(self) -> None:
        if self.facts.number:
            self.deny("NUMBER_REASSIGNED", self.facts.number.reassigned.statement)

    def _judge_consent(self) -> Consent | None:
        """The consent that counts, or None and the reason."""
        state = self.facts.consents.get(self.request.channel, ConsentState())
        consent = state.consent
        revoked = self._revocation(state)
        if consent and self._is_voided(consent.at):
            self.rely(consent.statement)
            self._reassigned()
        elif consent and (revoked is None or revoked.at < consent.at):
            self.rely(consent.statement)
            self.consent = consent
            self._judge_confirmation(consent, revoked)
            if consent.expires_at is not None and self.at >= consent.expires_at:
                self.deny("CONSENT_EXPIRED")
            if not self.reasons.keys() & {"CONSENT_UNCONFIRMED", "CONSENT_EXPIRED"}:
                if consent.expires_at is not None:
                    self.lasts_until(consent.expires_at)
                return consent
        elif consent or revoked:
            self.deny("CONSENT_REVOKED", *(one.statement for one in (consent, revoked) if one))
        else:
            self._judge_other_channels()
        return None

    def _judge_confirmation(self, consent: Consent, revoked: Occurrence | None) -> None:
        """Only the recipient undoes a revocation: a consent that the creditor states after one counts once the
        recipient has confirmed it. A START confirms consents granted by its own time. After a reassignment it confirms
        nothing, because the message that it answers may have gone to the earlier holder."""
        if self.facts.number:
            self.deny("CONSENT_UNCONFIRMED", self.facts.number.reassigned.statement)
        if revoked is None:
            return
        if self.start and consent.at <= self.start.at and revoked.at < self.start.at:
            self.rely(revoked.statement, self.start.statement)
        else:
            self.deny("CONSENT_UNCONFIRMED", revoked.statement)

    def _revocation(self, state: ConsentState) -> Occurrence | None:
        """The newest revocation, for this channel or for all."""
        everywhere = self.facts.consents.get("*", ConsentState()).revoked
        marks = [mark for mark in (state.revoked, everywhere) if mark]
        return max(marks, key=lambda mark: (mark.at, mark.statement)) if marks else None

    def _judge_other_channels(self) -> None:
        others = [state for channel, state in self.facts.consents.items() if channel not in ("*", self.request.channel)]
        for state in others:
            consent, revoked = state.consent, self._revocation(state)
            if consent and not self._is_voided(consent.at) and (revoked is None or revoked.at < consent.at):
                self.deny("CONSENT_CHANNEL", consent.statement)
                return
        self.deny("CONSENT_MISSING")

    def _judge_debt(self) -> DebtState | None:
        """The open, confirmed debt that this collector may collect; None after denying if there is none.

        Without a `debt_ref` any such debt serves, preferably one that bears out the text. If none is open, the reasons
        are those of the newest one.
        """
        named = self.request.debt_ref
        stated = {ref: debt for ref, debt in self.facts.debts.items() if named is None or ref == named}
        current = {ref: debt for ref, debt in stated.items() if not self._is_voided(debt.newest.at)}
        if not current:
            if stated or self.facts.undisclosed.voided_debts:
                self._has_voided_debts = True
                self._reassigned()
            else:
                self.deny("DEBT_MISSING")
            return None
        # Usually there is one debt, and nothing to rank.
        ref = min(current, key=lambda ref: self._rank(ref, current[ref])) if len(current) > 1 else next(iter(current))
        debt = current[ref]
        self.debt_ref, self.debt = ref, debt
        self.rely(debt.newest.statement)
        faults = self._debt_faults(ref, debt)
        for code, statements in faults.items():
            self.deny(code, *statements)
        if faults:
            return None
        for dispute in self.facts.disputes:
            answer = _answer(dispute, debt)
            if answer and dispute.debt_ref in (None, ref):  # the dispute, what answers it, and the id that it names
                self.rely(dispute.statement, *answer)
        return debt

    def _rank(self, ref: str, debt: DebtState) -> tuple[bool, bool, bool, float, str]:
        """The sort key of a debt; the message is judged by the least. In order: a debt without fault that text and
        consent bear out, any other without fault, an open one, the newest."""
        faulty = bool(self._debt_faults(ref, debt))
        consent = self.facts.consents.get(self.request.channel, ConsentState()).consent
        differs = bool(consent and _differ(consent.subject, debt.newest.subject))
        unfit = not faulty and (differs or not self._amounts_fit(debt))
        return faulty, unfit, debt.newest.status != "open", -debt.newest.at.timestamp(), ref

    def _debt_faults(self, ref: str, debt: DebtState) -> dict[ReasonCode, list[str]]:
        """Why this collector cannot collect this debt now: reason code → the statements that show it."""
        newest = debt.newest
        if newest.status == "settled":
            return {"DEBT_SETTLED": []}
        if newest.status == "withdrawn":
            return {"DEBT_WITHDRAWN": []}
        faults: dict[ReasonCode, list[str]] = {}
        open_disputes = [dispute.statement for dispute in self.facts.disputes if _blocks(dispute, ref, debt)]
        if open_disputes:
            faults["DEBT_DISPUTED"] = sorted(open_disputes)
        if self.at >= newest.valid_until:
            faults["DEBT_STALE"] = []
        if newest.collectors is not None and not self.for_itself and self.request.collector not in newest.collectors:
            faults["DEBT_COLLECTOR"] = []
        return faults

    # The rules: text, time and frequency

    @cached_property
    def place(self) -> Place:
        """The possible places of the recipient, by the number, the debt and the consent."""
        region, time_zones = self._stated_place
        return self.geography.locate(self.request.number, region=region, time_zones=time_zones)

    @property
    def _stated_place(self) -> tuple[str | None, tuple[str, ...]]:
        """The region and the time zones that the debt and the consent give."""
        debt, consent = self._debt_terms, self._consent_terms
        return debt.region, tuple(name for name in (debt.time_zone, consent.time_zone) if name)

    @property
    def _consent_terms(self) -> RuleTerms:
        if self.consent:
            return RuleTerms(time_zone=self.consent.time_zone)
        return self.facts.undisclosed.consent or NO_TERMS

    @property
    def _debt_terms(self) -> RuleTerms:
        if self.debt:
            debt = self.debt.newest
            return RuleTerms(time_zone=debt.time_zone, region=debt.region, product=debt.product)
        return self.facts.undisclosed.debt or NO_TERMS

    @cached_property
    def rules_here(self) -> ApplicableRules:
        product = self._debt_terms.product
        sender: Sender = "creditor" if self.for_itself else "collector"
        return ApplicableRules(
            self.rules.pack, self.place, self.request.channel, sender, product, self.at, self.geography.zone
        )

    def judge_text(self) -> None:
        required = self.rules_here.required(promotional=review.is_promotional(self.reading))
        if self.creditor and "sender_name" in required:
            names = (*self.creditor.sender_names, *(self.collector.sender_names if self.collector else ()))
            self.deny_found(review.sender_findings(self.reading, names))
        if self.reading.opt_out is None:
            self.deny_found(review.rule_findings("TEXT_OPT_OUT", required.get("opt_out_wording", ())))
        missing = next((code for code in _ELEMENTS_OF_ENDS if code in self.reasons), None)
        self.deny_found(review.part_findings(self.request.text, self.reading, missing))
        if self.reading.disclosure is None:
            self.deny_found(review.rule_findings("TEXT_DISCLOSURE", required.get("collector_disclosure", ())))
        self.deny_found(review.forbidden_findings(self.reading, self.rules_here.forbidden()))

    def judge_contact(self) -> None:
        """Quiet hours and frequency caps."""
        quiet = self.rules_here.quiet()
        if quiet:
            self.deny_found(review.rule_findings("QUIET_HOURS", quiet.rows), until=quiet.until)
        else:
            self.good_for = self.rules_here.permitted_for(self.good_for)
        request = self.request
        new = contact(self.at, request.channel, request.creditor, self.debt_ref, request.contact_id)
        earlier = without_message(self.facts.contacts, new)
        self.contacts = self.rules_here.counted_contacts(earlier, new)
        full = self.rules_here.full_caps(self.contacts, new)
        if full:
            self.deny_found(review.rule_findings("FREQUENCY_CAP", full.rows), until=full.until)

    def _amounts_fit(self, debt: DebtState) -> bool:
        return not review.amount_findings(self.reading, debt.newest)


def _blocks(dispute: Dispute, ref: str, debt: DebtState) -> bool:
    """Whether the dispute is about this debt, or about all, and no later statement of the debt answers it."""
    return dispute.debt_ref in (None, ref) and _answer(dispute, debt) is None


def _answer(dispute: Dispute, debt: DebtState) -> tuple[str, str] | None:
    """The statement of the debt that answers this dispute, and the id by which it names it. It must be dated later."""
    answers = [
        (answer.at, answer.statement, named)
        for named, answer in debt.answers.items()
        if answer.content == dispute.content and answer.at > dispute.at
    ]
    if not answers:
        return None
    _, statement, named = max(answers)
    return statement, named


def _differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other
