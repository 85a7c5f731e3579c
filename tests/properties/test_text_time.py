"""However a text is made, reading it takes no longer than a text may.

The limit is five milliseconds of a small machine, of this thread's processor time, for the best of a few runs, with
garbage collection off: only the text can exceed it. Machines differ, and one that others use is slower for minutes: so
it is measured by a fixed piece of work that takes five milliseconds there, done in between. The worst of these texts
takes half as long.
"""

from __future__ import annotations

import gc
import json
import random
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from duecare_core.domain.text.forbidden import PHRASES
from duecare_core.domain.text.reader import find_senders, read
from duecare_core.domain.text.required_wording import DISCLOSURE, OPT_OUT

LIMIT = 0.005  # seconds of the small machine
LONGEST = 2_000  # characters; what is longer is refused before it is read
MIXED = 1_000  # characters of everything at once, twice as many as the longest text that a handset puts together
ROUNDS = 5

CORPUS = Path(__file__).parents[1] / "corpus" / "texts.jsonl"
TEXTS = [json.loads(line)["text"] for line in CORPUS.read_text("utf-8").splitlines()]
PIECES = [
    "😀",
    "1",
    "12",
    "1,",
    "1元",
    "$1",
    "$",
    "元",
    "10,",
    "①",
    "公",
    "公安",
    "通知",
    "通知家",
    "我是",
    "我们是",
    "欠",
    "欠款",
    "一",
    "万",
    "一万",
    "零",
    "1万",
    "a",
    "o1",
    "l",
    "o",
    "the",
    "tellyour",
    "not",
    "never",
    "stop",
    "reply",
    "回T",
    "退订",
    "【",
    "[",
    "【a】",
    "ab",
    "police",
    "a.",
    "a0",
    "due",
    "minimumamount",
    "pay5",
    "pay500",
    "还500",
    "hundred",
    "one",
    "twenty-",
    "(含",
    "(",
    "数万元",
    "1*2*3*",
    "-1-1",
    "1-2元",
    "$1-2",
    "rs",
    "rs1",
    "冻结",
    "列入",
    "让你",
    "要你",
    "你妈",
    "是",
    "让",
    "联系",
    "联系我",
    "到",
    "post",
    "sharea",
    "sendxto",
    "will",
    "yourfamilyand",
    "officerfrom",
    "thisisofficer",
    "fir",
    "ss",
    "ß",
    "İ",
    "ﷺ",
    "ﷻ",
    "㍿",
    "ﬃ",
    "각",
    "⑳",
    "½",
    "。",
    ",",
    "尾号1",
    "1.1.1.",
    "1'1'",
    "1·1",
    "爆",
    "打断",
    "卸",
    "堵",
    "限制",
    "注销",
    "申请冻结",
    "法院冻结",
    "全家",
    "你就是",
    "pretendingtobethe",
    "stopto12345",
    "unsubscribefromour",
    "cancelofof",
    "debtcollector",
    "attemptingtocollecta",
    "fromadebt",
    "b0s$",
    "k!ll",
    "@rrest",
    "¥【1",
    "“1”",
    "1k",
    "欠款我司",
    "共计",
    "owe",
    "amountingto",
]
UNSEEN = [" ", "\n", "\u0301", "\u202e", "\u200d", "\u200f", "\x00", "\ud800", "\u3164", "\U000e0041"]
# The anchors of the rules: a text made of these takes the most time.
ANCHORS = [anchor for rule in (*PHRASES, *OPT_OUT, *DISCLOSURE) for anchor in rule.anchors]


def hostile_texts() -> Iterator[str]:
    """Texts without end: repetitions of one thing, mixtures, all characters there are, mangled texts of the corpus."""
    rng = random.Random(20261124)
    pieces = [*PIECES, *UNSEEN]
    for piece in pieces:
        yield (piece * LONGEST)[:LONGEST]
        yield (f"{piece} " * LONGEST)[:LONGEST]
    for first in range(0x20, 0x20000, MIXED):
        yield "".join(map(chr, range(first, first + MIXED)))
    for _ in range(400):
        yield "".join(rng.choices(pieces, k=rng.randrange(1, 450)))[:MIXED]
    for _ in range(150):
        yield "".join(rng.choices(ANCHORS, k=rng.randrange(1, 300)))[:MIXED]
        yield rng.choice(("", " ")).join(rng.choices(rng.sample(ANCHORS, 5), k=200))[:MIXED]
    while True:
        text = list(rng.choice(TEXTS) * rng.choice((1, 1, 1, 1, 4)))
        for _ in range(rng.randrange(40)):
            text.insert(rng.randrange(len(text) + 1), rng.choice(pieces))
        yield "".join(text)[:MIXED]


@contextmanager
def no_collections() -> Iterator[None]:
    """A collection of all that other tests left is no text's fault."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def cpu_time(text: str) -> float:
    """Seconds that reading it takes, as a decision reads it."""
    start = time.thread_time()
    read(text)
    find_senders(text).are_among(["某资产", "Acme"])
    return time.thread_time() - start


_WORDS = re.compile(r"[a-z]+|\d+(?:[.,]\d+)*|[一-龥]{1,3}")
_WORK = "you owe 27,911.50 元 to 某资产, 退订回T. " * 25


def yardstick() -> float:
    """Seconds that the fixed piece of work takes here and now: patterns and small objects, as reading a text does."""
    start = time.thread_time()
    for _ in range(60):
        lengths: dict[str, int] = {}
        for match in _WORDS.finditer(_WORK):
            lengths[match[0]] = lengths.get(match[0], 0) + match.end() - match.start()
    return time.thread_time() - start


def slower_than(limit: float, texts: Iterable[str]) -> dict[str, float]:
    """The texts that take longer in every one of a few rounds, each held against the yardstick of its round; and how
    many seconds of the small machine they take."""
    slow: dict[str, float] = {}
    with no_collections():
        for text in texts:
            if cpu_time(text) > limit / 5:  # also where a machine is twice as fast as any known
                slow[text] = limit
        for _ in range(ROUNDS):
            here = min(yardstick() for _ in range(3)) / LIMIT
            slow = {text: min(cpu_time(text) for _ in range(3)) / here for text in slow}
            slow = {text: seconds for text, seconds in slow.items() if seconds > limit}
    return {text[:60]: seconds for text, seconds in slow.items()}


def test_ten_thousand_hostile_texts_are_each_read_within_the_limit() -> None:
    assert slower_than(LIMIT, islice(hostile_texts(), 10_000)) == {}


def test_a_text_too_long_to_be_accepted_takes_no_longer_for_its_length() -> None:
    """A text of eight times the maximum length takes no more than eight limits, for any repeated content."""
    pieces = [*PIECES, *UNSEEN, "7", "7,", "欠款7"]
    assert slower_than(8 * LIMIT, ((piece * 8 * LONGEST)[: 8 * LONGEST] for piece in pieces)) == {}
