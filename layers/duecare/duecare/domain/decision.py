"""The decision: may this message be delivered?

`decide` is pure: the same request, facts, rules and instant give the same answer, on the gateway's day and in court.
Everything that is needed must be there; whatever is missing is a reason to deny.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from duecare.domain.facts import Consent, ConsentState, DebtState, Dispute, Facts
from duecare.domain.reasons import ORDER
from duecare.domain.rules import Rules
from duecare.domain.text import Meaning, names_sender, read
from duecare.errors import Unacceptable, Violation

NOW_MARGIN = timedelta(seconds=120)
AHEAD_AT_MOST = timedelta(days=7)


class Request(Struct, frozen=True, kw_only=True):
    """One message as far as the decision reads it. `collector` is the creditor itself where it sends for itself."""

    gateway: str
    creditor: str
    collector: str
    channel: str
    text: str
    debt_ref: str | None = None
    send_at: datetime | None = None


class Reason(Struct, frozen=True):
    """Why not. `until` is the instant from which time alone will have cured it, where it will."""

    code: str
    until: datetime | None = None


class Decision(Struct, frozen=True, kw_only=True):
    """Allow, or deny with every reason in the contract's order; and the statements that the answer rests on."""

    reasons: tuple[Reason, ...]
    relied_on: tuple[str, ...]

    @property
    def allowed(self) -> bool:
        return not self.reasons

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(reason.code for reason in self.reasons)

    @property
    def retry_at(self) -> datetime | None:
        """When time alone will have cured every reason; None where it will not."""
        instants = [reason.until for reason in self.reasons if reason.until is not None]
        return max(instants) if instants and len(instants) == len(self.reasons) else None


def is_rehearsal(send_at: datetime | None, now: datetime) -> bool:
    """Whether `send_at` lies ahead, so that the answer is provisional. Raises Unacceptable where it is out of range."""
    if send_at is None:
        return False
    if not 1970 <= send_at.year < 2200:  # so far off that arithmetic on it may overflow
        raise Unacceptable(
            "send_at lies too far away.", errors=(Violation("/send_at", "out-of-range", "not between 1970 and 2199"),)
        )
    if send_at < now - NOW_MARGIN:
        raise Unacceptable(
            "send_at lies in the past; leave it out to ask about now.",
            errors=(Violation("/send_at", "in-the-past", "more than 120 seconds ago"),),
        )
    if send_at > now + AHEAD_AT_MOST:
        raise Unacceptable(
            "send_at lies too far ahead.", errors=(Violation("/send_at", "too-far-ahead", "more than 7 days ahead"),)
        )
    return send_at > now + NOW_MARGIN


def decide(request: Request, facts: Facts, rules: Rules, now: datetime) -> Decision:
    """All the reasons against delivering this message; none is an allow.

    A rehearsal is judged at its `send_at`, everything else at `now`. Raises Unacceptable for a `send_at` out of range.
    """
    at = request.send_at if request.send_at and is_rehearsal(request.send_at, now) else now
    case = _Case(request, facts, rules, at)
    case.judge_parties()
    case.judge_stops()
    case.judge_consent_and_debt()
    case.judge_text()
    return case.decision()


class _Case:
    """One message being judged. Collects reasons and what they rest on; `decide` is its only user."""

    def __init__(self, request: Request, facts: Facts, rules: Rules, at: datetime) -> None:
        self.request = request
        self.facts = facts
        self.rules = rules
        self.at = at
        self.reading = read(request.text)
        self.reasons: dict[str, Reason] = {}
        self.relied_on: dict[str, None] = {}
        self.creditor = facts.creditor if facts.creditor and "creditor" in facts.creditor.roles else None
        self.for_itself = request.collector == request.creditor
        collector = None if self.for_itself else facts.collector
        self.collector = collector if collector and "collector" in collector.roles else None

    def deny(self, code: str, *statements: str, until: datetime | None = None) -> None:
        self.reasons[code] = Reason(code, until)
        self.rely(*statements)

    def rely(self, *statements: str) -> None:
        self.relied_on.update(dict.fromkeys(statements))

    def decision(self) -> Decision:
        ordered = sorted(self.reasons.values(), key=lambda reason: ORDER[reason.code])
        return Decision(reasons=tuple(ordered), relied_on=tuple(self.relied_on))

    # Who sends, and for whom

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
        if self.for_itself:
            return
        if self.collector is None:
            self.deny("COLLECTOR_UNKNOWN")
        elif self.collector.state != "active":
            self.deny("COLLECTOR_SUSPENDED")
        if self.creditor and self.collector:
            self._judge_mandate()

    def _judge_mandate(self) -> None:
        mandate = self.facts.mandate
        if mandate is None:
            self.deny("MANDATE_MISSING")
            return
        self.rely(mandate.statement)
        if mandate.status == "revoked":
            self.deny("MANDATE_REVOKED")
        elif self.at >= mandate.valid_until:
            self.deny("MANDATE_EXPIRED")
        elif self.request.channel not in mandate.channels:
            self.deny("MANDATE_MISSING")
        elif self.at < mandate.valid_from:
            self.deny("MANDATE_MISSING", until=mandate.valid_from)

    # What the recipient did

    def judge_stops(self) -> None:
        for stop in self.facts.stops:
            if stop.in_force:
                self.deny("OPTED_OUT", stop.in_force.statement)
            elif stop.lifted:
                self.rely(stop.lifted.statement)

    # What the recipient agreed to and owes

    def judge_consent_and_debt(self) -> None:
        consent = self._judge_consent()
        debt = self._judge_debt()
        if debt is None:
            return
        if consent and _differ(consent.subject, debt.newest.subject):
            self.deny("SUBJECT_MISMATCH")
        if not self._amounts_fit(debt):
            self.deny("TEXT_AMOUNT")

    def _voided(self, at: datetime) -> bool:
        """What was stated about the number's earlier holder does not count."""
        number = self.facts.number
        return number is not None and at < number.reassigned.at

    def _reassigned(self) -> None:
        if self.facts.number:
            self.deny("NUMBER_REASSIGNED", self.facts.number.reassigned.statement)

    def _judge_consent(self) -> Consent | None:
        """The consent that counts, or None and the reason."""
        state = self.facts.consents.get(self.request.channel, ConsentState())
        consent = state.consent
        revoked = self._revocation(state)
        if consent and self._voided(consent.at):
            self.rely(consent.statement)
            self._reassigned()
        elif consent and revoked is None:
            self.rely(consent.statement)
            if consent.expires_at is None or self.at < consent.expires_at:
                return consent
            self.deny("CONSENT_EXPIRED")
        elif consent or revoked:
            self.deny("CONSENT_REVOKED", *([consent.statement] if consent else []), *([revoked] if revoked else []))
        else:
            self._judge_other_channels()
        return None

    def _revocation(self, state: ConsentState) -> str | None:
        """The statement that revokes, of this channel or of all: at or after the consent, for it wins a tie."""
        everywhere = self.facts.consents.get("*", ConsentState()).revoked
        marks = [mark for mark in (state.revoked, everywhere) if mark]
        if not marks:
            return None
        newest = max(marks, key=lambda mark: mark.at)
        return newest.statement if state.consent is None or newest.at >= state.consent.at else None

    def _judge_other_channels(self) -> None:
        others = [state for channel, state in self.facts.consents.items() if channel not in ("*", self.request.channel)]
        given = [(state.consent, self._revocation(state)) for state in others if state.consent]
        for consent, revoked in given:
            if revoked is None and not self._voided(consent.at):
                self.deny("CONSENT_CHANNEL", consent.statement)
                return
        self.deny("CONSENT_MISSING")

    def _judge_debt(self) -> DebtState | None:
        """The open, confirmed debt that this collector may collect, or None and the reasons.

        Without a `debt_ref` any such debt will do, one that bears out the text before others; where none is open the
        newest one gives the reason.
        """
        named = self.request.debt_ref
        stated = {ref: debt for ref, debt in self.facts.debts.items() if named is None or ref == named}
        current = {ref: debt for ref, debt in stated.items() if not self._voided(debt.newest.at)}
        if not current:
            if stated:
                self.rely(*sorted(debt.newest.statement for debt in stated.values()))
                self._reassigned()
            else:
                self.deny("DEBT_MISSING")
            return None
        ref = min(current, key=lambda ref: self._rank(ref, current[ref]))
        debt = current[ref]
        self.rely(debt.newest.statement)
        faults = self._debt_faults(ref, debt)
        for code, statements in faults.items():
            self.deny(code, *statements)
        if faults:
            return None
        self.rely(*(answer.statement for answer in debt.answers.values()))
        return debt

    def _rank(self, ref: str, debt: DebtState) -> tuple[bool, bool, bool, float, str]:
        """Which debt speaks for the message, least first: one without fault that the text and the consent bear out,
        then one without fault, then an open one, then the newest."""
        faulty = bool(self._debt_faults(ref, debt))
        consent = self.facts.consents.get(self.request.channel, ConsentState()).consent
        differs = bool(consent and _differ(consent.subject, debt.newest.subject))
        unfit = not faulty and (differs or not self._amounts_fit(debt))
        return faulty, unfit, debt.newest.status != "open", -debt.newest.at.timestamp(), ref

    def _debt_faults(self, ref: str, debt: DebtState) -> dict[str, list[str]]:
        """Why this debt cannot be collected by this collector now: code → statements it rests on."""
        newest = debt.newest
        if newest.status == "settled":
            return {"DEBT_SETTLED": []}
        if newest.status == "withdrawn":
            return {"DEBT_WITHDRAWN": []}
        faults: dict[str, list[str]] = {}
        open_disputes = [dispute.statement for dispute in self.facts.disputes if _blocks(dispute, ref, debt)]
        if open_disputes:
            faults["DEBT_DISPUTED"] = sorted(open_disputes)
        if self.at >= newest.valid_until:
            faults["DEBT_STALE"] = []
        if newest.collectors is not None and not self.for_itself and self.request.collector not in newest.collectors:
            faults["DEBT_COLLECTOR"] = []
        return faults

    # What the text says

    def judge_text(self) -> None:
        if self.creditor:
            names = (*self.creditor.sender_names, *(self.collector.sender_names if self.collector else ()))
            if not names_sender(self.request.text, names):
                self.deny("TEXT_SENDER")
        if self.reading.opt_out is None:
            self.deny("TEXT_OPT_OUT")

    def _amounts_fit(self, debt: DebtState) -> bool:
        """An amount stated as owed equals the outstanding one; a smaller one may be offered; none is larger."""
        owed = debt.newest.outstanding
        return all(
            debt.newest.currency in claim.currencies
            and (claim.amount == owed or (claim.amount < owed and claim.meaning is Meaning.OFFERED))
            for claim in self.reading.amounts
        )


def _blocks(dispute: Dispute, ref: str, debt: DebtState) -> bool:
    """A dispute blocks the debt it names, or every debt stated by then, until that debt's own statement answers it."""
    covers = debt.first <= dispute.at if dispute.debt_ref is None else dispute.debt_ref == ref
    answer = debt.answers.get(dispute.statement)
    return covers and (answer is None or answer.at <= dispute.at)


def _differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other
