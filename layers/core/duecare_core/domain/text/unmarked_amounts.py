"""Recognizes numbers that are money without a currency mark.

欠款27911, pay 5000, 2.79万, 27k, 27,911.00, 27911未还: a debt or a payment is named before the number, or the number is
written as only money is, or the words after it say that it is owed. Dates, times, telephone, order and account numbers,
percentages, terms and counts have none of these.
"""

from __future__ import annotations

import re

from duecare_core.domain.text.currencies import written_as_money
from duecare_core.domain.text.numeral_runs import NumeralRun, is_identifier

# Follows a number that counts something else, or continues a date, a time or a phone number.
_COUNTS = re.compile(
    r"""\ ?\+?\ ?[余多几]?(?:[年月日号时点分秒天期次个步笔位人折倍周岁户家条名级类项章款楼室栋层米页份件%‰℃度]
    |小时|工作日|用户|客户|积分|公里|[-/:.~]\d|[*@\#]
    |(?:days?|weeks?|months?|years?|hours?|hrs?|mins?|minutes?|payments?|instal[a-z]*|emis?|times|accounts?|loans?|bills?
    |missed|more|business|working|am|pm|st|nd|rd|th|percent|pct|x|of|or|points?|customers?|people|users?|members?|branches
    |stores?|outlets?|calls?|texts?|messages?|reminders?|attempts?|km|miles|words?|pages?|street|avenue|ave|road
    |jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?
    |nov(?:ember)?|dec(?:ember)?)(?![a-z]))""",
    re.VERBOSE,
)
# A bare number of this form is a telephone number, or a month or a day in digits.
_PHONE = re.compile(r"(?:86)?1[3-9]\d{9}|[48]00\d{7}|9[56]\d{3,6}|10[01]\d{2,3}|0\d{8,11}")
_DAY = re.compile(r"20\d\d(?:0[1-9]|1[0-2])(?:\d\d)?")
_TELEPHONE_GOES_ON = re.compile(r"[ -]\d")  # 0800 123 4567
_ZEROS = ("0", "零")  # 余额为零
_MAX_DIGITS = 9  # of an unmarked amount; a telephone number may have more

# A number after one of these is money, however small; after one of the weak nouns if it has three digits.
_NOUNS = """
    欠 欠款 欠费 欠缴 欠债 欠账 欠钱 欠租 债务 负债 金额 款项 本金 本息 应还 应还款 未还 未还款 待还 待还款 还款额 应缴
    余额 总额 总计 合计 共计 还需 仅需 只需 只要 结清款 逾期款 未清偿 未结清
"""
_WEAK_NOUNS = """
    逾期 账单 借款 贷款 透支 代偿 还款 缴纳 转账 打款 汇款 存入 赔偿 赔 罚款 罚金 罚息 利息 滞纳金 违约金 手续费 服务费
    费用 连本带息 全额 全款 结清 总共 一共 累计 共 月供 首付 定金 押金 每期 每月 款 费 租 租金 钱 偿 扣 还 付 缴 交
"""
_LINKS = """
    高达 已达 达到 达 人民币 为 是 共 计 约 大约 大概 近 过 超 超过 逾 上 了 着 的 我司 我们 我行 我公司 本公司 公司
    您 你 有 尚有 金额 款项 总额 合计 共计 总计 仅 剩余
"""
_BEHIND = rf"(?:{'|'.join(_LINKS.split())}){{0,3}}$"
_STATED = re.compile(rf"(?:{'|'.join(_NOUNS.split())}){_BEHIND}")
_WEAKLY_STATED = re.compile(rf"(?:{'|'.join(_WEAK_NOUNS.split())}){_BEHIND}")
_ENDINGS = frozenset(word[-1] for word in (*_NOUNS.split(), *_WEAK_NOUNS.split(), *_LINKS.split()))

_ENGLISH_NOUNS = frozenset(
    (
        *("owe", "owes", "owed", "owing", "balance", "outstanding", "overdue", "amount", "total", "settle for", "pay"),
        *("debt", "arrears", "dues", "amount due", "total due", "balance due", "payment due", "amt", "bal", "unpaid"),
        *(
            "amounting to",
            "amounts to",
            "comes to",
            "stands at",
            "owed to",
            "owing to",
            "totals",
            "totalling",
            "totaling",
        ),
    )
)
_WEAK_ENGLISH_NOUNS = frozenset(
    (
        *("due", "payable", "sum", "emi", "repay", "remit", "transfer", "settle", "remaining", "shortfall", "deposit"),
        *("fee", "fees", "charges", "penalty", "fine", "rent", "cost", "costs", "charged", "debited", "borrowed"),
        *("liable for", "default of"),
        *("sum of", "bill of", "loan of", "emi of", "fee of", "charge of", "penalty of", "interest of"),
    )
)
_ENGLISH_LINKS = frozenset(
    (
        "is",
        "of",
        "now",
        "only",
        "just",
        "amount",
        "total",
        "balance",
        "us",
        "me",
        "them",
        "about",
        "approximately",
        "over",
        *"prn",
    )
)
_WORD = re.compile("[a-z]+")

_OWING = re.compile(
    r"""["”'’)】\]]?\ (?:(?:is|are|was|remains?|still|now|as)\ ){0,2}
    (?:owing|owed|outstanding|overdue|in\ arrears|past\ due|payable|due|unpaid|to\ pay)(?![a-z])
    |["”'’)】\]]?\ ?的?(?:欠款|欠费|债务|未还|未付|未缴|未结清|待还|逾期(?!\d)|整(?!体|个|理|改|合))""",
    re.VERBOSE,
)
# A number with one of these scales is money anywhere.
_MONEY_SCALES = frozenset(("k", "w", "lakh", "lakhs", "lac", "lacs", "crore", "crores", "thousand", "million", "grand"))
_STOP = re.compile("[,。;!?、]")
_PART_OF_A_NAME = re.compile(r"[a-z0-9]$|\w[/\-_.&#@%]$")
_MAX_GAP = 6  # characters that may separate a noun from its number
# In English, these join the parts of a name or an address instead.
_JOINS = frozenset("/-_.&#@%")
_LINK = re.compile(r"[/&?][^\s/&?]*$")  # amt=5000 in an address is no claim
_ORDINARY_SIGNS = " :=\"'“”()[]【】"


def counts(text: str, end: int) -> bool:
    """Whether the text after a number shows that it counts something else, or is part of a date or a time."""
    return _COUNTS.match(text, end) is not None


def is_money(text: str, run: NumeralRun, end: int, scale: str) -> bool:
    """Whether a run without a mark is money. `end`: the end of its scale, or of the run."""
    digits = len(run.text.partition(".")[0])
    counted = counts(text, end)
    if run.text in _ZEROS or (run.text[0] == "0" and _TELEPHONE_GOES_ON.match(text, end)):
        return False
    if (counted and (digits < 5 or text[end] == "@")) or (digits > _MAX_DIGITS and _PHONE.fullmatch(run.text)):
        return False
    before = text[max(0, run.start - 32) : run.start]
    large = digits > 2 or bool(scale) or (digits > 1 and not run.text.isascii())
    if _names_a_debt(before, run, large=large):
        return True
    return not counted and (
        _is_scaled(text, run, end, scale) or (large and _is_said_to_be_owed(text, run, end, before))
    )


def _names_a_debt(before: str, run: NumeralRun, *, large: bool) -> bool:
    """Whether the text before a number names a debt or a payment."""
    words_before = before.rstrip(_ORDINARY_SIGNS)
    while words_before and not words_before[-1].isalnum():
        words_before = words_before[:-1]
    gap = before[len(words_before) :]
    if not words_before or len(gap) > _MAX_GAP or _STOP.search(gap):
        return False
    if "a" <= words_before[-1] <= "z":
        return (
            _JOINS.isdisjoint(gap) and not _LINK.search(before) and _names_a_debt_in_english(words_before, large=large)
        )
    if words_before[-1] not in _ENDINGS:
        return False
    words_before = "".join([char for char in _STOP.split(words_before)[-1][-20:] if char.isalnum()])
    if _STATED.search(words_before):
        return True
    # 还款 95588: a telephone number, if separated from the word.
    is_identifier_or_day = (gap and _PHONE.fullmatch(run.text)) or _DAY.fullmatch(run.text)
    return large and not is_identifier_or_day and _WEAKLY_STATED.search(words_before) is not None


def _names_a_debt_in_english(words_before: str, *, large: bool) -> bool:
    words = _WORD.findall(words_before)
    last_two = " ".join(words[-2:])
    if large and (last_two in _WEAK_ENGLISH_NOUNS or words[-1] in _WEAK_ENGLISH_NOUNS):
        return True
    while len(words) > 1 and words[-1] in _ENGLISH_LINKS and words[-1] not in _ENGLISH_NOUNS:
        words.pop()
    return words[-1] in _ENGLISH_NOUNS or " ".join(words[-2:]) in _ENGLISH_NOUNS


def _is_scaled(text: str, run: NumeralRun, end: int, scale: str) -> bool:
    """27k, 2.79万, two thousand: numbers of this scale count money, unless the text says otherwise."""
    if run.english:
        return " " in run.text and not _MONEY_SCALES.isdisjoint(run.text.split())
    in_wan = ("万" in run.text or "亿" in run.text) and run.text[0] not in "万亿千百"
    return scale in _MONEY_SCALES or (in_wan and run.text != "一万" and text[end : end + 1] != "火")  # 十万火急


def _is_said_to_be_owed(text: str, run: NumeralRun, end: int, before: str) -> bool:
    """Whether the text after it says that it is owed, or it is written as money; not for the end of a name
    (LN-88213)."""
    if run.english or _PART_OF_A_NAME.search(before[-3:]):
        return False
    owed = written_as_money(run.text) or (_OWING.match(text, end) and not _PHONE.fullmatch(run.text))
    return bool(owed) and not _DAY.fullmatch(run.text) and not is_identifier(text, run.start)
