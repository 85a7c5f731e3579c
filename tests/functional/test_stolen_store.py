"""A thief has the table (or a backup of it), the archive and the log, and no key. No number and no text is found by
trying, and no decision leads to the recipient's facts."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from duecare_core.domain.fields import E164
from duecare_core.errors import BadEvidence
from duecare_core.evidence import packing
from duecare_core.evidence.pseudonyms import Pseudonyms
from duecare_core.evidence.record import text_digest
from tests.functional.conftest import RECIPIENT, Stack
from tests.functional.files import imported
from tests.support import events, tables
from tests.support.imports import as_csv
from tests.support.world import CASE_TEXT, DAY, debt_members, stamp

OTHER = "+8613912340000"  # in the uploaded file
SPELLINGS = [form for number in (RECIPIENT, OTHER) for form in (number, number[1:], number[3:])]
# A digest is recognised by its first bytes, so that a shortened one is found too.
PREFIX = 8
_TOKEN = re.compile(rb"[A-Za-z0-9_+/-]{16,}={0,2}")
_HEX = re.compile(rb"[0-9a-f]{32,}")


class Stolen(NamedTuple):
    """Every value in the store by its place: names and texts as they are, bytes as they are."""

    values: list[tuple[str, bytes]]

    def of(self, *places: str) -> Stolen:
        return Stolen([(place, value) for place, value in self.values if place.startswith(places)])

    def readable(self) -> Iterator[bytes]:
        """Every value, and all that can be made of it without a key: unpacked, and decoded from base64 and hex."""
        for _, value in self.values:
            for one in (value, *_unpacked(value)):
                yield one
                yield from _decoded(one)

    def holds(self, text: bytes) -> list[str]:
        """The places in which this text is found, as it is or in another form."""
        return [one[0] for one in self.values if any(text in form for form in Stolen([one]).readable())]

    def windows(self, size: int) -> set[bytes]:
        return {one[at : at + size] for one in self.readable() for at in range(len(one) - size + 1)}


def _unpacked(value: bytes) -> Iterator[bytes]:
    for at in range(len(value)):
        with suppress(BadEvidence):
            yield packing.unpack(value[at:])


def _decoded(value: bytes) -> Iterator[bytes]:
    for token in _TOKEN.findall(value):
        with suppress(ValueError):
            yield base64.urlsafe_b64decode(token.rstrip(b"=") + b"=" * (-len(token.rstrip(b"=")) % 4))
    for token in _HEX.findall(value):
        with suppress(ValueError):
            yield bytes.fromhex(token.decode())


def stolen(stack: Stack) -> Stolen:
    values: list[tuple[str, bytes]] = []
    for item in stack.everything():
        place = f"{item['pk']['S']}/{item['sk']['S']}"
        for name, typed in item.items():
            ((kind, value),) = typed.items()
            values.append((f"{place}/{name}", value if kind == "B" else str(value).encode()))
    s3 = tables.client("s3", stack.endpoint)
    for bucket in (stack.archive_bucket, stack.log_bucket):
        for found in s3.list_objects_v2(Bucket=bucket).get("Contents", ()):
            place = f"{'archive' if bucket == stack.archive_bucket else 'log'}/{found['Key']}"
            values += [
                (place, found["Key"].encode()),
                (place, s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()),
            ]
    return Stolen(values)


@pytest.fixture
def run(stack: Stack) -> Stack:
    """Statements, a file, an allow that was delivered and asked about again, a stop and a deny, all logged."""
    stack.honest()
    at = stamp(stack.now)
    debts = [debt_members(stack.now, as_of=at, debt_ref="A-2", recipient=number) for number in (RECIPIENT, OTHER)]
    assert imported(stack, as_csv(debts), 2)["accepted"] == 2
    assert stack.verify().body["decision"] == "allow"
    assert stack.verify().body["replayed"]
    digest = text_digest(CASE_TEXT)
    now = stamp(datetime.now(UTC))
    stack.one("xinxi", "delivery", message_id="m-1", at=now, status="delivered", text_sha256=digest)
    stack.one("xinxi", "opt-out", recipient=RECIPIENT, creditor="mou-zichan", received_at=stamp(stack.now - DAY))
    assert stack.verify(message_id="m-2").body["decision"] == "deny"
    stack.invoke("sequence", events.load("sequence-clock"))
    return stack


def pseudonyms(stack: Stack) -> Pseudonyms:
    manager = tables.client("secretsmanager", stack.endpoint)
    secret = manager.get_secret_value(SecretId=stack.environment["DUECARE_PEPPER_SECRET"])["SecretString"]
    return Pseudonyms(bytes.fromhex(secret))


def digests(number: bytes, salts: Iterable[bytes]) -> Iterator[bytes]:
    for name in ("sha256", "sha1", "md5", "sha512", "blake2b", "blake2s"):
        yield hashlib.new(name, number).digest()
    for salt in salts:
        yield hashlib.sha256(salt + number).digest()
        yield hashlib.sha256(number + salt).digest()


def test_a_thief_of_table_archive_and_log_finds_no_number_by_trying(run: Stack) -> None:
    booty = stolen(run)
    assert {place[:2] for place, _ in booty.values} >= {"X#", "S#", "R#", "E#", "G#", "V#", "U#", "ar", "lo"}
    present = booty.windows(PREFIX)
    # Every run of 16 bytes may be the salt, and every text of 32 digits.
    salts = booty.windows(16) | {token for one in booty.readable() for token in _HEX.findall(one)}
    for spelling in SPELLINGS:
        number = spelling.encode()
        assert not booty.holds(number)
        assert not [one.hex() for one in digests(number, salts) if one[:PREFIX] in present]


def test_no_text_and_no_digest_of_one_is_found(run: Stack) -> None:
    booty = stolen(run)
    present = booty.windows(PREFIX)
    for text in (CASE_TEXT, text_digest(CASE_TEXT), f"{RECIPIENT}{CASE_TEXT}"):
        assert not booty.holds(text.encode())
        assert hashlib.sha256(text.encode()).digest()[:PREFIX] not in present


def test_no_decision_leads_to_the_facts_of_its_recipient(run: Stack) -> None:
    """Neither do its pointer, its page and its copy. From the facts, no way leads to the decision."""
    booty = stolen(run)
    keyed = pseudonyms(run).recipient_key(E164(RECIPIENT))
    decisions = [place for place, _ in booty.values if place.startswith("X#") or "/decision/" in place]
    assert len({place.split("/")[0] for place in decisions}) > 2
    about = booty.of("X#", "E#decision", "G#", *decisions)
    assert about.values
    for form in (keyed.encode(), base64.urlsafe_b64decode(keyed + "="), keyed[:12].encode()):
        assert not about.holds(form)
    # The statements and the chains name the recipient, so a decision must not name them.
    for place, _ in booty.of("S#").values:
        assert not about.holds(place.split("/")[0].removeprefix("S#sha256:").encode())
    facts = booty.of("R#")
    assert facts.values
    near = facts.windows(PREFIX)
    for place, _ in booty.of("X#").values:
        decision_id = place.split("/")[0].removeprefix("X#")
        assert not facts.holds(decision_id.encode())
        assert hashlib.sha256(decision_id.encode()).digest()[:PREFIX] not in near


def test_two_gateways_name_one_recipient_differently(run: Stack) -> None:
    keyed = pseudonyms(run)
    recipient = keyed.recipient_key(E164(RECIPIENT))
    assert keyed.recipient_tag("xinxi", recipient) != keyed.recipient_tag("other-gateway", recipient)


def test_a_sequencer_without_any_key_has_logged_the_decisions(run: Stack) -> None:
    assert not hasattr(run.service("sequence").settings, "inputs_secret")
    listed: Any = [value for place, value in stolen(run).of("G#").values if place.endswith("/body")]
    assert sum(value.count(b'"decision_id"') for value in listed) == 2
