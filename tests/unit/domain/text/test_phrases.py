"""Phrases that no text may say, and honest ones that come near them."""

from __future__ import annotations

import pytest

from duecare_core.domain.text.reader import read

FORBIDDEN = [
    "明天我就去你单位门口拉横幅,27911元",
    "你再不接电话我就打给你妈",
    "已联系你所在村委核实情况",
    "我们会让你在朋友圈出名",
    "欠钱不还全家不得好死",
    "你的身份证照片会挂在网上",
    "我们的人已经在你家楼下了",
    "你等着被抓吧",
    "经侦已立案,请到派出所报到",
    "本案已移送公安部门",
    "法院明天将强制执行你家房产",
    "我司已安排外访人员明日到您户籍地核实",
    "不还款后果很严重,小心出门被车撞",
    "你个老赖,骗子",
    "将您列为全国失信人员,影响子女考学",
    "司法协助函已寄往您单位",
    "人民法院诉前调解中心通知您到庭",
    "税务稽查局提醒你还清贷款",
    "你的通讯录已被我司掌握",
    "我们将每天打爆你和你家人的电话",
    "给你机会你不要,等我们上门泼漆吧",
    "三日内不还就让你坐牢",
    "检方已介入",
    "将致函你户籍所在地居委会",
    "你孩子的班主任也会收到通知",
    "公安网安部门已锁定你的位置",
    "将依法对你采取刑事强制措施",
    "你这种人渣活着浪费粮食",
    "我是法院的张法官,请联系我",
    "we'll make sure everyone at your work knows",
    "expect a visit from the police tonight",
    "your mother will be hearing from us",
    "a warrant is out for you",
    "you're a disgrace and a thief",
    "pay or we post your face on Facebook",
    "our boys are outside",
    "we will have you arrested",
    "federal marshals will be notified",
    "this is a message from the Supreme Court",
    "you will be deported",
    "we'll call all your references",
    "criminal charges will be filed tomorrow",
    "don't make us come to your house",
    "I'll burn your house down",
    "we will be contacting your HR department",
    "the police have been given your address",
    "government recovery department: pay now",
    "you filthy liar",
    "we've started calling your relatives",
    "cops are coming",
    "you'll end up behind bars",
    "we'll ruin your reputation with your neighbours",
    "notice from the IRS: pay this loan",
    "u r a cheater n fraud",
    "your wife should know what a loser you are",
    "case has been registered under section 420 IPC",
    "we will hack your phone and leak your pics",
    "get ready for jail",
    "lawyers and police will raid your home",
]

HONEST = [
    "如遇困难请与我们协商还款方案",
    "请勿相信自称公检法的电话",
    "我司承诺不骚扰您的家人朋友",
    "将依法向法院提起诉讼",
    "我行可能委托律师处理",
    "逾期将如实报送人民银行征信系统",
    "请到就近网点办理",
    "请您与家人商量后回复我们",
    "法院判决后您仍可申请分期履行",
    "如您已报警请提供回执",
    "可拨打12378向金融监管部门投诉",
    "本公司地址:上海市公安路88号",
    "感谢您配合还款",
    "请联系您的客户经理",
    "您的紧急联系人信息需更新,请登录APP",
    "感谢家人般的支持",
    "银行将在到期日自动扣款,请保证余额",
    "您的担保人已知晓本次展期",
    "您可授权家人代为还款",
    "仲裁委员会将书面通知双方",
    "已为您安排专属客服",
    "we may refer your account to our solicitors",
    "a court may award costs",
    "you can ask a family member to help you deal with us",
    "we will not discuss this with anyone else",
    "contact Citizens Advice for free help",
    "this may affect your credit file",
    "please call our office",
    "visit our office at 12 Main St",
    "please contact your manager at our branch",
    "your payment was stopped by your bank",
    "late payments can hurt your credit",
    "if you feel harassed you can complain to the Attorney General",
    "report fraud to the police",
    "we're sorry to hear about your family bereavement",
    "reply with your name and account",
    "your home insurance premium is due",
    "your school fees are due",
    "tell us if your circumstances change",
    "share your thoughts",
    "send your details to us by email",
    "your children's club fees are due",
    "avoid being disconnected",
    "we take data protection seriously",
    "our customer service officers are available 9-5",
    "collection agency licensed by the City of New York Dept of Consumer Affairs",
    "your policy with Police Mutual has lapsed",
    "court fees may be added",
    "you will not be arrested for not paying",
]


@pytest.mark.parametrize("text", FORBIDDEN)
def test_a_threat_or_a_pose_is_found_where_it_stands(text: str) -> None:
    findings = read(text).forbidden
    assert findings
    assert all(0 <= finding.start < finding.end <= len(text) for finding in findings)


@pytest.mark.parametrize("text", HONEST)
def test_what_only_comes_near_is_not_forbidden(text: str) -> None:
    assert read(text).forbidden == ()


def test_a_finding_names_its_topic_first() -> None:
    topics = {finding.rule.partition(".")[0] for text in FORBIDDEN for finding in read(text).forbidden}
    assert topics == {"posing_as_authority", "threat", "exposure", "abuse", "invented_blacklist"}
