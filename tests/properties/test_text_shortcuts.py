"""What reading a text skips, it would not have found: each short cut is held to the long way round."""

from __future__ import annotations

import re
from collections.abc import Iterable
from re import _parser
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from duecare_core.domain.text import amount_meaning as meaning
from duecare_core.domain.text import numeral_runs as runs
from duecare_core.domain.text.currencies import FIRST_OF_A_MARK, LAST_OF_A_MARK, mark_after, mark_before
from duecare_core.domain.text.folding import _FOLDED, _MIXED, fold, skeleton_of, skeleton_pattern
from duecare_core.domain.text.phrases import _LETTERS_AND_DIGITS, Phrase, Phrases, searchable
from duecare_core.domain.text.reader import _PHRASES
from tests.properties.test_text import RULES, TEXTS

MANY = settings(max_examples=1000, deadline=None)
CHARACTERS = "数几好上十百千万元角分欠,.;。!\n 1279olia$¥@|"
WORDS = [*meaning._MEANINGS, *runs._SPELLED_OUT, *CHARACTERS, "(含", "rs.", "us$", "p图"]
ANY = st.one_of(
    st.text(max_size=80),
    st.text(alphabet="oil|a1279$¥@!,. 元块万\n", max_size=40),
    st.lists(st.sampled_from(WORDS), max_size=30).map("".join),
    st.sampled_from(TEXTS),
)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.begins], ids=lambda rule: rule.rule)
def test_every_match_of_a_rule_begins_as_the_rule_says(rule: Phrase) -> None:
    begins = re.compile(skeleton_pattern(rule.begins))
    matches = beginnings(_parser.parse(skeleton_pattern(rule.pattern), re.VERBOSE))
    assert [match for match in sorted(matches) if not begins.match(match)] == []


def beginnings(parsed: Iterable[tuple[Any, Any]]) -> set[str]:
    """The first two characters of all that a pattern matches, "?" being any character."""
    begun = {""}
    for op, what in parsed:
        begun = {(begin + more)[:2] for begin in begun for more in _goes_on(str(op), what)}
    return begun


def _goes_on(op: str, what: Any) -> set[str]:
    match op:
        case "LITERAL" | "ANY" | "IN":
            one_of = what if op == "IN" else [(op, what)]
            return {chr(one) if str(kind) == "LITERAL" else "?" for kind, one in one_of}
        case "BRANCH":
            return set().union(*map(beginnings, what[1]))
        case "SUBPATTERN":
            return beginnings(what[-1])
        case "MAX_REPEAT" | "MIN_REPEAT":
            least, most, repeated = what
            return set().union(*(beginnings([*repeated] * times) for times in range(least, min(most, least + 2) + 1)))
        case "ASSERT" | "ASSERT_NOT":
            return {""}
    raise AssertionError(f"{op}: how a match of this begins is for `beginnings` to say")


@MANY
@given(text=st.one_of(ANY, st.lists(st.sampled_from([a for rule in RULES for a in rule.anchors])).map("".join)))
def test_the_candidates_are_all_rules_of_which_an_anchor_occurs(text: str) -> None:
    said = searchable(skeleton_of(fold(text)))
    occurring = {rule.rule: {anchor for anchor in rule.anchors if anchor in said.chars} for rule in RULES}
    tried = {rule.rule: set(anchors) for rule, anchors in _PHRASES.candidates(said)}
    assert tried == {rule: anchors for rule, anchors in occurring.items() if anchors}


def test_an_anchor_is_found_in_itself_whatever_alphabets_it_mixes() -> None:
    for anchor in ("拒", "退t", "p图", "图p", "s8", "x", "x图x"):
        rule = Phrase(rule="a.b", code="A", anchors=(anchor,), pattern=anchor)
        assert Phrases([rule]).candidates(searchable(fold(f"的{anchor}的"))) == [(rule, [anchor])]


def test_what_is_searched_is_what_is_alphanumeric() -> None:
    for char in map(chr, range(0x110000)):
        assert bool(_LETTERS_AND_DIGITS.match(char)) is char.isalnum()


@MANY
@given(text=ANY)
def test_a_text_is_folded_character_by_character(text: str) -> None:
    folded = fold(text)
    assert folded.chars == "".join(map(_FOLDED.__getitem__, text))
    assert list(folded.at) == [at for at, char in enumerate(text) for _ in _FOLDED[char]]


@MANY
@given(text=ANY)
@example("1!a")
@example("a!")
def test_a_word_is_mixed_where_a_letter_meets_a_digit_or_a_sign(text: str) -> None:
    assert bool(_MIXED.search(text)) is bool(re.search(r"[a-z][@$!0-9]|[@$0-9][a-z]", text))


@MANY
@given(text=ANY)
def test_nothing_is_confused_without_one_of_the_letters(text: str) -> None:
    if runs._CONFUSED.search(text):
        assert runs._LETTER.search(text)


def test_no_number_is_spelled_out_without_two_letters() -> None:
    assert all(runs._TWO_LETTERS.search(word) for word in runs._SPELLED_OUT)


@MANY
@given(text=ANY)
def test_a_vague_number_is_several_of_a_unit(text: str) -> None:
    plain = re.compile("[数几好上][十百千万亿]{1,2}(?=[元块])|[数几][十百千]?[万亿]")
    assert [m.span() for m in runs._APPROXIMATE.finditer(text)] == [m.span() for m in plain.finditer(text)]


@MANY
@given(text=ANY)
def test_no_mark_begins_or_ends_with_another_character(text: str) -> None:
    for at in range(len(text)):
        assert text[at] in FIRST_OF_A_MARK or mark_after(text, at) is None
        assert text[at] in LAST_OF_A_MARK or mark_before(text, at + 1) is None


@MANY
@given(text=ANY, cut=st.integers(min_value=0, max_value=20))
def test_the_words_that_say_what_an_amount_is_are_found_wherever_they_stand(text: str, cut: int) -> None:
    end = max(0, len(text) - cut)
    found, read_to = [], 0
    for match in re.compile("[a-z]+|.", re.DOTALL).finditer(text, 0, end):
        start, begun = match.start(), meaning._BY_BEGINNING.get(match[0], ())
        whole = [word for word in begun if re.compile(re.escape(word) + "(?!(?<=[a-z])[a-z])").match(text, start)]
        if whole and start >= read_to:
            found.append((start, max(whole, key=len)))
            read_to = start + len(found[-1][1])
    assert list(meaning._words(text, end)) == found


@MANY
@given(text=ANY, cut=st.integers(min_value=0, max_value=20))
def test_a_clause_ends_at_a_sign_but_not_inside_a_number(text: str, cut: int) -> None:
    end = max(0, len(text) - cut)
    told = meaning.Qualifiers(text, end)
    clause, sentence = re.compile(r"[。;!?\n]|,(?!\d)|\.(?= |$)"), re.compile(r"[。;!?\n]|\.(?= |$)")
    assert told.clauses == [0, *(match.end() for match in clause.finditer(text, 0, end)), end]
    assert told.sentences == [0, *(match.end() for match in sentence.finditer(text, 0, end))]
