"""The exact bytes of what others verify: a change here breaks evidence that courts already hold."""

from __future__ import annotations

import pytest

from tests.golden.generate import HERE, files

FILES = files()


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_bytes_are_as_they_were(name: str) -> None:
    assert (HERE / name).read_bytes() == FILES[name]


def test_no_golden_file_is_left_behind() -> None:
    kept = {path.name for path in HERE.iterdir() if path.suffix in (".json", ".jws")}
    assert kept == set(FILES)
