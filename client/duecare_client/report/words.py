"""What the page about a case file says, in Chinese and in English: names of checks, kinds, members, rules.

What is not named here is shown as it is spelled in the file.
"""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    zh: str
    en: str


CHECKS: dict[str, tuple[Words, Words]] = {
    "form": (
        Words("文件格式", "Form of the file"),
        Words("文件是否为规范格式，有无增删。", "Whether the file is in its one form, with nothing added or left out."),
    ),
    "log": (
        Words("日志签名", "Signature of the log"),
        Words(
            "检查点是否由该日志（及所列见证人）签名。",
            "Whether the checkpoint is signed by the log, and by the witnesses that the file names.",
        ),
    ),
    "record": (
        Words("决定记录", "Record of the decision"),
        Words("决定记录是否原样载于日志。", "Whether the record stands in the log exactly as it is here."),
    ),
    "receipt": (
        Words("回执", "Receipt"),
        Words(
            "回执是否由载于日志的服务密钥签名，内容是否与记录一致。",
            "Whether the receipt is signed by a key of the service that is in the log, and says what the record says.",
        ),
    ),
    "inputs": (
        Words("号码、文本与时间", "Number, text and time"),
        Words(
            "号码、文本、时间是否即记录以摘要锁定的内容。",
            "Whether number, text and time are those whose digests the record holds.",
        ),
    ),
    "parties": (
        Words("各方登记", "Registrations"),
        Words("各方登记是否原样载于日志。", "Whether each registration stands in the log exactly as it is here."),
    ),
    "statements": (
        Words("各方声明", "Statements"),
        Words(
            "每份声明是否由其责任方以当时已登记的密钥签名，并载于日志。",
            "Whether each was signed by the party that answers for it, with a key registered then, and logged.",
        ),
    ),
    "rules": (
        Words("规则", "Rules"),
        Words("规则是否即记录所指的版本。", "Whether the rules are the version that the record names."),
    ),
    "replay": (
        Words("重新作出决定", "The decision made again"),
        Words(
            "依案卷内的材料和规则重新判断，结果及全部理由是否相同。",
            "Whether the same material and rules give the same decision again, to every reason.",
        ),
    ),
}

KINDS: dict[str, Words] = {
    "consent": Words("收件人同意声明", "Consent of the recipient"),
    "consent-revocation": Words("收件人撤回同意声明", "Consent taken back"),
    "debt": Words("债务确认声明", "Confirmation of a debt"),
    "mandate": Words("催收委托声明", "Mandate of a collector"),
    "reply": Words("收件人回复声明", "Reply of the recipient"),
    "opt-out": Words("退订声明", "Opt-out"),
    "dispute": Words("债务异议声明", "Dispute of a debt"),
    "number-reassignment": Words("号码更换使用人声明", "Number reassigned"),
    "delivery": Words("发送结果声明", "What became of a message"),
    "upload": Words("批量申报文件清单", "Manifest of an uploaded file"),
}

MEMBERS: dict[str, Words] = {
    "recipient": Words("收件号码", "recipient"),
    "creditor": Words("债权人", "creditor"),
    "collector": Words("催收机构", "collector"),
    "collectors": Words("可催收的机构", "collectors allowed"),
    "channels": Words("渠道", "channels"),
    "granted_at": Words("同意时间", "granted at"),
    "expires_at": Words("同意到期", "expires at"),
    "revoked_at": Words("撤回时间", "revoked at"),
    "method": Words("同意方式", "how it was given"),
    "notice": Words("告知书摘要", "digest of the notice"),
    "evidence": Words("同意凭证摘要", "digest of the evidence"),
    "subject": Words("当事人代号摘要", "digest naming the person"),
    "time_zone": Words("申报的时区", "time zone stated"),
    "debt_ref": Words("债务编号", "reference of the debt"),
    "currency": Words("币种", "currency"),
    "outstanding": Words("未偿金额", "amount outstanding"),
    "as_of": Words("事实时点", "as of"),
    "at": Words("事实时点", "as of"),
    "valid_from": Words("生效时间", "valid from"),
    "valid_until": Words("有效期至", "valid until"),
    "status": Words("状态", "status"),
    "original_creditor": Words("原债权人", "original creditor"),
    "region": Words("申报的地区", "region stated"),
    "product": Words("债务类型", "kind of debt"),
    "contract": Words("合同摘要", "digest of the contract"),
    "answers_dispute": Words("所答复的异议", "dispute that it answers"),
    "claim": Words("异议内容", "what is disputed"),
    "received_at": Words("收到时间", "received at"),
    "effective_at": Words("更换时间", "effective at"),
    "message_id": Words("短信编号", "message"),
    "text": Words("原文", "wording"),
    "text_sha256": Words("文本摘要", "digest of the text"),
    "kind": Words("申报内容", "what its rows state"),
    "format": Words("文件格式", "format"),
    "charset": Words("字符集", "charset"),
    "rows": Words("行数", "rows"),
    "sha256": Words("文件摘要", "digest of the file"),
    "size": Words("文件字节数", "size in bytes"),
    "snapshot": Words("全量申报", "all open debts"),
    "confirm_withdrawals": Words("确认撤回数", "withdrawals confirmed"),
    "statement": Words("来源", "stated by"),
    "first": Words("最早申报时点", "first stated as of"),
    "first_by": Words("最早申报来源", "first stated by"),
    "answers": Words("已答复的异议", "disputes answered"),
    "revoked": Words("撤回", "taken back"),
}

VALUES: dict[str, Words] = {
    "open": Words("未清偿", "open"),
    "settled": Words("已结清", "settled"),
    "withdrawn": Words("已撤回", "withdrawn"),
    "active": Words("有效", "active"),
    "revoked": Words("已撤销", "revoked"),
    "sms": Words("短信", "text message"),
    "voice": Words("语音", "voice"),
    "email": Words("电子邮件", "e-mail"),
    "im": Words("即时消息", "instant message"),
    "web": Words("网页", "web"),
    "paper": Words("纸面", "paper"),
    "not_mine": Words("非本人债务", "not mine"),
    "paid": Words("已偿还", "paid"),
    "wrong_amount": Words("金额有误", "wrong amount"),
    "other": Words("其他", "other"),
    "credit_card": Words("信用卡", "credit card"),
    "consumer_loan": Words("消费贷款", "consumer loan"),
    "microfinance": Words("小额贷款", "microfinance"),
    "debt": Words("债务", "debts"),
    "consent": Words("同意", "consents"),
    "*": Words("全部", "all"),
}
# `contract` is a way to consent; elsewhere it would be a digest.
METHODS = {"contract": Words("合同", "contract"), **VALUES}

PARTS: dict[str, Words] = {
    "gateway": Words("询问的网关", "Gateway that asked"),
    "creditor": Words("债权人", "Creditor"),
    "collector": Words("催收机构", "Collector"),
}
STATES: dict[str, Words] = {"active": Words("正常", "active"), "suspended": Words("已暂停", "suspended")}

# Rules that are not rows of the pack but faults of the text; of forbidden wording the topic, before the dot.
FAULTS: dict[str, Words] = {
    "sender.sign": Words("签名未经登记", "sender name that is not registered"),
    "sender.missing": Words("没有已登记的签名", "no registered sender name"),
    "amount.unreadable": Words("金额无法识别", "amount that cannot be read"),
    "amount.currency": Words("币种与确认的债务不同", "another currency than the confirmed debt"),
    "amount.larger": Words("金额高于确认的债务", "more than the confirmed debt"),
    "amount.smaller": Words("所称欠款与确认的债务不符", "not the amount that was confirmed as owed"),
}
# Of what is nowhere in the text, by the code of its reason.
LACKS: dict[str, Words] = {
    "TEXT_OPT_OUT": Words("没有说明如何退订", "does not say how to opt out"),
    "TEXT_DISCLOSURE": Words("没有表明来自催收机构", "does not say that a debt collector sends it"),
    "QUIET_HOURS": Words("该时段不得发送", "quiet hours"),
    "FREQUENCY_CAP": Words("次数已满", "frequency cap that is full"),
}
TOPICS: dict[str, Words] = {
    "posing_as_authority": Words("冒充国家机关", "posing as an authority"),
    "posing_as_creditor": Words("冒充债权人", "posing as the creditor"),
    "threat": Words("威胁", "threat"),
    "exposure": Words("向他人透露债务", "exposure to others"),
    "abuse": Words("侮辱", "abuse"),
    "invented_blacklist": Words("虚构失信名单", "invented blacklist"),
    "exaggerated_amount": Words("夸大金额", "exaggerated amount"),
    "exaggerated_consequence": Words("夸大后果", "exaggerated consequence"),
    "details_to_unknown_person": Words("向不明身份者透露细节", "details to an unknown person"),
    "sender_name_reveals_collection": Words("签名透露催收", "sender name that reveals collection"),
}
CONFIDENCE: dict[str, Words] = {
    "read": Words("已阅法规原文", "legal text read"),
    "second-hand": Words("据转述", "second-hand"),
    "default": Words("本服务自定，非法律", "own choice, not law"),
}
