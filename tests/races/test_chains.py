"""The recipient's chain under concurrency: no seq twice, no statement left out, every head consistent."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from duecare.usecases import table
from duecare.usecases.statements.store import StatementResult
from duecare_core.domain.facts.chain import ChainHead, head_of
from duecare_core.evidence.jose import jws
from tests.races.conftest import Busy, together
from tests.support.world import RECIPIENT, stamp


def stop(busy: Busy, ago: int) -> str:
    at = stamp(busy.now - timedelta(seconds=ago))
    return busy.jws("xinxi", "opt-out", recipient=RECIPIENT, creditor="mou-zichan", received_at=at)


def dispute(busy: Busy, number: int) -> str:
    members = {"recipient": RECIPIENT, "creditor": "mou-zichan", "claim": "paid", "debt_ref": f"D-{number}"}
    return busy.jws("xinxi", "dispute", **members, received_at=stamp(busy.now))


def chain(busy: Busy) -> list[str]:
    """The statements of the chain, by their seq."""
    pk = table.chain_links(busy.pseudonyms.recipient_key(RECIPIENT), "mou-zichan")  # type: ignore[arg-type]
    items = sorted(busy.items(pk), key=lambda item: str(item["sk"]["S"]))
    assert [int(item["sk"]["S"]) for item in items] == list(range(1, len(items) + 1))
    return [str(json.loads(item["body"]["S"])["statement"]) for item in items]


def head(busy: Busy) -> ChainHead | None:
    partition = table.recipient(busy.pseudonyms.recipient_key(RECIPIENT))  # type: ignore[arg-type]
    key = table.chain_head(partition, "mou-zichan")
    return table.find(busy.documents.get([key]), key, ChainHead)


def consistent(busy: Busy, results: list[StatementResult]) -> None:
    """Every acknowledgement names the head that the chain has at its place, and the stored head is the last one."""
    ids = chain(busy)
    assert sorted(ids) == sorted(result.statement_id for result in results)
    for result in results:
        told = jws.read(result.acknowledgement or "").payload["chain"]
        assert ids[told["seq"] - 1] == result.statement_id
        expected = head_of("mou-zichan", ids[: told["seq"]])
        assert expected is not None
        assert told["head"] == expected.head
    assert head(busy) == head_of("mou-zichan", ids)


@pytest.mark.parametrize("writers", [2, 6])
def test_writers_of_one_recipient_extend_one_chain(busy: Busy, writers: int) -> None:
    busy.honest()
    tokens = [[stop(busy, writer * 10 + n) if n % 2 else dispute(busy, writer * 10 + n) for n in range(3)]
              for writer in range(writers)]  # fmt: skip
    answers = together([lambda mine=mine: busy.state_all("xinxi", mine) for mine in tokens])  # type: ignore[misc]
    results = [result for answer in answers for result in answer]
    assert {result.status for result in results} == {"accepted"}
    consistent(busy, results)


def test_one_statement_from_many_threads_has_one_place_and_one_acknowledgement(busy: Busy) -> None:
    busy.honest()
    token = stop(busy, 0)
    results = [answer[0] for answer in together([lambda: busy.state_all("xinxi", [token])] * 6)]
    assert sorted(result.status for result in results) == ["accepted"] + ["unchanged"] * 5
    assert len({result.acknowledgement for result in results}) == 1
    consistent(busy, results[:1])


def test_one_content_under_many_iats_is_accepted_once(busy: Busy) -> None:
    busy.honest()
    at, tokens = stamp(busy.now), []
    for _ in range(6):
        busy.now += timedelta(seconds=1)
        members = {"recipient": RECIPIENT, "creditor": "mou-zichan", "received_at": at}
        tokens.append(busy.jws("xinxi", "opt-out", **members))
    answers = together([lambda token=token: busy.state_all("xinxi", [token]) for token in tokens])  # type: ignore[misc]
    results = [answer[0] for answer in answers]
    assert sorted(result.status for result in results) == ["accepted"] + ["unchanged"] * 5
    (accepted,) = [result for result in results if result.status == "accepted"]
    assert {result.acknowledgement for result in results} == {accepted.acknowledgement}
    consistent(busy, [accepted])


def test_a_decision_records_a_head_that_the_chain_had(busy: Busy) -> None:
    busy.honest()

    def stating() -> list[tuple[ChainHead, ...]]:
        for n in range(6):
            busy.state_all("xinxi", [dispute(busy, n)])
        return []

    def asking(thread: int) -> list[tuple[ChainHead, ...]]:
        return [busy.verify(message_id=f"m-{thread}-{n}", shadow=True).record.chains for n in range(6)]

    read = together([stating, *[lambda thread=thread: asking(thread) for thread in range(3)]])  # type: ignore[misc]
    ids = chain(busy)
    had = {head_of("mou-zichan", ids[:seq]) for seq in range(1, len(ids) + 1)}
    for chains in (one for thread in read for one in thread):
        assert set(chains) <= had
