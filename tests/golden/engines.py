"""The golden files of the engine: case files that it made, and its outcomes on a corpus.

Each engine has a folder of its own in `engines/`, which stays for good: case files of every released engine must verify
for ever. `engines/released.txt` names the released engines with the digest of their folders.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import phonenumbers
from msgspec import structs

from duecare_core.domain.facts.states import ConsentState, DebtState
from duecare_core.domain.location.locate import locate
from duecare_core.domain.rules.reply import read_reply
from duecare_core.domain.text.reader import read
from duecare_core.engine import engine
from duecare_core.evidence.casefile.inputs import clocks_between
from tests.support.asked import DEBT_REF, ask, facts, made, party
from tests.support.logs import LoggedWorld
from tests.support.packs import RULES
from tests.support.world import CASE_TEXT, DAY, RECIPIENT, stamp

ENGINES = Path(__file__).parent / "engines"
RELEASED = ENGINES / "released.txt"
OUTCOMES, LOG_KEY_FILE, CASE_FILE = "outcomes.jsonl", "log-key.txt", "*.duecare.json"
CORPUS = Path(__file__).parents[1] / "corpus" / "texts.jsonl"
BOTH_LANGUAGES = "【某资产】You owe 27911元. This is from a debt collector. 退订回T. Reply STOP to opt out."
REPLIES = [
    "T",
    "TD",
    "退订",
    "回T",
    "T。",
    "ｔ",
    "STOP",
    "stop!",
    "Stop please",
    "S T O P",
    "unsubscribe",
    "START",
    "恢复",
    "好的",
]


RAISE = (
    "A decision, finding, reading or place of the golden corpus changed: raise the version of duecare-core "
    "(layers/core/duecare_core/__init__.py), then run `python -m tests.golden.generate`."
)

ABROAD = [
    *("+12125550123", "+16175550123", "+442079460958", "+33612345678", "+919876543210", "+61292223333"),
    "+6281234567890",
]


def folder_name(name: str) -> str:
    return name.replace("; ", "_").replace(" ", "-")


def folder() -> Path:
    """That of the current engine."""
    return ENGINES / folder_name(engine())


def released() -> dict[str, str]:
    """Folder name → digest, of each released engine."""
    lines = RELEASED.read_text("utf-8").splitlines()
    return dict(line.split(" ") for line in lines if line and not line.startswith("#"))


def folder_digest(path: Path) -> str:
    listed = (f"{hashlib.sha256(file.read_bytes()).hexdigest()} {file.name}\n" for file in sorted(path.iterdir()))
    return hashlib.sha256("".join(listed).encode()).hexdigest()


# Case files


def case_files(sealer: Any, entropy: Any) -> dict[str, bytes]:
    """Name → case file. Between them: an allow and denials, a place of one zone and of several, a clock that changes,
    zones that are set aside, places that differ by debt, contacts, a stop and a START, and parties alone."""
    made = {
        "allow": _allowed,
        "text": _text,
        "night-before-the-clocks-change": _night,
        "zones-set-aside": _set_aside,
        "two-places": _two_places,
        "stop-and-start": _start,
        "parties-alone": _parties_alone,
    }
    files: dict[str, bytes] = {}
    for name, make in made.items():
        world = LoggedWorld(sealer=sealer, entropy=entropy)
        decided = make(world)
        world.sequenced()
        files[f"{name}.duecare.json"] = world.case_file(decided)
    return files


def _allowed(world: LoggedWorld) -> Any:
    world.honest()
    for number in range(2):
        world.verify(message_id=f"earlier-{number}")
    return world.verify(message_id="m-1")


def _text(world: LoggedWorld) -> Any:
    world.honest()
    return world.verify(text=CASE_TEXT.replace("27911", "9") + "再不还就联系你的父母", message_id="m-1")


def _night(world: LoggedWorld) -> Any:
    world.now = datetime(2026, 10, 31, 15, tzinfo=UTC)
    world.honest()
    world.consent(recipient="+12125550123")
    world.debt(recipient="+12125550123", as_of=stamp(world.now))
    world.now = datetime(2026, 11, 1, 3, tzinfo=UTC)
    return world.verify(recipient="+12125550123", text=BOTH_LANGUAGES, message_id="m-1")


def _set_aside(world: LoggedWorld) -> Any:
    world.now = datetime(2026, 11, 24, 2, tzinfo=UTC)
    world.honest()
    world.consent(recipient="+61412345678")
    world.debt(recipient="+61412345678", time_zone="Australia/Perth", region="AU-WA")
    return world.verify(recipient="+61412345678", text=BOTH_LANGUAGES, message_id="m-1")


def _two_places(world: LoggedWorld) -> Any:
    """When the cap opens, the first debt is stale, and another one of another place speaks for the message."""
    there = {"recipient": "+61292223333"}
    asked = there | {"text": BOTH_LANGUAGES}
    world.now = datetime(2026, 11, 24, 2, tzinfo=UTC)
    world.honest()
    world.consent(**there)
    world.debt(**there, region="AU-QLD", time_zone="Australia/Brisbane", debt_ref="A-2", as_of=stamp(world.now - DAY))
    until = stamp(world.now + 6 * DAY)
    world.debt(**there, region="AU-NSW", debt_ref="A-1", as_of=stamp(world.now), valid_until=until)
    for number in range(3):
        world.verify(**asked, message_id=f"a-{number}", debt_ref="A-1")
    world.now += 2 * DAY
    return world.verify(**asked, message_id="m-1")


def _start(world: LoggedWorld) -> Any:
    world.honest()
    world.verify(message_id="earlier")
    world.now += timedelta(minutes=1)
    reply = {"recipient": RECIPIENT, "message_id": "earlier"}
    world.accepted("xinxi", "reply", **reply, text="T", received_at=stamp(world.now))
    world.now += timedelta(minutes=1)
    world.accepted("xinxi", "reply", **reply, text="START", received_at=stamp(world.now))
    return world.verify(message_id="m-1")


def _parties_alone(world: LoggedWorld) -> Any:
    world.honest()
    world.now += timedelta(minutes=1)
    world.route(status="revoked", as_of=stamp(world.now))
    return world.verify(message_id="m-1")


# Outcomes


def outcomes() -> bytes:
    """One JSON value a line: each reading, decision and place of the corpus."""
    lines = (*_texts(), *_replies(), *_places(), *_hours(), *_caps())
    return b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines)


def _decision(decision: Any) -> list[Any]:
    retry_at = decision.retry_at and stamp(decision.retry_at)
    found = [[one.code, one.rule, one.start, one.end] for one in decision.findings]
    return [list(decision.codes), found, retry_at, decision.good_for.total_seconds(), list(decision.regions)]


def _texts() -> Iterator[list[Any]]:
    """Each text: what is read in it, and the decision about it at noon."""
    for row in map(json.loads, CORPUS.read_text("utf-8").splitlines()):
        american = row.get("us_collector", False)
        changes = facts()
        debt = structs.replace(
            changes["debts"][DEBT_REF].newest, currency=row["currency"], outstanding=Decimal(row["outstanding"])
        )
        names = {"sender_names": tuple(row["sender_names"])}
        decision = ask(
            datetime(2026, 11, 24, 17 if american else 4, tzinfo=UTC),
            number="+12125550123" if american else RECIPIENT,
            text=row["text"],
            debts={DEBT_REF: DebtState(debt)},
            creditor=structs.replace(party("mou-zichan", "creditor"), **names),
            collector=structs.replace(party("keji", "collector"), sender_names=()),
        )
        reading = read(row["text"])
        amounts = [
            [str(one.amount), sorted(one.currencies), one.meaning.name, one.start, one.end] for one in reading.amounts
        ]
        others = msgspec.to_builtins(structs.replace(reading, amounts=()))
        digest = hashlib.sha256(json.dumps(others, sort_keys=True).encode()).hexdigest()[:16]
        yield ["text", hashlib.sha256(row["text"].encode()).hexdigest()[:16], amounts, digest, _decision(decision)]


def _replies() -> Iterator[list[Any]]:
    at = datetime(2026, 11, 24, tzinfo=UTC)
    return (["reply", text, read_reply(text, RULES, at).value] for text in REPLIES)


def _numbers() -> Iterator[str]:
    """A mobile and a fixed number of each country, and others."""
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE):
            if example := phonenumbers.example_number_for_type(region, kind):
                yield phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    yield from ("+12085550123", "+19075810123", "+18005550123", "+88216123456", "+61412345678", "+79161234567")


def _places() -> Iterator[list[Any]]:
    """Each number: its regions, and its clocks in a year."""
    first = datetime(2026, 1, 1, tzinfo=UTC)
    for number in dict.fromkeys(_numbers()):
        place = locate(number)  # type: ignore[arg-type]
        clocks = sorted(clocks_between(place.zones, first, first + 365 * DAY).items())
        digest = hashlib.sha256(json.dumps(clocks).encode()).hexdigest()[:16]
        yield ["place", number, list(place.regions), len(clocks), digest]


def _hours() -> Iterator[list[Any]]:
    """Every fifth hour of a week, in countries with rules of their own and in others."""
    for number in (RECIPIENT, *ABROAD, "+5511987654321", "+21261234567", "+88216123456"):
        for step in range(0, 7 * 24, 5):
            at = datetime(2026, 10, 30, tzinfo=UTC) + timedelta(hours=step)
            yield ["hours", number, stamp(at), _decision(ask(at, number=number))]


def _caps() -> Iterator[list[Any]]:
    for number in (RECIPIENT, "+16175550123", "+61292223333", "+33612345678"):
        for count in range(0, 10, 3):
            at = datetime(2026, 11, 24, 15 if number.startswith("+1") else 9, tzinfo=UTC)
            past = [made(at - timedelta(hours=5 * (one + 1)), f"m-{one}") for one in range(count)]
            revoked = {"consents": {"sms": ConsentState()}} if count == 9 else {}
            yield ["caps", number, count, _decision(ask(at, past, number=number, **revoked))]
