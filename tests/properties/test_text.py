"""Properties of reading a text: it never raises, it is always quick, and invisible characters hide nothing."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duecare_core.domain.text.folding import skeleton_pattern
from duecare_core.domain.text.forbidden import PHRASES
from duecare_core.domain.text.phrases import Phrase
from duecare_core.domain.text.reader import Meaning, Reading, find_senders, read
from duecare_core.domain.text.required_wording import DISCLOSURE, OPT_OUT
from tests.support.world import CASE_TEXT

RULES = [*PHRASES, *OPT_OUT, *DISCLOSURE]
CORPUS = Path(__file__).parents[1] / "corpus" / "texts.jsonl"
TEXTS = [json.loads(line)["text"] for line in CORPUS.read_text("utf-8").splitlines()]
QUICK = settings(max_examples=200, deadline=None)


def found(reading: Reading) -> tuple[object, ...]:
    """The elements found, without their offsets."""
    return (
        [(claim.amount, claim.currencies, claim.meaning) for claim in reading.amounts],
        sorted(finding.rule for finding in reading.forbidden),
        reading.opt_out and reading.opt_out.rule,
        reading.disclosure and reading.disclosure.rule,
    )


# A rule is tried only around its anchors, so every match of its pattern must hold one, and reach no further.


@pytest.mark.parametrize("rule", RULES, ids=[rule.rule for rule in RULES])
def test_every_match_of_a_rule_holds_one_of_its_anchors_and_is_no_longer_than_it_says(rule: Phrase) -> None:
    @settings(max_examples=300, deadline=None, database=None)
    @given(st.from_regex(re.compile(skeleton_pattern(rule.pattern), re.VERBOSE | re.ASCII), fullmatch=True))
    def holds(match: str) -> None:
        assert any(anchor in match for anchor in rule.anchors), match
        assert len(match) <= rule.longest, match

    holds()


# Invisible characters hide nothing

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
    for span in (*reading.amounts, *findings, *reading.sender_tags):
        assert 0 <= span.start < span.end <= len(text)
    find_senders(text).are_among(["某资产", "Acme"])


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
