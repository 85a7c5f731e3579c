"""The meaning of an amount in a text: it is owed, or it is offered or a part of what is owed.

The words of the clause between the previous amount and this one decide: the amount is offered if one of them says so.
Without any, the next word of the clause decides, and then the nearest earlier word of the sentence. An amount without
any such word is owed.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from enum import Enum


class Meaning(Enum):
    """The meaning of an amount."""

    OWED = "owed"  # the debt; also if no word says otherwise
    OFFERED = "offered"  # a settlement, minimum, instalment, discount, part or fee, or something paid
    UNREADABLE = "unreadable"  # money, but the amount cannot be read with certainty


_OWED = """
    欠 欠款 欠本金 欠款本金 未还本金 剩余本金 应还本金 尚欠本金 结欠本金 拖欠本金 逾期 应还 未还 待还 应偿还 未结清
    未偿还 未付 待缴 应缴 应付 总额 合计 共计 总计 本息 全款 全额 全部 余额 账单 债务
"""
# A narrowing word comes first and changes the meaning of the next: 最低应还 is a minimum, 应还 alone is the debt.
_OFFERED = """
    最低 最低应还 最低应缴 最低需还 最少 至少 分期 首期 首付 每期 每月 月供 减免 减少 免除 免收 优惠 打折 折后 折扣
    立减 仅需 只需 只要 结清 结算 一次性 协商 计划 方案 先还 部分 已还 已付 已偿还 已缴 已支付 收到 已扣 实还 到账
    入账 还款成功 利息 罚息 违约金 滞纳金 手续费 服务费 逾期费 逾期利息 逾期罚息 逾期违约金 综合费 管理费 展期费 延期费
    息费 催收费 律师费 诉讼费 保全费 担保费 保险费 罚金 定金 押金 保证金 账户余额 卡内余额 卡余额 可用余额 费用 复利
    其中 本金 包含
"""
_OWED_EN = """
    owe,owes,owed,owing,outstanding,balance,overdue,past due,past-due,due,dues,debt,debts,arrears,unpaid,total,
    in full,full amount,bill,payable,remain,remains,remaining,liability
"""
_NARROWING = "minimum,min,min.,late,settlement,discounted,reduced,part,partial,monthly,emi,instalment,installment"
_NARROWED = "due,amount due,payment due,balance,total,amt due,balance due,total due"
_OFFERED_EN = """
    close,closes,clear,clears,settle,settled,settles,settling,settlement,at least,minimum,min payment,min amount,
    min. payment,min. amount,instalment,instalments,installment,installments,emi,emis,discount,discounts,discounted,
    reduce,reduced,reduction,offer,offers,offered,offering,just,only,as little as,per month,a month,each month,
    every month,/month,/ month,/mo,per week,a week,each week,every week,/week,per fortnight,a fortnight,
    every fortnight,monthly,weekly,fortnightly,plan,arrangement,payments of,repayments of,pay in,down payment,
    downpayment,deposit,first payment,next payment,part payment,part-payment,partial,partial payment,token,paid,
    received,credited,thank you,fee,fees,charge,charges,interest,penalty,penalties,waive,waived,waiver,save,savings,
    saving,rebate,off,principal,of which,including,incl
"""
_MEANINGS = (
    dict.fromkeys(_OWED.split(), Meaning.OWED)
    | dict.fromkeys(_OFFERED.split(), Meaning.OFFERED)
    | dict.fromkeys((word.strip() for word in _OWED_EN.split(",")), Meaning.OWED)
    | dict.fromkeys((word.strip() for word in _OFFERED_EN.split(",")), Meaning.OFFERED)
    | {f"{word} {rest}": Meaning.OFFERED for word in _NARROWING.split(",") for rest in _NARROWED.split(",")}
)


# The words by their first character or first Latin word, the longest first. One pattern of all words would be slow to
# compile.
_LATIN_WORD = re.compile("[a-z]+")
_BY_BEGINNING: dict[str, list[str]] = {}
for _word in sorted(_MEANINGS, key=len, reverse=True):
    _latin_word = _LATIN_WORD.match(_word)
    _BY_BEGINNING.setdefault(_latin_word[0] if _latin_word else _word[0], []).append(_word)
_OTHERS = "".join(sorted(first for first in _BY_BEGINNING if not _LATIN_WORD.match(first)))
_SECOND = "".join(sorted({word[1] for first in _OTHERS for word in _BY_BEGINNING[first] if len(word) > 1}))
_ALONE = "".join(word for word in _MEANINGS if len(word) == 1)
# A Latin word; or the first character of a word, if that is the whole word, or if a second character or the end
# follows.
_BEGINNING = re.compile(f"[{_OTHERS}a-z](?:(?<=[a-z])[a-z]*|(?<=[{_ALONE}])|(?=[{_SECOND}]|$))")
_ASIDE = re.compile(r"\((?:包?含|已含)[^,。;!?\n\d)]{1,10}\)")  # 欠款(含利息)9431元: the debt, not the interest
# 分期贷款欠款5000元, your interest-free balance is $5000: right after one of these words an amount is the debt, unless
# the clause is about a reduction or a settlement.
_STATES_A_DEBT = frozenset(("欠", "欠款", "owe", "owes", "owed", "outstanding", "balance", "debt", "arrears"))
_LINK = re.compile(r" ?(?:[为是共达约]|高达|of|is|now|stands at)?[ :]{0,2}")
_SPEAKS_OF_OTHERS = re.compile(
    "分期|每期|每月|月供|一次性|协商|计划|方案|收到|已[付扣]|到账|.*[息金费]$|plan|arrangement|monthly|weekly|deposit|interest|"
    "fee|charge|thank|paid|received|principal|token|emi|instal"
)
# A comma between digits and a full stop before a digit belong to a number.
_CLAUSE_END = re.compile(r"[。;!?\n,.](?:(?<![,.])|(?<=,)(?!\d)|(?<=\.)(?= |$))")  # all but commas end a sentence


class Qualifiers:
    """The words that qualify the amounts of one folded text, up to `end`; found once for all its amounts."""

    def __init__(self, text: str, end: int) -> None:
        self.text = text
        words = list(_words(text, end))
        if "含" in text:
            asides = [match.span() for match in _ASIDE.finditer(text)]
            words = [(start, word) for start, word in words if not any(a <= start < b for a, b in asides)]
        self.starts = [start for start, _ in words]
        self.ends = [start + len(word) for start, word in words]
        self.words = [word for _, word in words]
        self.meanings = [_MEANINGS[word] for word in self.words]
        ends = [match.end() for match in _CLAUSE_END.finditer(text, 0, end)]
        self.clauses = [0, *ends, end]
        self.sentences = [0, *(at for at in ends if text[at - 1] != ",")]

    def of(self, start: int, end: int, after: int = 0) -> Meaning:
        """The meaning of the amount from `start` to `end`. `after`: the end of the previous amount, whose words do not
        qualify this one."""
        clause = self.clauses[bisect_right(self.clauses, start) - 1]
        clause_end = self.clauses[min(bisect_left(self.clauses, end), len(self.clauses) - 1)]
        sentence = self.sentences[bisect_right(self.sentences, start) - 1]
        last = bisect_right(self.ends, start) - 1
        following = bisect_left(self.starts, end)
        first = bisect_left(self.starts, max(clause, after))
        if last >= first:
            # 减免后应还9431元, settle your balance for $300: an offer governs the words after it.
            offers = [word for word in self.words[first : last + 1] if _MEANINGS[word] is Meaning.OFFERED]
            if self.words[last] in _STATES_A_DEBT and _LINK.fullmatch(self.text, self.ends[last], start):
                offers = [word for word in offers if not _SPEAKS_OF_OTHERS.match(word)]
            return Meaning.OFFERED if offers else self.meanings[last]
        if following < len(self.starts) and self.starts[following] < clause_end:
            return self.meanings[following]
        if after and self.text[after : after + 1] == "(" and ")" not in self.text[after:start]:
            return Meaning.OFFERED  # 合计83200元(当金80000元,综合费3200元): parts of the previous amount
        if last >= 0 and self.starts[last] >= sentence:
            return self.meanings[last]
        return Meaning.OWED


def _words(text: str, end: int) -> Iterator[tuple[int, str]]:
    """The words in `text[:end]` and their offsets, from left to right, without overlap.

    A Latin word must be a whole word: power does not contain owe.
    """
    read_to = 0
    for match in _BEGINNING.finditer(text, 0, end):
        start = match.start()
        if start < read_to:
            continue
        for word in _BY_BEGINNING.get(match[0], ()):
            if text.startswith(word, start) and not (
                _latin(word[-1]) and _latin(text[start + len(word) : start + len(word) + 1])
            ):
                yield start, word
                read_to = start + len(word)
                break


def _latin(char: str) -> bool:
    return "a" <= char <= "z"
