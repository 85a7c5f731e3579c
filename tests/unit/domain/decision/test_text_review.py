"""What the text says becomes reasons and findings: the rule and where it was found, never the text."""

from __future__ import annotations

import pytest

from duecare_core.evidence.record import encode
from tests.support.world import DAY, World, stamp


@pytest.fixture
def world() -> World:
    return World().honest()


def found(world: World, text: str, **changes: object) -> list[tuple[str, str, str | None]]:
    """Each finding, and what stands at its place in the text."""
    record = world.verify(message_id=text, text=text, **changes).record
    return [(one.code, one.rule, None if one.start is None else text[one.start : one.end]) for one in record.findings]


def test_a_threat_and_a_pose_are_denied_and_shown_where_they_stand(world: World) -> None:
    text = "【某资产】欠款27911元,不还将上门打断你的腿,并联系你的父母和单位领导。我是公安局民警。退订回T"
    assert world.reasons(text=text) == ["TEXT_FORBIDDEN"]
    assert found(world, text) == [
        ("TEXT_FORBIDDEN", "exposure.visit.zh", "上门"),
        ("TEXT_FORBIDDEN", "threat.violence.zh", "打断你的腿"),
        ("TEXT_FORBIDDEN", "exposure.tell.zh", "联系你的父母和单位领导"),
        ("TEXT_FORBIDDEN", "posing_as_authority.claim.zh", "我是公安局民警"),
        ("TEXT_FORBIDDEN", "posing_as_authority.police.zh", "公安"),
    ]


def test_what_is_put_between_the_characters_hides_nothing_and_the_offsets_are_the_originals(world: World) -> None:
    text = "【某资产】欠款27911元,打*断\u200b 你的腿,退订回T"
    ((code, rule, at),) = found(world, text)
    assert (code, rule, at) == ("TEXT_FORBIDDEN", "threat.violence.zh", "打*断\u200b 你的腿")


def test_a_plain_announcement_that_the_creditor_may_sue_is_no_threat(world: World) -> None:
    assert world.reasons(text="【某资产】欠款27911元,逾期我司将依法向法院提起诉讼,退订回T") == []


@pytest.mark.parametrize(
    ("claim", "rule", "shown"),
    [
        ("欠款27912元", "amount.larger", "27912元"),
        ("欠款9431元", "amount.smaller", "9431元"),
        ("欠款27911美元", "amount.currency", "27911美元"),
    ],
)
def test_an_amount_that_does_not_fit_says_how(world: World, claim: str, rule: str, shown: str) -> None:
    assert found(world, f"【某资产】{claim},退订回T") == [("TEXT_AMOUNT", rule, shown)]


def test_a_strangers_sign_is_shown_and_a_missing_one_is_named(world: World) -> None:
    assert found(world, "【另一家】欠款27911元,退订回T") == [("TEXT_SENDER", "sender.sign", "【另一家】")]
    assert found(world, "欠款27911元,退订回T") == [("TEXT_SENDER", "sender.missing", None)]


def test_a_missing_way_to_opt_out_names_the_rows_that_ask_for_it(world: World) -> None:
    rows = [rule for _, rule, _ in found(world, "【某资产】欠款27911元")]
    assert rows == ["any-elements", "cn-opt-out"]


def test_an_offer_makes_a_text_promotional(world: World) -> None:
    rows = [rule for _, rule, _ in found(world, "【某资产】欠款27911元,减免后只需还9431元")]
    assert rows == ["any-elements", "cn-promotional", "cn-opt-out"]


def american(world: World, **changes: object) -> dict[str, object]:
    """A debt of a recipient in New York, and a message about it."""
    number = "+12125550123"
    world.consent(recipient=number, granted_at=stamp(world.now))
    world.debt(recipient=number, currency="USD", outstanding="1234.56", as_of=stamp(world.now), **changes)
    return {"recipient": number}


def test_a_collectors_text_in_the_united_states_says_that_it_is_one(world: World) -> None:
    world.now += DAY / 4  # morning in New York
    there = american(world)
    plain = "科技公司: you owe $1,234.56. Reply STOP to opt out."
    assert found(world, plain, **there) == [("TEXT_DISCLOSURE", "us-disclosure", None)]
    said = "科技公司: This is from a debt collector. You owe $1,234.56. Reply STOP to opt out."
    assert found(world, said, **there) == []
    own = "某资产: you owe $1,234.56. Reply STOP to opt out."
    assert found(world, own, collector=None, **there) == []


def test_a_text_of_nothing_but_faults_has_a_short_record(world: World) -> None:
    text = "【甲】" + "".join(f"欠款{n}元;" for n in range(1, 240)) + "打断你的腿" * 20
    record = world.verify(text=text).record
    assert record.reasons == ("TEXT_SENDER", "TEXT_AMOUNT", "TEXT_OPT_OUT", "TEXT_FORBIDDEN")
    assert len(record.findings) < 30
    assert len(encode(record)) < 4000


def test_a_finding_holds_nothing_of_the_text(world: World) -> None:
    record = world.verify(text="【某资产】欠款99999元,打断你的腿").record
    assert record.findings
    assert "99999" not in encode(record).decode()
    assert "打断" not in encode(record).decode()
