"""The English message of every reason. A message says what is missing and who can supply it, and repeats nothing of the
request."""

from __future__ import annotations

from duecare_core.domain.fields import ReasonCode

MESSAGES: dict[ReasonCode, str] = {
    "HALTED": "The operator has stopped this creditor, this gateway or everything; only the operator can lift it.",
    "GATEWAY_SUSPENDED": "This gateway is suspended; only the operator can resume it.",
    "CREDITOR_UNKNOWN": "No creditor is registered under this id; the operator registers creditors.",
    "CREDITOR_SUSPENDED": "This creditor is suspended; only the operator can resume it.",
    "COLLECTOR_UNKNOWN": "No collector is registered under this id; the operator registers collectors.",
    "COLLECTOR_SUSPENDED": "This collector is suspended; only the operator can resume it.",
    "MANDATE_MISSING": (
        "The creditor has stated no mandate for this collector on this channel that is in force yet; the "
        "creditor can state one."
    ),
    "MANDATE_EXPIRED": "The collector's mandate has ended; the creditor can state a new one.",
    "MANDATE_REVOKED": "The creditor has revoked this collector's mandate.",
    "ROUTE_MISSING": (
        "The sender has engaged this gateway with no route on this channel that is in force yet; the sender (the "
        "collector, or the creditor if no collector is named) can state one."
    ),
    "ROUTE_EXPIRED": "The sender's route to this gateway has ended; the sender can state a new one.",
    "ROUTE_REVOKED": "The sender has revoked its route to this gateway.",
    "OPTED_OUT": "The recipient said stop; only the recipient can lift it.",
    "NUMBER_REASSIGNED": (
        "The number changed hands after the consent or the debt was stated; the creditor must state them anew."
    ),
    "CONSENT_MISSING": (
        "The creditor has stated no consent of this recipient; the creditor can state one that was given."
    ),
    "CONSENT_REVOKED": "The recipient has taken the consent back.",
    "CONSENT_EXPIRED": "The recipient's consent has expired; it must be given anew.",
    "CONSENT_CHANNEL": "The recipient consented to other channels, not to this one.",
    "CONSENT_UNCONFIRMED": (
        "The consent was stated after the recipient revoked an earlier one, or after the number changed hands; only "
        "the recipient can confirm it: after a revocation, by replying START to a message that was allowed."
    ),
    "DEBT_MISSING": "The creditor has confirmed no such debt of this recipient; only the creditor can confirm one.",
    "DEBT_SETTLED": "The creditor states that this debt is settled.",
    "DEBT_WITHDRAWN": "The creditor has withdrawn this debt.",
    "DEBT_DISPUTED": (
        "The recipient disputes this debt; the creditor must answer the dispute and confirm the debt again."
    ),
    "DEBT_STALE": "The creditor's confirmation of this debt has lapsed; the creditor can confirm it again.",
    "DEBT_COLLECTOR": "The creditor does not let this collector collect this debt.",
    "SUBJECT_MISMATCH": "The debtor and the person who consented are different people.",
    "TEXT_SENDER": "The text names no registered sender name of the creditor or its collector.",
    "TEXT_AMOUNT": "The text claims an amount or a currency that the confirmed debt does not bear out.",
    "TEXT_OPT_OUT": "The text does not say how to opt out (退订回T; Reply STOP to opt out), or is a part of a message.",
    "TEXT_DISCLOSURE": (
        "A disclosure is missing that the rules require of a collector: that the text is from a debt collector."
    ),
    "TEXT_FORBIDDEN": "The text threatens, abuses, or poses as an authority; only another text can be sent.",
    "QUIET_HOURS": "No message may arrive at this hour where the recipient is or may be; time alone cures it.",
    "FREQUENCY_CAP": (
        "The recipient has been sent as many messages as the rules allow, all senders together; time alone cures it."
    ),
}
