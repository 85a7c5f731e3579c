"""The page about a case file: what a judge reads says what the file says, and never more than was verified."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from duecare_client.messages import label
from duecare_client.report.page import About, Language, render
from duecare_client.report.quotations import QUOTATIONS, SOURCES
from duecare_client.report.results import result
from duecare_client.report.texts import Mask, Span, chinese, pieces
from duecare_core.domain.decision.reasons import REASONS
from duecare_core.domain.facts.party import Party
from duecare_core.evidence.canonical import canonical
from duecare_core.evidence.casefile import bundle
from duecare_core.evidence.casefile.bundle import Check
from duecare_core.evidence.casefile.shipped_rules import shipped_packs
from duecare_core.evidence.jose.proof import proven_jwk
from duecare_core.evidence.log.note import WitnessKey, open_checkpoint, parse_note
from tests.support.imports import Imports, as_csv
from tests.support.logs import LOG_KEY, LoggedWorld
from tests.support.world import DAY, KEYS, RECIPIENT, consent_members, debt_members, stamp

KEY = LOG_KEY.verifier_key
MASKED = "+86138****5678"
BAD_TEXT = "【某资产】您欠款99999元,再不还就联系你的父母"
Json = dict[str, Any]


class Page(HTMLParser):
    """A page as a browser parses it: its text, its elements with their attributes, and the text of its marks."""

    VOID = frozenset({"meta", "br", "col"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.marked: dict[str, str] = {}
        self._open: list[tuple[str, list[str]]] = []
        self._text: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == [], "an element is not closed"
        self.text = re.sub(r"\s+", " ", "".join(self._text))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.elements.append((tag, found))
        if tag not in self.VOID:
            self._open.append((tag, (found.get("data-finding") or "").split()))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if any(tag in ("style", "title") for tag, _ in self._open):
            return
        self._text.append(data)
        for _, numbers in self._open:
            for number in numbers:
                self.marked[number] = self.marked.get(number, "") + data


def shown(data: bytes, language: Language = "both", key: str | None = KEY, **options: Any) -> Page:
    verdict = bundle.check(data, key)
    html = render(verdict, language=language, show_number=options.pop("show_number", False), **options)
    assert_alone(html)
    return Page(html)


def assert_alone(html: str) -> None:
    """Nothing runs, and nothing is fetched."""
    for tag, attributes in Page(html).elements:
        assert tag not in ("script", "link", "img", "iframe", "object", "embed", "base", "form", "a", "svg"), tag
        assert not {"src", "href", "action", "srcset", "background"} & set(attributes)
        assert re.fullmatch("(width:[0-9]+%)?", attributes.get("style") or "")
        assert not any(name.startswith("on") for name in attributes)
    style = html.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    assert "<" not in style


def changed(data: bytes, change: Callable[[Json], object]) -> bytes:
    value = json.loads(data)
    change(value)
    return canonical(value)


@pytest.fixture(scope="module")
def world() -> LoggedWorld:
    return LoggedWorld().honest()


@pytest.fixture(scope="module")
def allowed(world: LoggedWorld) -> bytes:
    decided = world.verify(message_id="allowed")
    world.sequenced()
    return world.case_file(decided)


@pytest.fixture(scope="module")
def denied(world: LoggedWorld, allowed: bytes) -> bytes:
    """With a statement of each party, findings, and one message counted before."""
    world.accepted("xinxi", "opt-out", recipient=RECIPIENT, creditor="mou-zichan", received_at=stamp(world.now))
    decided = world.verify(message_id="denied", text=BAD_TEXT)
    world.sequenced()
    return world.case_file(decided)


def test_an_allow_says_who_may_send_what_to_whom_and_on_whose_word(allowed: bytes) -> None:
    page = shown(allowed)
    record = json.loads(allowed)["decision"]["record"]
    for words in ("允许发送", "ALLOW", "2026-11-24 09:00:00 UTC", "2026-11-24 17:00:00 (UTC+08:00, Asia/Shanghai)"):
        assert words in page.text
    for words in ("信息公司", "xinxi", "某资产", "mou-zichan", "科技公司", "keji", "余敏某某,目前最新欠款:27911元"):
        assert words in page.text
    for words in ("催收委托声明", "Mandate of a collector", "收件人同意声明", "债务确认声明", "Confirmation of a debt"):
        assert words in page.text
    for words in (record["decision_id"], record["text_sha256"], record["rules_sha256"], *record["relied_on"]):
        assert words in page.text
    assert "核验未通过" not in page.text
    assert "不得发送" not in page.text.replace("没有任何不得发送的理由", "").replace("不得据此发送", "")
    assert page.text.count("✓") == 1 + len(bundle.CHECKS)
    assert "✗" not in page.text


def test_a_deny_gives_every_reason_in_both_languages_and_the_rules_with_their_sources(denied: bytes) -> None:
    page = shown(denied)
    file = json.loads(denied)
    record, rules = file["decision"]["record"], {row["id"]: row for row in file["rules"]["rows"]}
    assert "不得发送" in page.text
    assert "DENY" in page.text
    assert len(record["reasons"]) >= 3
    for code in record["reasons"]:
        assert code in page.text
        assert chinese(REASONS[code].zh) in page.text
        assert REASONS[code].en in page.text
    # The topics of forbidden words are those of rows, though a finding names the phrase.
    for row in ("any-content", "cn-opt-out", "cn-hours"):
        assert rules[row]["rule"] in page.text
        assert rules[row]["source"] in page.text
    assert "退订声明 Opt-out" in page.text.replace("声明O", "声明 O")
    assert "允许发送的答复" not in page.text  # no cap is full, so no other message is shown


def test_an_allow_shows_the_messages_that_were_counted() -> None:
    world = LoggedWorld().honest()
    world.verify(message_id="first")
    decided = world.verify(message_id="second")
    world.sequenced()
    page = shown(world.case_file(decided))
    assert "允许发送的答复" in page.text
    assert "本案债权人" in page.text


def test_each_statement_shows_who_signed_it_with_which_key_when_and_where_the_log_has_it(denied: bytes) -> None:
    page = shown(denied)
    for logged in json.loads(denied)["statements"]:
        index = re.search(r"index (\d+)", logged["proof"])
        assert index
        assert logged["record"]["kid"] in page.text
        assert f"日志第 {index[1]} 条" in page.text
        assert f"entry {index[1]} of the log" in page.text
    assert "27911" in page.text


def test_one_language_is_one_language(denied: bytes) -> None:
    chinese_page, english = shown(denied, "zh-CN"), shown(denied, "en")
    assert ("核验结果" in chinese_page.text, "Result of the verification" in chinese_page.text) == (True, False)
    assert ("核验结果" in english.text, "Result of the verification" in english.text) == (False, True)
    assert {one[1].get("lang") for one in chinese_page.elements} == {None, "zh-CN"}
    assert {one[1].get("lang") for one in english.elements} == {None, "en"}


def test_the_number_is_masked_everywhere_unless_it_is_requested(denied: bytes) -> None:
    world = LoggedWorld().honest()
    full_width = "13812345678".translate({ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789"})
    said = f"{RECIPIENT} 13812345678 138-1234-5678 138 1234 5678 {full_width} 欠款"
    world.accepted("xinxi", "reply", recipient=RECIPIENT, creditor="mou-zichan", text="T", received_at=stamp(world.now))
    decided = world.verify(message_id="with-number", text=said)
    world.sequenced()
    data = world.case_file(decided)
    page, whole = shown(data), shown(data, show_number=True)
    assert not re.search(r"1\D?2\D?3\D?4\D?5678", page.text)
    assert not re.search("[\uff10-\uff19]{8}", page.text)
    assert page.text.count(MASKED) > 2
    assert "138-****-5678" in page.text
    assert said in whole.text
    assert RECIPIENT in whole.text
    # Masked, the digest of the text would let the few hidden digits be guessed.
    digest = json.loads(data)["decision"]["record"]["text_sha256"]
    assert (page.text.count(digest), whole.text.count(digest)) == (0, 1)
    assert json.loads(denied)["decision"]["record"]["salt"] not in shown(denied).text


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("+8613812345678", "+86138****5678"),
        ("+16175550123", "+161****0123"),
        ("+442079460958", "+4420****0958"),
        ("+6421234567", "+64****4567"),
        ("+2901234", "+290****"),
        ("", ""),
        ("+", "*"),
        ("nobody", "******"),
    ],
)
def test_a_mask_hides_four_digits_at_least_and_keeps_the_length(number: str, masked: str) -> None:
    assert Mask(number)(number) == masked
    assert len(masked) == len(number)


def test_findings_mark_exactly_the_words_that_they_name(denied: bytes, world: LoggedWorld) -> None:
    texts = [
        BAD_TEXT,
        "📱😀【某资产】您欠款99999元\n再不还就联系你的父母,我们是公安局\u200b,13812345678,曝光你",
        "Final notice: we will have you arrested today and tell your family & <b>employer</b>",
    ]
    for number, text in enumerate(texts):
        decided = world.verify(message_id=f"marks-{number}", text=text)
        world.sequenced()
        data = world.case_file(decided)
        page = shown(data, show_number=True)
        findings = json.loads(data)["decision"]["record"]["findings"]
        quoted = {
            str(place): "".join("U+200B" if char == "\u200b" else char for char in text[one["start"] : one["end"]])
            for place, one in enumerate(findings, 1)
            if one.get("end")
        }
        assert quoted
        assert page.marked == quoted


def test_findings_that_overlap_are_each_marked_whole() -> None:
    text = "abcdefgh"
    spans = [Span(1, 0, 4), Span(2, 2, 6), Span(3, 3, 4), Span(4, 7, 8)]
    cut = pieces(text, spans)
    assert "".join(piece.text for piece in cut) == text
    for span in spans:
        assert "".join(piece.text for piece in cut if span.number in piece.numbers) == text[span.start : span.end]
        assert [piece.text[-1] for piece in cut if span.number in piece.ends] == [text[span.end - 1]]
    assert pieces("", []) == ()


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>'\"&lt;{{ 7*7 }}\u202e\u2066txt"


def test_text_from_others_is_escaped() -> None:
    world = LoggedWorld()
    world.register("mou-zichan", "other-bank", "xinxi", "other-gateway")
    party = Party(id="keji", roles=("collector",), name=HOSTILE, sender_names=(HOSTILE,), registered_at=world.now)
    world.operate.add(party, proven_jwk(KEYS["keji"], world.now))
    world.mandate()
    world.route("keji")
    decided = world.verify(text=f"【某资产】27911 {HOSTILE}", message_id=HOSTILE)
    world.sequenced()
    data = world.case_file(decided)

    def rename(file: Json) -> None:
        for one in file["parties"]:
            one["record"] |= {"name": HOSTILE, "sender_names": [HOSTILE]}
        file["decision"]["record"]["decision_id"] = '"; } </style><script>'
        file["log"]["origin"] = HOSTILE
        file["issuer"] = HOSTILE

    for spoilt in (data, changed(data, rename)):
        page = shown(spoilt)
        assert "<script>alert(1)</script>" in page.text
        assert "{{ 7*7 }}" in page.text
        assert "U+202EU+2066txt" in page.text
        assert not set("\u202e\u2066") & set(page.text)


CHANGES: dict[str, tuple[Callable[[Json], object], str]] = {
    "an allow made of a deny": (lambda f: f["decision"]["record"].update(decision="allow"), "决定记录"),
    "another text": (lambda f: f["inputs"].update(text="another"), "号码、文本与时间"),
    "no text": (lambda f: f["inputs"].update(text=""), "号码、文本与时间"),
    "no number": (lambda f: f["inputs"].update(recipient=""), "号码、文本与时间"),
    "another log": (lambda f: f["log"].update(origin="other.example"), "日志签名"),
    "rules that are none": (lambda f: f.update(rules={"rows": "none"}), "规则"),
    "no rules": (lambda f: f["rules"]["rows"].clear(), "规则"),
    "statements that are none": (lambda f: [one.update(jws="a.b.c") for one in f["statements"]], "各方声明"),
    "no statements": (lambda f: f["statements"].clear(), "各方声明"),
    "no parties": (lambda f: f["parties"].clear(), "各方登记"),
    "no registration": (lambda f: f["inputs"].update(parties={}), "号码、文本与时间"),
    "a receipt that is none": (lambda f: f["decision"].update(receipt="none"), "回执"),
    "a proof that is none": (lambda f: f["decision"].update(proof="none"), "决定记录"),
    "a checkpoint that is none": (lambda f: f.update(checkpoint="none"), "日志签名"),
    "a witness that is none": (lambda f: f["log"].update(witnesses=["w", KEY]), "日志签名"),
    "contacts at no time": (
        lambda f: f["inputs"].update(counted=[{"at": 2**36 - 1, "channel": "pigeon"}]),
        "号码、文本与时间",
    ),
    "reasons that there are not": (lambda f: f["decision"]["record"].update(reasons=["X"]), "决定记录"),
    "findings that are nowhere": (
        lambda f: f["decision"]["record"].update(
            findings=[
                {"code": "X", "rule": "y", "start": -1, "end": 10**9},
                {"code": "X", "rule": "y", "start": 3, "end": 1},
            ]
        ),
        "决定记录",
    ),
    "another answer": (lambda f: f["decision"]["record"].update(decision="perhaps", regions=[]), "决定记录"),
    "the end of the calendar": (
        lambda f: f["decision"]["record"].update(
            provisional=True, send_at="9999-12-31T23:59:59Z", retry_at="0001-01-01T00:00:00Z"
        ),
        "决定记录",
    ),
}


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_a_failed_check_is_named_first_and_the_rest_is_marked_as_unproven(denied: bytes, name: str) -> None:
    change, check = CHANGES[name]
    page = shown(changed(denied, change))
    assert page.text.lstrip().startswith("核验未通过Verification failed")
    banner = page.text.partition("催收信息发送决定案卷报告")[0]
    assert check in banner
    assert "未经证实" in banner
    assert "This is what the file claims; it is not proven." in page.text
    assert "真实、完整" not in page.text
    assert "✗" in page.text


@pytest.mark.parametrize("junk", [b"{}", b"null", b"\xff", b'{"bundle":"duecare-case-file/2"}'])
def test_the_page_of_a_malformed_case_file_shows_only_that(junk: bytes) -> None:
    page = shown(junk)
    assert page.text.lstrip().startswith("核验未通过")
    assert "文件格式" in page.text
    assert "结论" not in page.text


def test_no_changed_byte_makes_a_page_that_breaks_or_says_verified(denied: bytes) -> None:
    for place in range(7, len(denied), 1999):
        spoilt = bytearray(denied)
        spoilt[place] ^= 0x01
        assert "核验未通过" in shown(bytes(spoilt)).text


def test_a_fact_from_a_file_is_shown_as_a_row_that_was_not_signed_alone() -> None:
    world = LoggedWorld()
    world.register()
    world.engage()
    imports = Imports(world)
    imports.debts([debt_members(world.now, time_zone="Asia/Urumqi", region="CN-XJ")])
    imports.send(json.dumps(consent_members(world.now)).encode(), 1, kind="consent", format="jsonl")
    decided = world.verify(text="【某资产】您欠款27911元,退订回T")
    assert [name for name in decided.record.relied_on if "#" in name]
    world.sequenced()
    page = shown(world.case_file(decided))
    for words in (
        "批量申报文件清单",
        "文件中的债务行",
        "文件中的同意行",
        "第 1 行",
        "27911",
        "This row was not signed alone",
    ):
        assert words in page.text
    assert "UTC+06:00, Asia/Urumqi" in page.text
    assert "local time first, in the zone that the creditor stated" in page.text
    assert "the rows shown are the service's record" in page.text


def test_rows_that_the_creditor_signed_are_shown_as_signed() -> None:
    world = LoggedWorld()
    world.register()
    world.engage()
    imports = Imports(world)
    imports.rooted(as_csv([debt_members(world.now)]), 1)
    imports.rooted(json.dumps(consent_members(world.now)).encode(), 1, kind="consent", format="jsonl")
    decided = world.verify(text="【某资产】您欠款27911元,退订回T")
    world.sequenced()
    page = shown(world.case_file(decided))
    assert page.text.count("The creditor signed this row with its file") == 2
    for words in ("not signed alone", "none of its rows alone", "the rows shown are the service's record"):
        assert words not in page.text


def test_a_dispute_is_shown_with_what_is_disputed() -> None:
    world = LoggedWorld().honest()
    world.accepted(
        "xinxi", "dispute", recipient=RECIPIENT, creditor="mou-zichan", claim="not_mine", received_at=stamp(world.now)
    )
    decided = world.verify()
    world.sequenced()
    page = shown(world.case_file(decided))
    assert "DEBT_DISPUTED" in page.text
    assert "非本人债务" in page.text
    assert "not mine" in page.text


def test_a_rehearsal_and_shadow_say_what_they_are() -> None:
    world = LoggedWorld().honest()
    rehearsal = world.verify(message_id="r", send_at=world.now + timedelta(hours=13))
    shadow = world.verify(message_id="s", shadow=True)
    world.sequenced()
    page = shown(world.case_file(rehearsal))
    assert "预演" in page.text
    assert "QUIET_HOURS" in page.text
    assert "2026-11-25 06:00:00 (UTC+08:00, Asia/Shanghai)" in page.text
    assert "Shadow mode" in shown(world.case_file(shadow)).text


def test_an_unregistered_party_and_a_later_suspension_are_shown() -> None:
    world = LoggedWorld().honest()
    strange = world.verify(message_id="strange", collector="nobody-here")
    decided = world.verify(message_id="later")
    world.sequenced()
    world.operate.suspend("keji")
    world.now += DAY
    world.operate.revoke_key("mou-zichan", world.caller("mou-zichan").kid)
    world.sequenced()
    assert "当时没有以此编号登记" in shown(world.case_file(strange)).text
    page = shown(world.case_file(decided))
    assert "已暂停" in page.text
    revoked = "revoked on 北京时间Beijing time 2026-11-25 17:00:00 (UTC+08:00, Asia/Shanghai) 2026-11-25 09:00:00 UTC"
    assert revoked in page.text


def test_a_number_of_many_clocks_shows_the_first_and_the_last() -> None:
    world = LoggedWorld().honest()
    decided = world.verify(recipient="+16175550123", text="Your debt")
    world.sequenced()
    clocks = re.findall(r"\(UTC([+-][0-9:]{5}), [A-Za-z_/]+\)", shown(world.case_file(decided)).text)
    assert clocks


def test_witnesses_are_named_with_the_time_at_which_they_saw_it(allowed: bytes) -> None:
    witness = WitnessKey("w.example", b"w" * 32)
    text = parse_note(json.loads(allowed)["checkpoint"]).text
    line = witness.cosign(text, 1_795_600_000)

    def cosign(file: Json) -> None:
        file["log"]["witnesses"] = [witness.verifier_key]
        file["checkpoint"] += line
        keys = (*file["receipt_keys"], *file["acknowledgement_keys"])
        for proven in (file["decision"], *file["statements"], *file["parties"], file["engine"], *keys):
            proven["proof"] += line

    data = changed(allowed, cosign)
    open_checkpoint(json.loads(data)["checkpoint"], KEY, [witness.verifier_key], strict=True)
    page = shown(data)
    assert "本案卷文件真实、完整" in page.text
    assert "w.example" in page.text
    assert "2026-11-25 17:46:40 (UTC+08:00, Asia/Shanghai) 2026-11-25 09:46:40 UTC" in page.text
    assert "no witness has signed" not in page.text
    assert "no witness has signed this checkpoint" in shown(allowed).text


def test_it_says_how_to_check_it_and_whose_word_the_key_is(allowed: bytes) -> None:
    about = About(file="case <1>.json", sha256="ab" * 32)
    page = shown(allowed, about=about, key=None)
    assert "duecare bundle verify case <1>.json --log-key KEY" in page.text
    assert "docs/how-to-check-a-case-file.md" in page.text
    assert "ab" * 32 in page.text
    assert "it is not yet shown whose log it is" in page.text


def test_chinese_gets_full_width_punctuation_and_other_text_does_not() -> None:
    assert chinese("\u9000\u8ba2(T);\u662f") == "\u9000\u8ba2\uff08T)\uff1b\u662f"
    assert chinese("entry 9, as it was (then); 10:30") == "entry 9, as it was (then); 10:30"


# The reader's questions: is the file good, what was decided, when, by which rule, and how is the consent compared


def test_the_file_is_called_authentic_apart_from_what_was_decided(denied: bytes) -> None:
    page = shown(denied)
    file, _, answer = page.text.partition("1.决定")
    assert "关于文件" in file
    assert "本案卷文件真实、完整" in file
    assert "This is about the file alone" in file
    assert "不得发送" not in file
    assert "DENY" not in file
    assert answer.startswith("The answer 不得发送DENY")
    assert "核验通过" not in page.text
    html = render(bundle.check(denied, KEY), language="both", show_number=False)
    style = re.search(r"\.good \{[^}]*\}", html)
    assert style
    assert "--allow" not in style[0]  # the colour of a permission is that of an answer alone


def test_each_time_is_shown_in_the_zone_of_the_recipient_first(denied: bytes, allowed: bytes) -> None:
    for data in (denied, allowed):
        text = shown(data, "zh-CN", about=About(made_at=LoggedWorld().now)).text
        for at in re.finditer(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} UTC", text):
            assert re.search(r"北京时间 [0-9 :-]{19} \(UTC\+08:00, Asia/Shanghai\) ?$", text[: at.start()]), at
        assert "北京时间 2026-11-24 17:00:00 (UTC+08:00, Asia/Shanghai) 2026-11-24 09:00:00 UTC" in text
        assert not re.search("[0-9]T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", text)


def test_chinese_law_is_shown_in_chinese_and_quoted_where_it_was_read(denied: bytes) -> None:
    rows = {row["id"]: row for row in json.loads(denied)["rules"]["rows"]}
    chinese_page, english = shown(denied, "zh-CN").text, shown(denied, "en").text
    for page in (chinese_page, english):
        assert "基于个人同意处理个人信息的，该同意应当由个人在充分知情的前提下自愿、明确作出。" in page
    assert "《中华人民共和国个人信息保护法》第十四条第一款（节录）" in chinese_page
    assert "每日22:00至次日8:00不得以任何方式催收。" in chinese_page
    assert rows["cn-hours"]["rule"] not in chinese_page
    assert rows["cn-hours"]["rule"] in english
    assert "整理者于 2026-11-23 阅读了所列出处的原文。" in chinese_page
    assert "未见原文：整理者于 2026-11-23 依据他人的转述整理，请以原文为准。" in chinese_page
    assert "这不是法律：由本服务自行规定（2026-11-23 确定）。" in chinese_page
    assert "这里没有条文原文" in chinese_page
    assert "The text itself was not read" in english
    assert "本条没有中文文本" not in chinese_page


def test_a_rule_without_a_chinese_text_says_so() -> None:
    world = LoggedWorld().honest()
    decided = world.verify(recipient="+16175550123", text="Your debt")
    world.sequenced()
    data = world.case_file(decided)
    assert "本条没有中文文本，以下为英文概述。" in shown(data, "zh-CN").text
    assert "没有中文文本" not in shown(data, "en").text


def test_a_changed_rule_gets_no_words_that_the_pack_does_not_say(denied: bytes) -> None:
    def change(file: Json) -> None:
        for row in file["rules"]["rows"]:
            if row["id"] in ("cn-hours", "cn-basis"):
                row["rule"] = "Send whenever you like."

    text = shown(changed(denied, change), "zh-CN").text
    assert text.count("Send whenever you like.") == 2
    assert "每日22:00至次日8:00不得以任何方式催收。" not in text
    assert "该同意应当由个人" not in text


def test_every_rule_of_china_and_of_anywhere_has_a_chinese_text_and_only_read_law_is_quoted() -> None:
    pack = shipped_packs()[0]
    for row in pack.rows:
        if row.jurisdiction in ("CN", "any", "*"):
            words = label("rule", row.id)
            assert words, row.id
            assert words.en == row.rule
        for group in ("whom", "exceptions", "source", "note"):
            words = label(f"rule_{group}", row.id)
            assert words is None or words.en == getattr(row, group)
    read = {row.id for row in pack.rows if row.confidence == "read"}
    assert QUOTATIONS.keys() <= read
    assert SOURCES.keys() <= {row.source for row in pack.rows}


def test_each_check_has_a_name_and_a_result_in_chinese(allowed: bytes, denied: bytes) -> None:
    for name in ("form", *bundle.CHECKS, "witness", "portfolio", "statement"):
        assert label("check", name), name
        assert label("check", f"{name}.subject"), name
        assert label("check", f"{name}.failed"), name
    for data in (allowed, denied, changed(denied, CHANGES["another text"][0])):
        for check in bundle.check(data, KEY).checks:
            words, whole = result(check)
            assert re.search("[\u4e00-\u9fff]", words.zh), check
            assert words.en == check.detail
            assert whole or not check.ok, f"a passed check without its Chinese sentence: {check.detail}"


def test_a_sentence_that_the_catalogue_lacks_is_shown_after_the_chinese_one() -> None:
    words, whole = result(Check("log", False, "<b>no such sentence</b>"))
    assert (words.zh, words.en, whole) == ("检查点没有该日志的有效签名。", "<b>no such sentence</b>", False)


def test_a_failed_check_never_gets_the_sentence_of_a_passed_one() -> None:
    words, _ = result(Check("log", False, "duecare.example/log signed its 22 entries"))
    assert words.zh == "检查点没有该日志的有效签名。"
    words, _ = result(Check("unknown", True, "x.example signed its 1 entries {origin}"))
    assert words.zh == "本项成立。"


def test_a_check_that_another_release_must_make_is_no_failure_in_words() -> None:
    words, _ = result(Check("replay", False, "made again it differs in reasons with x", other_engine=True))
    assert "由其他版本作出" in words.zh


def test_the_chains_and_the_engine_are_named_in_chinese() -> None:
    heads = "every statement up to the heads that the record names: 3 in that of mou-zichan, 1 in that of *"
    erased = "; 2 were erased, so nobody can check what they said"
    words, whole = result(Check("chains", True, heads + erased))
    assert whole
    assert "mou-zichan 链至第 3 位、* 链至第 1 位；其中 2 份已被删除" in words.zh
    engine = "duecare-core 2.0.0; phonenumbers 9.0.43; tzdata 2026.6"
    words, whole = result(Check("engine", True, f"{engine}, released in entry 1 of the log"))
    assert (words.zh, whole) == (f"{engine}，其发布载于日志第 1 条", True)


def test_words_come_before_codes(denied: bytes) -> None:
    text = shown(denied, "zh-CN").text
    for code in json.loads(denied)["decision"]["record"]["reasons"]:
        assert text.index(chinese(REASONS[code].zh)) < text.index(code)
    assert "中国大陆 CN" in text
    assert re.search("每条催收短信都须写明退订方式，无论是否属于营销。 ?cn-opt-out", text)


NOTICE = "同意通过短信接收还款提醒".encode()


@pytest.mark.parametrize(("content", "said"), [(NOTICE, "SAME"), (NOTICE + b"\n", "DIFFERENT")])
@pytest.mark.parametrize("from_a_file", [False, True])
def test_the_page_has_the_command_that_compares_the_wording_of_the_consent(
    tmp_path: Path, content: bytes, said: str, from_a_file: bool
) -> None:
    digest = "sha256:" + hashlib.sha256(NOTICE).hexdigest()
    world = LoggedWorld()
    world.register()
    world.engage()
    if from_a_file:
        imports = Imports(world)
        imports.rooted(as_csv([debt_members(world.now)]), 1)
        members = json.dumps(consent_members(world.now, notice=digest)).encode()
        imports.rooted(members, 1, kind="consent", format="jsonl")
    else:
        world.accepted("mou-zichan", "debt", **debt_members(world.now))
        world.accepted("mou-zichan", "consent", **consent_members(world.now, notice=digest))
    decided = world.verify(text="【某资产】您欠款27911元,退订回T")
    world.sequenced()
    html = render(bundle.check(world.case_file(decided), KEY), language="both", show_number=False)
    command = re.search("<pre>(test .*)</pre>", html)
    assert command
    assert "not prove that the recipient saw this wording" in html
    (tmp_path / "notice.txt").write_bytes(content)
    shell = ["/bin/sh", "-c", unescape(command[1])]
    assert subprocess.run(shell, cwd=tmp_path, capture_output=True, text=True, check=True).stdout == f"{said}\n"


def test_a_digest_that_is_none_makes_no_command(allowed: bytes) -> None:
    def change(file: Json) -> None:
        for one in file["statements"]:
            header, payload, signature = one["jws"].split(".")
            members = json.loads(base64.urlsafe_b64decode(payload + "=="))
            if "notice" in members:
                members["notice"] = 'sha256:"; rm -r ~; "'
                payload = base64.urlsafe_b64encode(json.dumps(members).encode()).decode().rstrip("=")
                one["jws"] = f"{header}.{payload}.{signature}"

    html = render(bundle.check(changed(allowed, change), KEY), language="both", show_number=False)
    assert "openssl" not in html
    assert "no wording can be compared with it" in html


def test_the_style_breaks_no_word_and_prints_no_gap(allowed: bytes) -> None:
    html = render(bundle.check(allowed, KEY), language="both", show_number=False)
    style = html.partition("<style>")[2].partition("</style>")[0]
    assert "break-all" not in style
    narrow = style.partition("@media screen and (max-width: 640px)")[2].partition("@media print")[0]
    assert "table, tbody, tr, th, td { display: block; width: auto; }" in narrow
    assert not re.search(r"\.(?:card|rule|facts) \{[^}]*break-inside: avoid", style)
    assert "tr { break-inside: avoid; }" in style
    assert "thead { display: table-header-group; }" in style
    # A narrow screen hides the heads of wide tables, so each of their cells names its column.
    for tag, attributes in Page(html).elements:
        if tag == "td" and "data-column" in attributes:
            assert attributes["data-column"]
    assert html.count('data-column="结果 Result"') == 1 + len(bundle.CHECKS)
