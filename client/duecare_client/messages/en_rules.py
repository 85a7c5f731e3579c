"""The rules of the shipped pack as the pack spells them. A rule with another wording gets no Chinese text."""

from __future__ import annotations

RULES: dict[str, str] = {
    "rule.cn-hours": "No collection from 22:00 to 08:00, by whatever means.",
    "rule_exceptions.cn-hours": "The parties agreed otherwise.",
    "rule_source.cn-hours": "GB/T 45251-2025 §5.3 (recommended standard, online personal consumer credit)",
    "rule_note.cn-hours": "Applied to every debt: the facts do not say whether the credit was granted online.",
    "rule.cn-hours-banks": "No phone call, visit or other collection from 22:00 to 08:00.",
    "rule_whom.cn-hours-banks": "banks",
    "rule_exceptions.cn-hours-banks": "The debtor's consent to other hours.",
    "rule_note.cn-hours-banks": "The facts do not say whether a creditor is a bank: applied to all.",
    "rule.cn-voice-interactive": "At most 3 effective interactive calls per debtor and calendar day.",
    "rule_source.cn-voice-interactive": "GB/T 45251-2025",
    "rule_note.cn-voice-interactive": "The facts do not say whether a call was effective: every call counts.",
    "rule.cn-voice-notification": (
        "At most 3 connected notification calls per debtor and calendar day, an institution and its agencies together."
    ),
    "rule_source.cn-voice-notification": "Association guideline of 2024, taken into GB/T 45251-2025",
    "rule_note.cn-voice-notification": "The facts do not say whether a call was connected: every call counts.",
    "rule.cn-sms-day": "At most 3 texts per debtor and calendar day, over all collectors and creditors.",
    "rule_source.cn-sms-day": "none: no figure in any text found",
    "rule.cn-whom": (
        "The debtor; a guarantor as agreed; a contact person only where the debtor cannot be reached; stop "
        "on refusal; never reveal the debt."
    ),
    "rule_exceptions.cn-whom": "A guarantor as agreed; a contact person where the debtor cannot be reached.",
    "rule_source.cn-whom": "GB/T 45251-2025",
    "rule_note.cn-whom": "The facts know debtors only: no message to anyone else is allowed.",
    "rule.cn-content": (
        "No posing as state organs, no agency posing as the bank, no threats, invented blacklists, "
        "exaggerated amounts or consequences."
    ),
    "rule_whom.cn-content": "banks and their agencies",
    "rule_note.cn-content": (
        "The facts do not say whether a creditor is a bank: applied to all. A text is searched for poses as "
        "an authority, threats, exposure and abuse; an exaggerated amount is TEXT_AMOUNT, the other topics "
        "are for people."
    ),
    "rule.cn-promotional": (
        "Promotional texts (goods, services, investment; a discount or refinancing offer makes a reminder "
        "promotional): consent or request on record, sender named, easy refusal."
    ),
    "rule_source.cn-promotional": "MIIT Order 74 art. 21 ff. (replaces Order 31 of 2015)",
    "rule_note.cn-promotional": (
        "A text that offers an amount (a reduction, a settlement, instalments) counts as promotional."
    ),
    "rule.cn-opt-out": "Opt-out wording in every collection text, promotional or not.",
    "rule_source.cn-opt-out": "none: as gateways' own practice",
    "rule.cn-traffic-records": "Times and numbers of messages are kept for at least 6 months.",
    "rule_source.cn-traffic-records": "MIIT Order 74",
    "rule.cn-sign": (
        "The sign is the company's name or a short form contained in it, a filed app name, or a registered trademark."
    ),
    "rule_note.cn-sign": "The source gives April 2025; the first day is taken.",
    "rule.cn-collection-records": (
        "Collection records are kept for 5 years (consumer-finance companies) or 2 years (credit cards); "
        "this project keeps 5."
    ),
    "rule.cn-basis": "A lawful basis: consent, or necessary for the contract; consent may be withdrawn at any time.",
    "rule_exceptions.cn-basis": "Necessary for the contract (not used here: consent is always asked for).",
    "rule_source.cn-basis": "PIPL 13-16; presumed fault PIPL 69",
    "rule_note.cn-basis": "Articles 13 and 14 were read.",
    "rule.cn-words": "Replies that stop messages, and replies that open them again.",
    "rule_source.cn-words": "none: China's gateways' practice",
    "rule_note.cn-words": "Read as an opt-out whatever country the number is of: a stop wrongly heard harms nobody.",
    "rule.cn-wording": "Opt-out wording of Chinese texts, and its kin.",
    "rule_source.cn-wording": "none: China's gateways' practice",
    "rule.us-words": "Words that revoke; any other reasonable means counts too.",
    "rule_source.us-words": "47 CFR 64.1200(a)(10)",
    "rule_note.us-words": (
        "STOPALL and START are carriers' and gateways' practice. Read as an opt-out whatever country the number is of."
    ),
    "rule.us-wording": "Opt-out wording of English texts, and its kin.",
    "rule_source.us-wording": "none: common practice",
    "rule.elsewhere-hours": "08:00 to 20:00 local.",
    "rule_source.elsewhere-hours": "none",
    "rule.elsewhere-frequency": "At most 3 contacts in 7 days.",
    "rule_source.elsewhere-frequency": "none",
    "rule.any-content": (
        "No posing as police, court, prosecutor or government; no threat of violence or of exposure to "
        "family, employer or contacts; no abuse."
    ),
    "rule_exceptions.any-content": "A plain announcement that the creditor may sue.",
    "rule_source.any-content": "none: common to every text read",
    "rule.any-elements": "Every text names a registered sender and a way to opt out, and rests on consent.",
    "rule_source.any-elements": "none: what this project promises",
}
