"""规则的中文表述（并非条文原文），键与 en_rules.py 相同。"""

from __future__ import annotations

RULES: dict[str, str] = {
    "rule.cn-hours": "每日22:00至次日8:00不得以任何方式催收。",
    "rule_exceptions.cn-hours": "双方另有约定的除外。",
    "rule_source.cn-hours": "GB/T 45251-2025 第5.3条（推荐性国家标准，适用于个人网络消费信贷）",
    "rule_note.cn-hours": "对一切债务适用：材料不能说明该笔信贷是否在线上发放。",
    "rule.cn-hours-banks": "每日22:00至次日8:00不得以电话、上门或其他方式催收。",
    "rule_whom.cn-hours-banks": "银行",
    "rule_exceptions.cn-hours-banks": "债务人同意其他时段的除外。",
    "rule_note.cn-hours-banks": "材料不能说明债权人是否为银行：对所有债权人适用。",
    "rule.cn-voice-interactive": "对同一债务人，每个自然日有效的人工交互通话不超过3次。",
    "rule_source.cn-voice-interactive": "GB/T 45251-2025",
    "rule_note.cn-voice-interactive": "材料不能说明通话是否有效：每次通话都计入。",
    "rule.cn-voice-notification": "对同一债务人，每个自然日接通的通知类通话不超过3次，机构与其委托的机构合并计算。",
    "rule_source.cn-voice-notification": "2024年的行业协会指引，已纳入 GB/T 45251-2025",
    "rule_note.cn-voice-notification": "材料不能说明通话是否接通：每次通话都计入。",
    "rule.cn-sms-day": "对同一债务人，每个自然日的短信不超过3条，各催收机构和各债权人合并计算。",
    "rule_source.cn-sms-day": "无：所查文本均未规定次数",
    "rule.cn-whom": (
        "只联系债务人；对担保人依约定；仅在联系不到债务人时方可联系联系人；对方拒绝即停止；任何情况下不得透露债务。"
    ),
    "rule_exceptions.cn-whom": "依约定联系担保人；联系不到债务人时联系联系人。",
    "rule_source.cn-whom": "GB/T 45251-2025",
    "rule_note.cn-whom": "材料只涉及债务人：不允许向其他任何人发送。",
    "rule.cn-content": "不得冒充国家机关，催收机构不得冒充银行；不得威胁，不得虚构失信名单，不得夸大金额或后果。",
    "rule_whom.cn-content": "银行及其委托的机构",
    "rule_note.cn-content": (
        "材料不能说明债权人是否为银行：对所有债权人适用。文本按冒充国家机关、威胁、向他人透露债务和侮辱检索；"
        "夸大金额见理由 TEXT_AMOUNT，其余各项须由人判断。"
    ),
    "rule.cn-promotional": (
        "营销类短信（商品、服务、投资；含减免或再融资提议的还款提醒亦属营销）：须有同意或请求的记录，写明发送"
        "方，并可方便地拒收。"
    ),
    "rule_source.cn-promotional": "工业和信息化部令第74号，第21条起（取代2015年第31号令）",
    "rule_note.cn-promotional": "提出金额（减免、和解、分期）的文本按营销类处理。",
    "rule.cn-opt-out": "每条催收短信都须写明退订方式，无论是否属于营销。",
    "rule_source.cn-opt-out": "无：依网关的通行做法",
    "rule.cn-traffic-records": "短信的时间和号码至少保存6个月。",
    "rule_source.cn-traffic-records": "工业和信息化部令第74号",
    "rule.cn-sign": "短信签名须为公司名称或其中所含的简称、已备案的应用名称，或已注册的商标。",
    "rule_note.cn-sign": "出处只写2025年4月：以该月第一日为准。",
    "rule.cn-collection-records": "催收记录保存5年（消费金融公司）或2年（信用卡）；本服务保存5年。",
    "rule.cn-basis": "须有合法依据：个人同意，或为履行合同所必需；同意可随时撤回。",
    "rule_exceptions.cn-basis": "为履行合同所必需（本服务不适用：一律要求同意）。",
    "rule_source.cn-basis": "《中华人民共和国个人信息保护法》第13至16条；过错推定见第69条",
    "rule_note.cn-basis": "已阅读第13条和第14条。",
    "rule.cn-words": "使短信停止的回复，以及使短信恢复的回复。",
    "rule_source.cn-words": "无：中国各网关的通行做法",
    "rule_note.cn-words": "无论号码属于哪一国，都视为退订：误停不损害任何人。",
    "rule.cn-wording": "中文短信的退订用语及类似用语。",
    "rule_source.cn-wording": "无：中国各网关的通行做法",
    "rule.us-words": "表示撤回同意的用语；其他任何合理方式同样有效。",
    "rule_source.us-words": "美国联邦法规第47编 64.1200(a)(10)",
    "rule_note.us-words": "STOPALL 和 START 为运营商和网关的做法。无论号码属于哪一国，都视为退订。",
    "rule.us-wording": "英文短信的退订用语及类似用语。",
    "rule_source.us-wording": "无：通行做法",
    "rule.elsewhere-hours": "当地时间08:00至20:00可以发送。",
    "rule_source.elsewhere-hours": "无",
    "rule.elsewhere-frequency": "7日内不超过3次联系。",
    "rule_source.elsewhere-frequency": "无",
    "rule.any-content": (
        "不得冒充公安、法院、检察院或政府；不得以暴力相威胁，不得威胁向家人、雇主或联系人曝光；不得侮辱。"
    ),
    "rule_exceptions.any-content": "如实告知债权人可能起诉。",
    "rule_source.any-content": "无：所阅各文本的共同要求",
    "rule.any-elements": "每条短信须有已登记的签名和退订方式，并以同意为依据。",
    "rule_source.any-elements": "无：本服务自己的承诺",
}
