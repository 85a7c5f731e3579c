"""Properties of reading a text: never an exception, always quick, and nothing hidden by what a reader cannot see."""

from __future__ import annotations

import gc
import json
import random
import re
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duecare.domain.forbidden import PHRASES
from duecare.domain.phrases import Phrase
from duecare.domain.text import Meaning, Reading, names_sender, read
from duecare.domain.wording import DISCLOSURE, OPT_OUT
from tests.world import CASE_TEXT

RULES = [*PHRASES, *OPT_OUT, *DISCLOSURE]
CORPUS = Path(__file__).parents[1] / "corpus" / "texts.jsonl"
TEXTS = [json.loads(line)["text"] for line in CORPUS.read_text("utf-8").splitlines()]
QUICK = settings(max_examples=200, deadline=None)


def found(reading: Reading) -> tuple[object, ...]:
    """What was found, whatever the offsets."""
    return (
        [(claim.amount, claim.currencies, claim.meaning) for claim in reading.amounts],
        sorted(finding.rule for finding in reading.forbidden),
        reading.opt_out and reading.opt_out.rule,
        reading.disclosure and reading.disclosure.rule,
    )


# A rule is tried only where one of its anchors occurs, so every match of its pattern must hold one.


@pytest.mark.parametrize("rule", RULES, ids=[rule.rule for rule in RULES])
def test_every_match_of_a_rule_holds_one_of_its_anchors(rule: Phrase) -> None:
    @settings(max_examples=300, deadline=None, database=None)
    @given(st.from_regex(re.compile(rule.pattern.pattern, re.VERBOSE | re.ASCII), fullmatch=True))
    def holds(match: str) -> None:
        assert any(anchor in match for anchor in rule.anchors), match

    holds()


# What a reader cannot see hides nothing

INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u2063\u180e\u3164\ufe0f"
LOOK_ALIKES = str.maketrans("aceopxyABEHKMOPTX", "асеорхуАВЕНКМОРТХ")
WIDE = str.maketrans({chr(at): chr(at + 0xFEE0) for at in range(0x21, 0x7F)})


@QUICK
@given(text=st.sampled_from([*TEXTS, CASE_TEXT]), seed=st.integers())
def test_invisible_characters_change_nothing(text: str, seed: int) -> None:
    rng = random.Random(seed)
    sown = "".join(char + rng.choice(INVISIBLE) * rng.choice((0, 0, 1, 2)) for char in text)
    assert found(read(sown)) == found(read(text))


@QUICK
@given(text=st.sampled_from(TEXTS))
def test_full_width_characters_change_nothing(text: str) -> None:
    if "'" not in text:  # the full-width apostrophe is a quotation mark
        assert found(read(text.translate(WIDE))) == found(read(text))


FORBIDDEN_TEXTS = [text for text in TEXTS if read(text).forbidden]


@QUICK
@given(text=st.sampled_from(FORBIDDEN_TEXTS))
def test_look_alike_letters_hide_no_phrase(text: str) -> None:
    disguised = {finding.rule for finding in read(text.translate(LOOK_ALIKES)).forbidden}
    assert disguised >= {finding.rule for finding in read(text).forbidden}


@QUICK
@given(text=st.sampled_from(FORBIDDEN_TEXTS), sign=st.sampled_from(list(" .*-_·~✦😀|/")))
def test_signs_between_the_characters_hide_no_phrase(text: str, sign: str) -> None:
    for finding in read(text).forbidden:
        if finding.rule.endswith((".zh", ".en")):
            phrase = sign.join(text[finding.start : finding.end])
            disguised = read(f"{text[: finding.start]}{phrase}{text[finding.end :]}")
            assert finding.rule in {other.rule for other in disguised.forbidden}


# Bad input

_ANY = st.one_of(
    st.text(max_size=300),
    st.text(alphabet="0123456789,. 元万千百十零一二两$¥₹oil欠还至-", max_size=120),
    st.text(alphabet="【】[]退订回复TDRN公安法院通知家人 reply stop", max_size=120),
    st.lists(st.sampled_from(TEXTS), max_size=4).map("".join),
)


@settings(max_examples=1500, deadline=None)
@given(text=_ANY)
def test_any_text_is_read_without_an_exception_and_with_offsets_that_lie_in_it(text: str) -> None:
    reading = read(text)
    findings = [*reading.forbidden, *filter(None, (reading.opt_out, reading.disclosure))]
    for span in (*reading.amounts, *findings, *reading.signs):
        assert 0 <= span.start < span.end <= len(text)
    names_sender(text, ["某资产", "Acme"])


@QUICK
@given(amount=st.integers(min_value=1, max_value=10**9), debt=st.integers(min_value=1, max_value=10**9))
def test_an_amount_owed_is_borne_out_by_exactly_that_debt(amount: int, debt: int) -> None:
    for text in (f"欠款{amount}元", f"您尚欠{amount:,}元", f"You owe ¥{amount:,}.00", f"欠款:{amount}"):
        (claim,) = read(text).amounts
        assert claim.meaning is Meaning.OWED
        assert claim.borne_out("CNY", claim.amount)
        assert claim.borne_out("CNY", type(claim.amount)(debt)) is (amount == debt)


_DIGITS = "零壹贰叁肆伍陆柒捌玖"


def formal(number: int) -> str:
    """A number below 10^8 in formal numerals, as on a cheque."""

    def section(value: int) -> str:
        written, gap = "", False
        for unit, power in (("仟", 1000), ("佰", 100), ("拾", 10), ("", 1)):
            digit = value // power % 10
            if digit:
                written += ("零" if gap and written else "") + _DIGITS[digit] + unit
            gap = not digit
        return written

    high, low = divmod(number, 10_000)
    if not high:
        return section(low)
    return section(high) + "万" + ("零" if low and low < 1000 else "") + section(low)


@settings(max_examples=500, deadline=None)
@given(number=st.integers(min_value=1, max_value=99_999_999))
def test_formal_numerals_are_read_back(number: int) -> None:
    plain = formal(number).translate(str.maketrans("壹贰叁肆伍陆柒捌玖仟佰拾", "一二三四五六七八九千百十"))
    for written in (formal(number), plain):
        (claim,) = read(f"欠款{written}元整").amounts
        assert claim.amount == number


# Time. The limit is the CPU time of this process, for the best of several runs, so that only the text can exceed it.

LIMIT = 0.005
REFERENCE = 0.00029
PIECES = """
    😀 1 12 1, 1元 $1 $ 元 10, ① 公 公安 通知 通知家 我是 我们是 欠 欠款 一 万 一万 零 1万 a o1 l o the tellyour not
    never stop reply 回T 退订 【 [ 【a】 ab police a. a0 due minimumamount pay5 pay500 还500 hundred one twenty- (含
    ( 数万元 1*2*3* -1-1 1-2元 $1-2 rs rs1 冻结 列入 让你 要你 你妈 是 让 联系 联系我 到 post sharea sendxto will
    yourfamilyand officerfrom thisisofficer fir ss ß İ ﷺ ﬃ ⑳ ½ 。 , 尾号1 1.1.1. 1'1' 1·1 爆 打断 卸 堵 限制 注销
    申请冻结 法院冻结 全家 你就是 pretendingtobethe stopto12345 unsubscribefromour cancelofof debtcollector
    attemptingtocollecta fromadebt b0s$ k!ll @rrest
"""
UNSEEN = [" ", "\n", "\u0301", "\u202e", "\u200d", "\u200f", "\x00", "\ud800", "\u3164", "\U000e0041"]


def hostile_texts() -> Iterator[str]:
    """10,000 texts: repetitions of one thing, mixtures, and mangled texts of the corpus."""
    rng = random.Random(20261124)
    pieces = [*PIECES.split(), *UNSEEN]
    for piece in pieces:
        yield (piece * 2000)[:2000]
        yield (f"{piece} " * 2000)[:2000]
    yield "7" * 10_000
    yield "7" * 9_999 + "元"
    yield "欠款" + "7," * 5_000 + "元"
    for _ in range(2_000):
        yield "".join(rng.choices(pieces, k=rng.randrange(1, 900)))[:2000]
    while True:
        text = list(rng.choice(TEXTS) * rng.choice((1, 1, 1, 1, 4)))
        for _ in range(rng.randrange(40)):
            text.insert(rng.randrange(len(text) + 1), rng.choice(pieces))
        yield "".join(text)[:2000]


def cpu_time(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


_WORK = "Please pay $1,234.56 by 30 November; 请于10月21日前还款27911元。" * 40


def some_work() -> object:
    """Work of the same kind as reading a text, that no text decides."""
    words = re.findall(r"[a-z]+|\d+|[一-鿿]", _WORK)
    return sorted({word: len(word) for word in words}), "".join([char for char in _WORK if char.isalnum()])


def slowness() -> float:
    """How much slower this machine is now than the one on which the limit was set, idle: there
    `some_work` took that long."""
    return max(1.0, min(cpu_time(some_work) for _ in range(9)) / REFERENCE)


def test_ten_thousand_hostile_texts_are_each_read_within_the_limit() -> None:
    texts = list(islice(hostile_texts(), 10_000))
    gc.disable()  # a collection of all that the other tests left is no text's fault
    try:
        _read_all(texts)
    finally:
        gc.enable()


def _read_all(texts: list[str]) -> None:
    for text in texts:
        if cpu_time(lambda text=text: read(text)) > LIMIT:
            best = min(cpu_time(lambda text=text: read(text)) for _ in range(7))
            assert best <= LIMIT * slowness(), f"{best * 1000:.1f} ms for {text[:40]!r}"


def test_time_grows_with_length_only() -> None:
    """Four times the text takes no more than about four times as long, whatever it repeats."""
    for piece in [*PIECES.split(), *UNSEEN]:
        short, long = (piece * 4000)[:4000], (piece * 16000)[:16000]
        ratio = min(cpu_time(lambda t=long: read(t)) for _ in range(3)) / max(
            1e-4, min(cpu_time(lambda t=short: read(t)) for _ in range(3))
        )
        assert ratio < 10, f"{piece!r} takes {ratio:.1f} times as long"
