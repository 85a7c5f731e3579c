"""The Chinese message of every reason (zh-CN); see reason_messages_en."""

from __future__ import annotations

from duecare_core.domain.fields import ReasonCode

MESSAGES: dict[ReasonCode, str] = {
    "HALTED": "运营方已停止该债权人、该网关或全部发送;只有运营方可以恢复。",
    "GATEWAY_SUSPENDED": "该网关已被暂停;只有运营方可以恢复。",
    "CREDITOR_UNKNOWN": "没有以此编号登记的债权人;债权人由运营方登记。",
    "CREDITOR_SUSPENDED": "该债权人已被暂停;只有运营方可以恢复。",
    "COLLECTOR_UNKNOWN": "没有以此编号登记的催收机构;催收机构由运营方登记。",
    "COLLECTOR_SUSPENDED": "该催收机构已被暂停;只有运营方可以恢复。",
    "MANDATE_MISSING": "债权人未就该渠道向该催收机构出具已生效的委托;可由债权人出具。",
    "MANDATE_EXPIRED": "该催收机构的委托已到期;可由债权人重新出具。",
    "MANDATE_REVOKED": "债权人已撤销对该催收机构的委托。",
    "ROUTE_MISSING": "发送方未就该渠道向该网关出具已生效的发送授权;可由发送方(催收机构;未列催收机构的,为债权人)出具。",
    "ROUTE_EXPIRED": "发送方对该网关的发送授权已到期;可由发送方重新出具。",
    "ROUTE_REVOKED": "发送方已撤销对该网关的发送授权。",
    "OPTED_OUT": "收件人已退订;只有收件人本人可以恢复。",
    "NUMBER_REASSIGNED": "该号码在同意或债务申报之后已更换使用人;须由债权人重新取得并申报。",
    "CONSENT_MISSING": "债权人未申报收件人的同意;如已取得同意,可由债权人申报。",
    "CONSENT_REVOKED": "收件人已撤回同意。",
    "CONSENT_EXPIRED": "收件人的同意已过期;须重新取得。",
    "CONSENT_CHANNEL": "收件人同意的是其他渠道,不包括此渠道。",
    "CONSENT_UNCONFIRMED": (
        "该同意系在收件人撤回同意或号码更换使用人之后申报;须由收件人本人确认:"
        "撤回之后,可就一条曾获准发送的短信回复 START 确认。"
    ),
    "DEBT_MISSING": "债权人未确认收件人负有此债务;只有债权人可以确认。",
    "DEBT_SETTLED": "债权人申报该债务已结清。",
    "DEBT_WITHDRAWN": "债权人已撤回该债务。",
    "DEBT_DISPUTED": "收件人对该债务提出异议;须由债权人答复异议并重新确认债务。",
    "DEBT_STALE": "债权人对该债务的确认已过期;可由债权人重新确认。",
    "DEBT_COLLECTOR": "债权人未允许该催收机构催收此债务。",
    "SUBJECT_MISMATCH": "债务人与作出同意的人并非同一人。",
    "TEXT_SENDER": "短信未使用债权人或其催收机构已登记的签名。",
    "TEXT_AMOUNT": "短信所称金额或币种与已确认的债务不符。",
    "TEXT_OPT_OUT": "短信未说明退订方式(例如:退订回T),或者只是一条短信的一部分。",
    "TEXT_DISCLOSURE": "短信缺少规则要求催收机构作出的告知:表明短信来自催收机构。",
    "TEXT_FORBIDDEN": "短信含有威胁、侮辱或冒充国家机关的内容;须更换内容。",
    "QUIET_HOURS": "收件人所在地(或可能所在地)当前时段不得发送;待允许时段到来即可。",
    "FREQUENCY_CAP": "各发送方合计向收件人发送的短信已达规则允许的次数;待期满即可。",
}
