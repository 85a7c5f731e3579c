"""What the local AWS keeps of its pollers over a restart, and must not."""

from __future__ import annotations

import json
from pathlib import Path

from tools.ministack import _begin_streams_anew


def test_pollers_begin_a_stream_anew_and_keep_all_else(tmp_path: Path) -> None:
    state = tmp_path / "lambda.json"
    mapping = {"__account_region_scoped__": True, "data": {"a\0b\0'uuid'": {"UUID": "uuid"}}}
    positions = {"__account_region_scoped__": True, "data": {"a\0b\0'uuid'": 19}}
    kept = {"__ministack_format__": 1, "payload": {"esms": mapping, "dynamodb_stream_positions": positions}}
    state.write_text(json.dumps(kept))
    _begin_streams_anew(state)
    positions["data"] = {}
    assert json.loads(state.read_text()) == kept
    assert list(tmp_path.iterdir()) == [state]


def test_a_state_that_is_not_there_or_is_another_stays_as_it_is(tmp_path: Path) -> None:
    state = tmp_path / "lambda.json"
    _begin_streams_anew(state)
    assert not state.exists()
    for text in ("", "[]", '{"payload": {}}', '{"payload": {"dynamodb_stream_positions": 1}}'):
        state.write_text(text)
        _begin_streams_anew(state)
        assert state.read_text() == text
