"""Why a message is denied: the codes in the order of the contract, each with a sentence in Chinese and English.

A sentence names what is missing and who can supply it. Nothing of the message or the recipient stands in it.
"""

from __future__ import annotations

from typing import NamedTuple


class Sentence(NamedTuple):
    en: str
    zh: str


REASONS: dict[str, Sentence] = {
    "HALTED": Sentence(
        "The operator has stopped this creditor, this gateway or everything; only the operator can lift it.",
        "运营方已停止该债权人、该网关或全部发送;只有运营方可以恢复。",
    ),
    "GATEWAY_SUSPENDED": Sentence(
        "This gateway is suspended; only the operator can resume it.", "该网关已被暂停;只有运营方可以恢复。"
    ),
    "CREDITOR_UNKNOWN": Sentence(
        "No creditor is registered under this id; the operator registers creditors.",
        "没有以此编号登记的债权人;债权人由运营方登记。",
    ),
    "CREDITOR_SUSPENDED": Sentence(
        "This creditor is suspended; only the operator can resume it.", "该债权人已被暂停;只有运营方可以恢复。"
    ),
    "COLLECTOR_UNKNOWN": Sentence(
        "No collector is registered under this id; the operator registers collectors.",
        "没有以此编号登记的催收机构;催收机构由运营方登记。",
    ),
    "COLLECTOR_SUSPENDED": Sentence(
        "This collector is suspended; only the operator can resume it.", "该催收机构已被暂停;只有运营方可以恢复。"
    ),
    "MANDATE_MISSING": Sentence(
        "The creditor has stated no mandate for this collector on this channel that is in force yet; "
        "the creditor can state one.",
        "债权人未就该渠道向该催收机构出具已生效的委托;可由债权人出具。",
    ),
    "MANDATE_EXPIRED": Sentence(
        "The collector's mandate has ended; the creditor can state a new one.",
        "该催收机构的委托已到期;可由债权人重新出具。",
    ),
    "MANDATE_REVOKED": Sentence(
        "The creditor has revoked this collector's mandate.", "债权人已撤销对该催收机构的委托。"
    ),
    "OPTED_OUT": Sentence(
        "The recipient said stop; only the recipient can lift it.", "收件人已退订;只有收件人本人可以恢复。"
    ),
    "NUMBER_REASSIGNED": Sentence(
        "The number changed hands after the consent or the debt was stated; the creditor must state them anew.",
        "该号码在同意或债务申报之后已更换使用人;须由债权人重新取得并申报。",
    ),
    "CONSENT_MISSING": Sentence(
        "The creditor has stated no consent of this recipient; the creditor can state one that was given.",
        "债权人未申报收件人的同意;如已取得同意,可由债权人申报。",
    ),
    "CONSENT_REVOKED": Sentence("The recipient has taken the consent back.", "收件人已撤回同意。"),
    "CONSENT_EXPIRED": Sentence(
        "The recipient's consent has expired; it must be given anew.", "收件人的同意已过期;须重新取得。"
    ),
    "CONSENT_CHANNEL": Sentence(
        "The recipient consented to other channels, not to this one.", "收件人同意的是其他渠道,不包括此渠道。"
    ),
    "DEBT_MISSING": Sentence(
        "The creditor has confirmed no such debt of this recipient; only the creditor can confirm one.",
        "债权人未确认收件人负有此债务;只有债权人可以确认。",
    ),
    "DEBT_SETTLED": Sentence("The creditor states that this debt is settled.", "债权人申报该债务已结清。"),
    "DEBT_WITHDRAWN": Sentence("The creditor has withdrawn this debt.", "债权人已撤回该债务。"),
    "DEBT_DISPUTED": Sentence(
        "The recipient disputes this debt; the creditor must answer the dispute and confirm the debt again.",
        "收件人对该债务提出异议;须由债权人答复异议并重新确认债务。",
    ),
    "DEBT_STALE": Sentence(
        "The creditor's confirmation of this debt has lapsed; the creditor can confirm it again.",
        "债权人对该债务的确认已过期;可由债权人重新确认。",
    ),
    "DEBT_COLLECTOR": Sentence(
        "The creditor does not let this collector collect this debt.", "债权人未允许该催收机构催收此债务。"
    ),
    "SUBJECT_MISMATCH": Sentence(
        "The debtor and the person who consented are different people.", "债务人与作出同意的人并非同一人。"
    ),
    "TEXT_SENDER": Sentence(
        "The text names no registered sender name of the creditor or its collector.",
        "短信未使用债权人或其催收机构已登记的签名。",
    ),
    "TEXT_AMOUNT": Sentence(
        "The text claims an amount or a currency that the confirmed debt does not bear out.",
        "短信所称金额或币种与已确认的债务不符。",
    ),
    "TEXT_OPT_OUT": Sentence(
        "The text does not say how to opt out, for example: 退订回T, or: Reply STOP to opt out.",
        "短信未说明退订方式,例如:退订回T。",
    ),
    "TEXT_DISCLOSURE": Sentence(
        "A disclosure is missing that the rules require of a collector: that the text is from a debt collector.",
        "短信缺少规则要求催收机构作出的告知:表明短信来自催收机构。",
    ),
    "TEXT_FORBIDDEN": Sentence(
        "The text threatens, abuses, or poses as an authority; only another text can be sent.",
        "短信含有威胁、侮辱或冒充国家机关的内容;须更换内容。",
    ),
    "QUIET_HOURS": Sentence(
        "No message may arrive at this hour where the recipient is or may be; time alone cures it.",
        "收件人所在地(或可能所在地)当前时段不得发送;待允许时段到来即可。",
    ),
    "FREQUENCY_CAP": Sentence(
        "The recipient has been sent as many messages as the rules allow, all senders together; time alone cures it.",
        "各发送方合计向收件人发送的短信已达规则允许的次数;待期满即可。",
    ),
}

ORDER = {code: place for place, code in enumerate(REASONS)}


def sentence(code: str, language: str) -> str:
    """The sentence for a code; `language` is `zh-CN` or `en`."""
    reason = REASONS[code]
    return reason.zh if language == "zh-CN" else reason.en
