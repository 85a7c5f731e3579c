"""GET /v1/whoami: who the caller is here."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from duecare_core.evidence.jose.keys import thumbprint
from tests.functional.answers import Answer
from tests.functional.conftest import Stack
from tests.support import events
from tests.support.world import PARTIES


def ask(stack: Stack, party: str, **changes: str) -> Answer:
    return stack.send("evidence-whoami", requestContext=stack.as_party(party, **changes))


@pytest.mark.parametrize("party", ["mou-zichan", "keji", "xinxi", "yunyingshang", "shenji"])
def test_any_party_learns_who_it_is_here(stack: Stack, party: str) -> None:
    stack.register(party)
    before = stack.items()
    expires = int(stack.now.timestamp()) + 600
    answer = ask(stack, party, exp=str(expires))
    assert answer.status == 200
    server_time = datetime.fromisoformat(answer.body.pop("server_time"))
    assert abs(server_time - stack.now) < timedelta(minutes=5)
    assert datetime.fromisoformat(answer.body.pop("token_expires_at")).timestamp() == expires
    assert answer.body == {
        "party": party,
        "roles": PARTIES[party][0],
        "kid": thumbprint(events.key(party)),
        "state": "active",
    }
    assert stack.items() == before


def test_a_suspended_party_is_told_so(stack: Stack) -> None:
    stack.register("keji")
    stack.operate("party-suspend", id="keji")
    assert (ask(stack, "keji").status, ask(stack, "keji").body["state"]) == (200, "suspended")


def test_a_revoked_key_is_refused_at_once(stack: Stack) -> None:
    stack.register("keji")
    stack.operate("key-revoke", id="keji", kid=thumbprint(events.key("keji")))
    answer = ask(stack, "keji")
    assert (answer.status, answer.problem) == (403, "key-refused")


def test_nobody_learns_anything_without_a_registration(stack: Stack) -> None:
    assert ask(stack, "xinxi").problem == "key-refused"
    answer = stack.send("evidence-whoami", requestContext=events.load("verify-no-authorizer")["requestContext"])
    assert (answer.status, answer.problem) == (403, "not-allowed")
