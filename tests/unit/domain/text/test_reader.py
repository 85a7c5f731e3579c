"""`read`: amounts in the ways they are written, sender tags, required wording and phrases, with their offsets."""

from __future__ import annotations

from decimal import Decimal

import pytest

from duecare_core.domain.text.reader import Claim, Meaning, claims, find_senders, read
from tests.support.world import CASE_TEXT

YUAN = frozenset({"CNY", "HKD", "MOP", "TWD"})


def values(text: str) -> list[str]:
    return ["?" if claim.meaning is Meaning.UNREADABLE else f"{claim.amount.normalize():f}" for claim in claims(text)]


# Amounts


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("27911元", "27911"),
        ("27,911.00 元", "27911"),
        ("￥27911", "27911"),
        ("¥ 27,911.00", "27911"),
        ("人民币2.79万元", "27900"),
        ("２７９１１元", "27911"),
        ("贰万柒仟玖佰壹拾壹元整", "27911"),
        ("人民币(大写)贰万柒仟玖佰壹拾壹元整", "27911"),
        ("两万七千九百一十一块钱", "27911"),
        ("二七九一一元", "27911"),
        ("1万2千", "12000"),
        ("2万7911元", "27911"),
        ("3千5百元", "3500"),
        ("一百零五元", "105"),
        ("十五元", "15"),
        ("1.2亿元", "120000000"),
        ("27911.5元", "27911.5"),
        ("27911元5角", "27911.5"),
        ("27911元5角2分", "27911.52"),
        ("27911元零2分", "27911.02"),
        ("壹仟零伍元伍角整", "1005.5"),
        ("27911块", "27911"),
        ("27911 人民币", "27911"),
        ("RMB27911", "27911"),
        ("￥27911元", "27911"),
        ("金额(元):27911.00", "27911"),
        ("欠款:27911", "27911"),
        ("欠2.79万", "27900"),
        ("2.79w", "27900"),
        ("27911圓", "27911"),
        ("②⑦⑨①①元", "27911"),
        ("➁7911元", "27911"),
        ("2 7 9 1 1 元", "27911"),
        ("27 911元", "27911"),
        ("2\u200b79\u200d11\u2060元", "27911"),
        ("2\ufe0f\u20e379\ufe0f\u20e31 1元", "?"),
        ("२७९११ 元", "27911"),
        ("$1,234.56", "1234.56"),
        ("USD 1234", "1234"),
        ("1234 USD", "1234"),
        ("US$1.2k", "1200"),
        ("Rs. 27,911", "27911"),
        ("Rs.5,000/-", "5000"),
        ("₹2,79,110.50", "279110.5"),
        ("INR 1.5 lakh", "150000"),
        ("Rupees Twenty Seven Thousand Nine Hundred and Eleven only", "27911"),
        ("one lakh five thousand rupees", "105000"),
        ("seventy-nine pounds", "79"),
        ("1,234.56 US dollars", "1234.56"),
        ("€1.234,56", "1234.56"),
        ("Rp1.250.000", "1250000"),
        ("P1,234.00", "1234"),
        ("You owe 5000 now", "5000"),
        ("“27911”元", "27911"),
        ("¥【27911】", "27911"),
        ("¥ 🔥 27911", "27911"),
        ("27911【元】", "27911"),
        ("美刀27911", "27911"),
        ("27911刀", "27911"),
        ("💰27911", "27911"),
        ("人 民 币 27911", "27911"),
        ("R.M.B 27911", "27911"),
        ("5 wan元", "50000"),
        ("廿五元", "25"),
        ("欠我司27911", "27911"),
        ("欠了27911", "27911"),
        ("债务共计→27911", "27911"),
        ("欠 款 27911", "27911"),
        ("欠款(27911)", "27911"),
        ("请还95588", "95588"),
        ("罚息27911", "27911"),
        ("27911未还", "27911"),
        ("27,911.00", "27911"),
        ("27k", "27000"),
        ("欠款27(w)", "270000"),
        ("two grand", "2000"),
        ("two thousand two hundred", "2200"),
        ("debt amounting to 27911", "27911"),
        ("27911 is due", "27911"),
        ("EMI of 27911", "27911"),
        ("R 27 911", "27911"),
    ],
)
def test_an_amount_is_read_as_it_is_written(text: str, value: str) -> None:
    assert values(text) == [value]


@pytest.mark.parametrize(
    "text",
    [
        "2,7911元",
        "2,79,110元",
        "27,911,0元",
        "2七911元",
        "贰万七千元",
        "一万二元",
        "二万七",
        "27O11元",
        "2l000元",
        "lOOO元",
        "$1O0",
        "2*7*9*1*1元",
        "2😀7😀9😀1😀1元",
        "27🔥911元",
        "2791 1元",
        "27911余元",
        "2万多元",
        "数万元",
        "上千元",
        "027911元",
        "27.911.00元",
        "1234567890123456789元",
        "€27,50,1",
        "27.911元",
        "99、999元",
        "9999\n9元",
        "99【999】元",
        "1e5元",
        "12w5",
        "5000(万)元",
        "数十万",
        "\u202e11972元",
    ],
)
def test_money_that_cannot_be_read_for_certain_is_a_claim_that_no_debt_bears_out(text: str) -> None:
    claimed = claims(text)
    assert Meaning.UNREADABLE in [claim.meaning for claim in claimed]
    unreadable = next(claim for claim in claimed if claim.meaning is Meaning.UNREADABLE)
    assert not unreadable.borne_out("CNY", Decimal(10) ** 30)


@pytest.mark.parametrize(
    "text",
    [
        "2023年10月21日上午10点30分",
        "截止2023-10-21 10:30",
        "2023/11/24",
        "30.11.2023",
        "400-820-8820",
        "请致电13800138000",
        "详询95599或021-55551234",
        "年利率15.4%",
        "打8折",
        "分12期,已还8期",
        "逾期119天",
        "订单号202310180047",
        "合同编号DF20231108-0097",
        "尾号1234的信用卡",
        "案号(2023)沪0113民初1234号",
        "2号楼3单元1201室",
        "请于元旦前还清,2024元旦后计息",
        "日息万分之五",
        "一次性处理,千万不要拖延,以防万一",
        "一块处理",
        "已有5万用户选择",
        "回复1查询,回复2还款",
        "call 0800 123 4567 or 1300 555 019",
        "account 5500123456 ending 4471",
        "due Nov 28, or by 5th December 2023, 6:00 PM",
        "you owe 3 EMIs, pay 2 payments",
        "pay 9811122233@upi or dial *384*22#",
        "SMS STOP to 9220592205",
        "u/s 138 NI Act",
        "24 hours, 30 days, 5 business days",
        "Ref R12345, P12",
        "欠款****元",
        "余额为零",
        "累计3期未还",
        "逾期30+天",
        "您的202611账单",
        "订单8823019逾期",
        "信用卡4471逾期",
        "1201室物业费未缴",
        "十万火急",
        "超5000家门店",
        "pay.example.com/pay/99999",
        "https://example.com/h5?id=8&amt=99999",
        "Loan LN-88213 is overdue",
        "Instalment 10 is due",
        "over 5,000+ customers",
        "two thousand customers",
        "100 Grand Avenue",
        "due on 30.11",
    ],
)
def test_a_number_that_is_no_money_is_no_claim(text: str) -> None:
    assert values(text) == []


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("欠款9431元", Meaning.OWED),
        ("9431元", Meaning.OWED),
        ("剩余本金9431元", Meaning.OWED),
        ("You owe $300", Meaning.OWED),
        ("$300 is past due", Meaning.OWED),
        ("欠款(含利息)9431元", Meaning.OWED),
        ("最低应还9431元", Meaning.OFFERED),
        ("现申请特殊减免还9431元即可结清", Meaning.OFFERED),
        ("特殊方案,还9431元", Meaning.OFFERED),
        ("每期2,325.92元", Meaning.OFFERED),
        ("其中本金9431元", Meaning.OFFERED),
        ("违约金35元", Meaning.OFFERED),
        ("您已还款成功9431元", Meaning.OFFERED),
        ("minimum amount due $35", Meaning.OFFERED),
        ("settle for $300", Meaning.OFFERED),
        ("$85 a month", Meaning.OFFERED),
        ("late fee of $75", Meaning.OFFERED),
        ("payment of $75 received", Meaning.OFFERED),
    ],
)
def test_the_words_around_an_amount_decide_its_meaning(text: str, meaning: Meaning) -> None:
    assert [claim.meaning for claim in claims(text)] == [meaning]


def test_words_of_one_amount_do_not_speak_for_the_next() -> None:
    meanings = [claim.meaning for claim in claims("您已还500元,欠款1500元;已还500元剩余欠款1500元")]
    assert meanings == [Meaning.OFFERED, Meaning.OWED] * 2


@pytest.mark.parametrize(
    ("text", "currency", "outstanding", "borne_out"),
    [
        ("欠款27911元", "CNY", "27911.00", True),
        ("欠款27911元", "USD", "27911", False),
        ("欠款27911.01元", "CNY", "27911", False),
        ("欠款27910元", "CNY", "27911", False),
        ("欠款2.79万元", "CNY", "27911", False),
        ("最低还款500元", "CNY", "27911", True),
        ("最低还款27912元", "CNY", "27911", False),
        ("欠款:27911", "CNY", "27911", True),
        ("$1,234.56", "AUD", "1234.56", True),
        ("US$1,234.56", "AUD", "1234.56", False),
    ],
)
def test_a_claim_is_borne_out_by_the_debt_or_not(
    text: str, currency: str, outstanding: str, *, borne_out: bool
) -> None:
    (claim,) = claims(text)
    assert claim.borne_out(currency, Decimal(outstanding)) is borne_out


def test_a_mark_applies_to_both_numbers_of_a_range() -> None:
    assert values("500-1000元") == ["500", "1000"]
    assert values("$500-1000") == ["500", "1000"]
    assert values("$500 to $1000") == ["500", "1000"]


def test_two_marks_must_agree() -> None:
    assert claims("¥27911元")[0].currencies == {"CNY"}
    assert claims("$27911元")[0].currencies == {"HKD", "TWD"}
    assert claims("€27911元")[0].currencies == frozenset()
    assert claims("27911元(美元)")[0].currencies == frozenset()
    assert claims("27911元人民币")[0].currencies == {"CNY"}


def test_a_coin_is_the_currency_of_no_debt() -> None:
    assert claims("2 BTC")[0].currencies == frozenset()


def test_a_text_with_more_amounts_than_any_honest_one_is_unreadable() -> None:
    assert claims("还1元 " * 100)[-1].meaning is Meaning.UNREADABLE
    assert claims("12 a " * 100)[-1].meaning is Meaning.UNREADABLE


def test_the_message_of_the_case_claims_the_debt_and_offers_less() -> None:
    reading = read(CASE_TEXT)
    assert reading.amounts == (
        Claim(Decimal(27911), YUAN, Meaning.OWED, 17, 23),
        Claim(Decimal(9431), YUAN, Meaning.OFFERED, 32, 37),
    )
    assert all(claim.borne_out("CNY", Decimal(27911)) for claim in reading.amounts)
    assert reading.forbidden == ()
    assert [(tag.name, tag.start, tag.end) for tag in reading.sender_tags] == [("某资产", 0, 5)]
    assert reading.opt_out is not None
    assert CASE_TEXT[reading.opt_out.start : reading.opt_out.end] == "退订回“T"


# Offsets


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("请还\u200b２\u200b７911元,谢谢", "２\u200b７911元"),
        ("ﬃ $5\u0301000 x", "$5\u0301000"),
        ("⑳⑩ 欠款⑩⑤元", "⑩⑤元"),
    ],
)
def test_offsets_of_an_amount_point_into_the_original(text: str, found: str) -> None:
    claim = claims(text)[-1]
    assert text[claim.start : claim.end] == found


def test_offsets_of_a_phrase_point_into_the_original() -> None:
    text = "ﬃ\u200d 已【移 交】公\u200b-安 机关"
    (finding,) = read(text).forbidden
    assert text[finding.start : finding.end] == "公\u200b-安"


# Senders


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("【Ａｃｍｅ】您好", True),
        ("【 acme 】hello", True),
        ("您好【ACME】", True),
        ("【acme】您好【acme】", True),
        ("[acme]您好", True),
        ("您好,acme提醒您", True),
        ("Acme: hello [STOP]", True),
        ("[Alert] Acme: hello", True),
        ("ACME's reminder", True),
        ("【acme银行】您好", False),
        ("【acme】您好【other】", False),
        ("【other】acme您好", False),
        ("[other]acme您好", False),
        ("Acmeville: hello", False),
        ("Аcme: hello", False),
        ("【ac\u200bme】您好", True),
        ("hello", False),
        ("", False),
    ],
)
def test_a_text_names_its_sender_by_sign_or_by_name(text: str, *, named: bool) -> None:
    assert find_senders(text).are_among(["Acme", "Acme Bank"]) is named


# Opt-out wording


@pytest.mark.parametrize(
    "wording",
    [
        "退订回T",
        "退订回“T”",
        "退订请回复TD",
        "退订回复R",
        "回T退订",
        "回TD退订",
        "回复TD即可退订",
        "回复T/TD退订",
        "拒收请回复R",
        "拒收短信请回复R",
        "不需要请回N",
        "如不需要请回复N",
        "不想再收到此类短信请回复TD",
        "TD退订",
        "退订发T至10690001",
        "發送T退訂",
        "Reply STOP to opt out",
        "Txt STOP to 12345",
        "Text STOP to 12345 to opt out",
        "STOP to end",
        "STOP to opt out",
        "to unsubscribe reply STOP",
        "Opt out: reply STOP",
        "Reply with STOP to cancel",
        "Reply END to stop",
        "REPLY 'STOP' TO OPT-OUT",
        "Reply STOP if you no longer want these",
    ],
)
def test_a_way_to_opt_out_is_found(wording: str) -> None:
    assert read(f"【某资产】您好。{wording}").opt_out is not None


@pytest.mark.parametrize(
    "wording",
    [
        "退订",
        "退订请致电400-820-8820",
        "本短信不支持退订回T",
        "回复1查询",
        "T恤到货",
        "Stop ignoring us",
        "Do not reply STOP",
        "You cannot reply STOP to this",
        "To unsubscribe call us",
        "Reply YES to agree",
    ],
)
def test_a_text_without_an_opt_out_by_reply_has_none(wording: str) -> None:
    assert read(f"【某资产】您好。{wording}").opt_out is None


# The United States' disclosure


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("This is an attempt to collect a debt", True),
        ("Acme is attempting to collect a debt", True),
        ("This communication is from a debt collector.", True),
        ("We are a debt collector", True),
        ("This is not an attempt to collect a debt", False),
        ("We are not a debt collector", False),
        ("You owe a debt", False),
        ("", False),
    ],
)
def test_a_collectors_disclosure_is_found(text: str, *, told: bool) -> None:
    assert (read(text).disclosure is not None) is told
