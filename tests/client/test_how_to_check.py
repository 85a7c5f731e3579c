"""docs/how-to-check-a-case-file.md, run: every command of it, on real case files, with nothing of this project."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from duecare_core.evidence.canonical import canonical
from duecare_core.evidence.casefile.bundle import CaseFile
from duecare_core.evidence.statement import sign
from tests.support.engines import need_engine
from tests.support.forger import accepted, published
from tests.support.logs import LOG_KEY, LoggedWorld
from tests.support.world import ISSUER, KEYS, NOW, RECIPIENT, consent_members, mandate_members, stamp
from tools.steps import ROOT

PAGE = (ROOT / "docs" / "how-to-check-a-case-file.md").read_text(encoding="utf-8")
SCRIPT = "".join(re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
SYSTEM = "/usr/bin:/bin"
VERIFIED = "Signature Verified Successfully"


def followed(folder: Path, data: bytes) -> subprocess.CompletedProcess[str]:
    lacking = [name for name in ("bash", "openssl", "python3") if shutil.which(name, path=SYSTEM) is None]
    need_engine(
        f"The page needs {', '.join(lacking)}: on Debian apt-get install {' '.join(lacking)}" if lacking else None
    )
    (folder / "case.duecare.json").write_bytes(data)
    (folder / "log.key").write_text(LOG_KEY.verifier_key)
    # No path but the system's: nothing of this project can be found.
    environment = {"PATH": SYSTEM, "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", SCRIPT],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    world = LoggedWorld().honest()
    allowed = world.verify(message_id="allowed")
    world.accepted("xinxi", "opt-out", recipient=RECIPIENT, creditor="mou-zichan", received_at=stamp(world.now))
    denied = world.verify(message_id="denied", text="您欠款99999元,“再不还”就联系你的父母\n<b>&amp;</b>")
    unknown = world.verify(message_id="unknown", recipient="+8613900139000")
    world.sequenced()
    return {name: world.case_file(one) for name, one in (("a", allowed), ("d", denied), ("u", unknown))}


@pytest.mark.parametrize(("name", "statements"), [("a", 4), ("d", 4), ("u", 2)])
def test_the_page_checks_a_case_file_with_public_tools(
    tmp_path: Path, files: dict[str, bytes], name: str, statements: int
) -> None:
    ran = followed(tmp_path, files[name])
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count(VERIFIED) == 2 + statements
    said = ["the entry is in the log", "text: good", "number: good", "inputs: good", "rules: good", "chains: good"]
    assert [line for line in ran.stdout.splitlines() if line in said] == said
    answers = {"a": "ALLOW", "d": "DENY OPTED_OUT TEXT_SENDER TEXT_AMOUNT", "u": "DENY CONSENT_MISSING DEBT_MISSING"}
    assert f"RESULT: the receipt and the record in the log agree: {answers[name]}" in ran.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("there", "here"),
    [
        (b'"decision":"deny"', b'"decision":"allow"'),
        ("99999元".encode(), "99998元".encode()),
        (b'"recipient":"+86', b'"recipient":"+87'),
        (b"c2sp.org/tlog-proof@v1\\nindex ", b"c2sp.org/tlog-proof@v1\\nindex 1"),
    ],
    ids=["answer", "text", "number", "index"],
)
def test_followed_on_a_file_that_was_changed_it_ends_in_an_error(
    tmp_path: Path, files: dict[str, bytes], there: bytes, here: bytes
) -> None:
    changed = files["d"].replace(there, here)
    assert changed != files["d"]
    assert followed(tmp_path, changed).returncode != 0


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        ("consent", consent_members(NOW, recipient="+8613900139000")),
        ("mandate", mandate_members(NOW, collector="other-collector")),
    ],
)
def test_followed_on_a_file_that_the_operator_composed_it_ends_in_an_error(
    tmp_path: Path, files: dict[str, bytes], kind: str, members: dict[str, Any]
) -> None:
    """Every signature in it is good, and one statement is about something else."""
    case = msgspec.json.decode(files["a"], type=CaseFile)
    claims = {"iss": "mou-zichan", "aud": ISSUER, "iat": int(NOW.timestamp()), **members}
    other = accepted(sign(kind, claims, KEYS["mou-zichan"]), NOW)
    composed = tuple(other if one.record.kind == kind else one for one in case.statements)
    ran = followed(tmp_path, published(structs.replace(case, statements=composed)))
    assert ran.returncode != 0
    assert f"a {kind} is about something else" in ran.stderr


def test_its_helper_writes_the_form_that_digests_are_of(tmp_path: Path, files: dict[str, bytes]) -> None:
    import json  # noqa: PLC0415

    for data in files.values():
        value = json.loads(data)
        told = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
        assert told == canonical(value) == data


def test_the_page_compares_an_acknowledgement_with_the_chain(tmp_path: Path) -> None:
    world = LoggedWorld().honest()
    stop = world.state(
        "xinxi", "opt-out", recipient=RECIPIENT, creditor="mou-zichan", received_at=stamp(world.now)
    ).acknowledgement
    assert stop
    decided = world.verify(message_id="after")
    dispute = world.state(
        "xinxi", "dispute", recipient=RECIPIENT, creditor="mou-zichan", claim="paid", received_at=stamp(world.now)
    ).acknowledgement
    assert dispute
    world.sequenced()
    for token, there in ((stop, "there"), (dispute, "NOT THERE")):
        (tmp_path / "ack.jws").write_text(token)
        ran = followed(tmp_path, world.case_file(decided))
        assert ran.returncode == 0, ran.stderr
        assert re.search(rf"^acknowledged at .*: {there}$", ran.stdout, re.MULTILINE)


def test_the_page_refuses_a_chain_without_one_of_its_statements(tmp_path: Path, files: dict[str, bytes]) -> None:
    case = msgspec.json.decode(files["d"], type=CaseFile)
    ran = followed(tmp_path, published(structs.replace(case, chains=())))
    assert ran.returncode != 0
    assert "another head than the record" in ran.stderr
