"""The same rows have the same root, whatever the format, charset, compression and order of columns of their file."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.imports import SEED, root_of
from tests.unit.evidence.test_rows_root import manifest

# Characters of both charsets; no NUL, which a row cannot hold.
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=12)
items = st.text(st.characters(exclude_characters="\0;", exclude_categories=("Cs",)), min_size=1, max_size=8)
REQUIRED = ("recipient", "debt_ref", "currency", "outstanding", "as_of", "status")
rows = st.fixed_dictionaries(
    {"recipient": texts},
    optional={
        **dict.fromkeys([*REQUIRED[1:], "region", "subject"], texts),
        "collectors": st.lists(items, min_size=1, max_size=3),
    },
)


def as_csv(files_rows: list[dict[str, Any]], columns: list[str]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(
        {name: ";".join(value) if isinstance(value, list) else value for name, value in row.items()}
        for row in files_rows
    )
    return text.getvalue()


@given(st.lists(rows, min_size=1, max_size=8), st.randoms())
def test_csv_and_json_lines_have_the_same_root(files_rows: list[dict[str, Any]], chance: random.Random) -> None:
    columns = [*REQUIRED, "region", "subject", "collectors"]
    chance.shuffle(columns)
    as_csv_text = as_csv(files_rows, columns)
    lines = []
    for row in files_rows:
        members = list(row.items())
        chance.shuffle(members)
        lines.append(json.dumps(dict(members), ensure_ascii=chance.random() < 0.5) + "\n")
    roots = {
        root_of(manifest(rows=len(files_rows), format="csv"), as_csv_text.encode(), SEED),
        root_of(manifest(rows=len(files_rows), format="csv+gzip"), gzip.compress(as_csv_text.encode()), SEED),
        root_of(manifest(charset="gb18030"), as_csv_text.encode("gb18030"), SEED),
        root_of(manifest(format="jsonl"), "".join(lines).encode(), SEED),
        root_of(manifest(format="jsonl", charset="gb18030"), "".join(lines).encode("gb18030"), SEED),
    }
    assert len(roots) == 1


@given(st.lists(rows, min_size=2, max_size=6, unique_by=str))
def test_rows_in_another_order_have_another_root(files_rows: list[dict[str, Any]]) -> None:
    def root(some: list[dict[str, Any]]) -> str:
        data = "".join(json.dumps(one) + "\n" for one in some).encode()
        return root_of(manifest(format="jsonl"), data, SEED)

    assert root(files_rows) != root(files_rows[::-1])
