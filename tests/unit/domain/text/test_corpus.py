"""Every text of the corpus is read as its label demands. Texts that were once misread stay in it, with their `why`."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from duecare_core.domain.text.reader import find_senders, read

CORPUS = Path(__file__).parents[3] / "corpus" / "texts.jsonl"
ROWS = [json.loads(line) for line in CORPUS.read_text("utf-8").splitlines()]


def reasons(row: dict[str, Any]) -> list[str]:
    """The reasons that the text alone gives, in the contract's order."""
    text, outstanding = row["text"], Decimal(row["outstanding"])
    reading = read(text)
    found = {
        "TEXT_SENDER": not find_senders(text).are_among(row["sender_names"]),
        "TEXT_AMOUNT": not all(claim.borne_out(row["currency"], outstanding) for claim in reading.amounts),
        "TEXT_OPT_OUT": reading.opt_out is None,
        "TEXT_DISCLOSURE": row.get("us_collector", False) and reading.disclosure is None,
        "TEXT_FORBIDDEN": bool(reading.forbidden),
    }
    return [code for code, holds in found.items() if holds]


@pytest.mark.parametrize("row", ROWS, ids=[f"line-{number}" for number in range(1, len(ROWS) + 1)])
def test_a_text_reads_as_labelled(row: dict[str, Any]) -> None:
    assert reasons(row) == row["expected"], row.get("why")


def test_the_corpus_is_large_half_chinese_half_honest_and_repeats_nothing() -> None:
    assert len({row["text"] for row in ROWS}) == len(ROWS)
    for half in (
        sum(row["language"] == "zh" for row in ROWS),
        sum(not row["expected"] for row in ROWS),
    ):
        assert 0.38 < half / len(ROWS) < 0.62
