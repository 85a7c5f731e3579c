"""Case files of every engine verify for ever, and the current engine's outcomes change only with its version."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from duecare_core import __version__
from duecare_core.engine import engine
from duecare_core.evidence.casefile import bundle
from duecare_core.evidence.casefile.outcome import CaseFileOutcome
from duecare_core.released import RELEASED
from tests.golden import engines
from tests.golden.generate import Open, entropy, write_engine
from tests.unit.domain.location.test_localtime import old_zone_file

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(path for path in engines.ENGINES.iterdir() if path.is_dir())
CASE_FILES = [file for folder in FOLDERS for file in sorted(folder.glob(engines.CASE_FILE))]
# The recipient's countries of the golden case files, with the clocks of no release of the time zones.
MOVED = ["Asia/Shanghai", "America/New_York", "Australia/Brisbane", "Australia/Sydney", "Australia/Perth"]
CHECK = """
import json, sys
from pathlib import Path
from zoneinfo import ZoneInfo
import phonenumbers
if sys.argv[1] == "another":
    phonenumbers.__version__ = "8.13.50"  # of another release; a real one was tried by hand
from duecare_core.evidence.casefile import bundle
key = sys.argv[2]
for name in sys.argv[3:]:
    verdict = bundle.check(Path(name).read_bytes(), key)
    print(json.dumps([verdict.ok, [one.name for one in verdict.checks if not one.ok]]))
"""


def key_of(folder: Path) -> str:
    return (folder / engines.LOG_KEY_FILE).read_text("utf-8").strip()


@pytest.mark.parametrize("file", CASE_FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_engines_case_files_verify(file: Path) -> None:
    """A later engine may come to another answer, and then says so; it never takes the file for a changed one."""
    verdict = bundle.check(file.read_bytes(), key_of(file.parent))
    own = file.parent == engines.folder()
    is_other = verdict.outcome is CaseFileOutcome.OTHER_ENGINE
    assert verdict.ok or (is_other and not own), [one for one in verdict.checks if not one.ok]
    assert verdict.case
    assert engines.folder_name(verdict.case.decision.record.engine) == file.parent.name


def test_the_core_knows_the_versions_that_have_golden_files() -> None:
    """Only a version that was released excuses another answer, and each has its golden files."""
    assert {path.name.partition("_")[0].removeprefix("duecare-core-") for path in FOLDERS} == RELEASED
    assert __version__ in RELEASED
    assert {engines.folder_name(f"duecare-core {one}") for one in RELEASED} >= {
        name.partition("_")[0] for name in engines.released()
    }


def test_no_decision_finding_reading_or_place_changes_without_a_new_version() -> None:
    folder = engines.folder()
    assert folder.is_dir(), f"{engine()} has no golden files: run `python -m tests.golden.generate`."
    made, golden = engines.outcomes().splitlines(), (folder / engines.OUTCOMES).read_bytes().splitlines()
    changed = [
        f"{one.decode()}\n  was {other.decode()}" for one, other in zip(made, golden, strict=False) if one != other
    ]
    assert made == golden, f"{engines.RAISE}\n{len(changed)} outcomes changed, for example:\n" + "\n".join(changed[:3])


def test_the_folders_of_released_engines_are_as_they_were() -> None:
    for name, digest in engines.released().items():
        assert engines.folder_digest(engines.ENGINES / name) == digest, name


def test_the_current_engines_case_files_show_what_replays_need() -> None:
    made = engines.case_files(Open(), entropy)
    assert set(made) == {file.name for file in engines.folder().glob(engines.CASE_FILE)}
    inputs = {name.partition(".")[0]: json.loads(data)["inputs"] for name, data in made.items()}
    zones = {name: [one["zones"] for one in found.get("places", [])] for name, found in inputs.items()}
    assert zones["allow"] == [{"Asia/Shanghai": "+08:00"}]
    assert zones["night-before-the-clocks-change"] == [{"America/New_York": "-04:00 2026-11-01T06:00:00Z -05:00"}]
    assert zones["two-places"] == [
        {"Australia/Broken_Hill": "+10:30", "Australia/Sydney": "+11:00"},
        {"Australia/Brisbane": "+10:00", "Australia/Sydney": "+11:00"},
    ]
    assert zones["parties-alone"] == []
    assert inputs["zones-set-aside"]["places"][0]["set_aside"]
    assert inputs["stop-and-start"]["starts"]


def test_the_generator_refuses_to_change_the_outcomes_of_a_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "ENGINES", tmp_path)
    monkeypatch.setattr(engines, "RELEASED", tmp_path / "released.txt")
    (tmp_path / "released.txt").write_text("# none\n")
    monkeypatch.setattr(engines, "outcomes", lambda: b"[1]\n")
    write_engine(unreleased=False)
    monkeypatch.setattr(engines, "outcomes", lambda: b"[2]\n")
    with pytest.raises(SystemExit, match="raise the version of duecare-core"):
        write_engine(unreleased=False)
    assert (engines.folder() / engines.OUTCOMES).read_bytes() == b"[1]\n"
    write_engine(unreleased=True)
    assert (engines.folder() / engines.OUTCOMES).read_bytes() == b"[2]\n"
    (tmp_path / "released.txt").write_text(f"{engines.folder().name} {engines.folder_digest(engines.folder())}\n")
    monkeypatch.setattr(engines, "outcomes", lambda: b"[3]\n")
    with pytest.raises(SystemExit, match="raise the version of duecare-core"):
        write_engine(unreleased=True)


@pytest.mark.parametrize("release", ["same", "another"])
def test_a_case_file_verifies_the_same_with_an_old_zone_database_and_another_release_of_the_number_tables(
    tmp_path: Path, release: str
) -> None:
    for name in MOVED:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(old_zone_file(3 * 3600))
    files = [str(file) for file in CASE_FILES if file.parent == engines.folder()]
    environment = os.environ | {"PYTHONTZPATH": str(tmp_path), "PYTHONPATH": str(ROOT / "layers" / "core")}
    command = [sys.executable, "-c", CHECK, release, key_of(engines.folder()), *files]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert [json.loads(line) for line in ran.stdout.splitlines()] == [[True, []]] * len(files)
