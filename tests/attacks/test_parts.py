"""A threat that is cut in two is in neither part. Parts alone are denied, so nothing is gained by the cut."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from duecare.usecases.verify.stored_decision import StoredDecision
from duecare_core.domain.rules.rule_types import Required
from tests.support.packs import PACK
from tests.support.world import PARTIES, World

THREAT_ZH = (
    "【某资产】余敏某某,目前最新欠款:27911元,今日不还,我们将通知你的家人、同事和单位领导,让他们替你还钱。退订回“T”。"
)
THREAT_EN = (
    "Mou Zichan: you owe CNY 27911. If you do not pay today we will tell your employer and your family about your "
    "debt. Reply STOP to opt out."
)
WHOLE_ZH = "【某资产】余敏某某,目前最新欠款:27911元,请尽快还款。退订回“T”。"
WHOLE_EN = "Mou Zichan: you owe CNY 27911. Please pay soon. Reply STOP to opt out."
NUMBERS = {
    "CN": "+8613812345678",
    "US": "+14155550123",
    "US-MA": "+16175550123",
    "GB": "+447400123456",
    "IN": "+919812345678",
    "AU": "+61412345678",
    "PH": "+639171234567",
    "ID": "+6281234567890",
    "elsewhere": "+4915112345678",
}


@pytest.fixture
def world() -> World:
    named = {"mou-zichan": (["creditor"], "某资产", ["某资产", "Mou Zichan"])}
    with patch.dict(PARTIES, named):
        return World().honest()


def ask(world: World, text: str, **changes: str) -> StoredDecision:
    return world.verify(text=text, shadow=True, message_id=f"m-{abs(hash((text, *changes.values())))}", **changes)


def rules(world: World, text: str) -> list[tuple[str, str]]:
    return [(finding.code, finding.rule) for finding in ask(world, text).record.findings]


@pytest.mark.parametrize("threat", [THREAT_ZH, THREAT_EN], ids=["zh", "en"])
def test_a_threat_cut_in_two_at_any_place_is_denied_in_each_part(world: World, threat: str) -> None:
    assert "TEXT_FORBIDDEN" in ask(world, threat).record.reasons
    for cut in range(1, len(threat)):
        for part in (threat[:cut], threat[cut:]):
            reasons = set(ask(world, part).record.reasons)
            assert reasons & {"TEXT_SENDER", "TEXT_OPT_OUT", "TEXT_FORBIDDEN"}, part


@pytest.mark.parametrize("threat", [THREAT_ZH, THREAT_EN], ids=["zh", "en"])
def test_a_threat_cut_in_three_is_denied_in_each_part(world: World, threat: str) -> None:
    third = len(threat) // 3
    for part in (threat[:third], threat[third : 2 * third], threat[2 * third :]):
        assert set(ask(world, part).record.reasons) & {"TEXT_SENDER", "TEXT_OPT_OUT"}, part


@pytest.mark.parametrize("place", NUMBERS)
def test_a_text_without_sender_or_way_to_opt_out_is_denied_everywhere(world: World, place: str) -> None:
    for text, missing in (
        ("某公司:欠款27911元,请尽快还款。退订回T", "TEXT_SENDER"),
        ("you owe CNY 27911. Reply STOP to opt out.", "TEXT_SENDER"),
        ("【某资产】欠款27911元,请尽快还款。", "TEXT_OPT_OUT"),
        ("Mou Zichan: you owe CNY 27911.", "TEXT_OPT_OUT"),
    ):
        assert missing in ask(world, text, recipient=NUMBERS[place]).record.reasons, text


def test_the_pack_requires_both_of_every_text_everywhere_and_always() -> None:
    """A row of `any`, without days, channels apart from texts, senders or products: no pack of an operator loosens
    it."""
    (row,) = [row for row in PACK.rows if row.id == "any-elements"]
    assert isinstance(row, Required)
    assert {"sender_name", "opt_out_wording"} <= set(row.elements)
    assert (row.jurisdiction, row.when, row.since, row.until) == ("any", "each", None, None)
    assert (row.channels, row.senders, row.products) == (("sms",), ("creditor", "collector"), None)


NUMBERED = [
    "(1/2)",
    "[1/2]",
    "(2/2)",
    "1/2",
    "(1/2)",
    "【1/2】",
    "第1条/共2条",
    "(第1条,共2条)",
    "共两条".replace("两", "2") + ",第1条",
]
NUMBERED += ["Part 1 of 2: ", "(1 of 2)", "msg 2/3 ", "(part 1/3)", "第一条/共二条"]


@pytest.mark.parametrize("number", NUMBERED)
def test_a_numbered_part_is_named_as_one(world: World, number: str) -> None:
    cut = WHOLE_ZH.index("最新")
    half, rest = WHOLE_ZH[:cut], WHOLE_ZH[cut:]
    for part in (f"{number}{half}", f"{half}{number}", f"{half} {number}"):
        assert ("TEXT_OPT_OUT", "part.numbered") in rules(world, part), part
    assert ("TEXT_SENDER", "part.numbered") in rules(world, f"{number}{rest}")


@pytest.mark.parametrize("number", [number for number in NUMBERED if number != "1/2"])
@pytest.mark.parametrize("text", [WHOLE_ZH, WHOLE_EN], ids=["zh", "en"])
def test_a_part_with_sender_and_way_to_opt_out_is_denied_for_its_number(world: World, text: str, number: str) -> None:
    """A platform that splits a message may put its tag and its opt-out wording into each part."""
    assert ask(world, text).record.reasons == ()
    ends = "退订回“T”。" if text == WHOLE_ZH else "Reply STOP to opt out."
    tag = "【某资产】" if text == WHOLE_ZH else ""
    inside = text.removeprefix(tag).removesuffix(ends)
    for part in (f"{number}{text}", f"{tag}{number}{inside}{ends}", f"{tag}{inside}{number}{ends}", f"{text}{number}"):
        decided = ask(world, part)
        assert set(decided.record.reasons) & {"TEXT_OPT_OUT", "TEXT_SENDER"}, part  # 【1/2】 poses as a sender tag
        assert "part.numbered" in [finding.rule for finding in decided.record.findings]


@pytest.mark.parametrize(
    "text",
    [
        "【某资产】您的第3期(共12期)账单27911元,请于3/5前还款。退订回T",
        "【某资产】合同第3条约定,欠款27911元。退订回T",
        "【某资产】欠款27911元,还款日12/1。退订回T",
        "Mou Zichan: you owe CNY 27911, due 1/2. Reply STOP to opt out.",
        "Mou Zichan: CNY 27911 is due by 1/2 Reply STOP to opt out.",
        "Mou Zichan: this is one of 2 reminders. You owe CNY 27911. Reply STOP to opt out.",
        "Mou Zichan: you owe CNY 27911 (instalment plan of 2025). Reply STOP to opt out.",
    ],
)
def test_dates_fractions_and_clauses_are_no_numbers_of_parts(world: World, text: str) -> None:
    assert "part.numbered" not in [rule for _, rule in rules(world, text)]


@pytest.mark.parametrize(
    "part", ["【某资产】余敏某某,目前最新欠款:27911元,", "Mou Zichan: you owe CNY 27911. If you do…"]
)
def test_a_text_that_breaks_off_is_named_as_a_fragment(world: World, part: str) -> None:
    assert ("TEXT_OPT_OUT", "part.fragment") in rules(world, part)


@pytest.mark.parametrize("part", [",让他们替你还钱。退订回“T”。", "employer about your debt. Reply STOP to opt out."])
def test_a_text_that_begins_within_a_sentence_is_named_as_a_fragment(world: World, part: str) -> None:
    assert ("TEXT_SENDER", "part.fragment") in rules(world, part)
