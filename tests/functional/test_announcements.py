"""POST /v1/uploads and GET /v1/uploads/{id}: who may not, and what cannot be read or accepted."""

from __future__ import annotations

import pytest

from tests.functional.conftest import Stack
from tests.functional.files import ANNOUNCED, Json, announce, look, manifest
from tests.support import events


@pytest.mark.parametrize("party", ["keji", "xinxi", "yunyingshang", "shenji"])
def test_only_a_creditor_announces_files(stack: Stack, party: str) -> None:
    stack.register()
    answer = announce(stack, manifest(stack, party=party), party)
    assert (answer.status, answer.problem) == (403, "wrong-role")


def test_a_suspended_creditor_announces_nothing_and_sees_nothing(stack: Stack) -> None:
    stack.register()
    stack.send("upload-announce")
    stack.operate("party-suspend", id="mou-zichan")
    for answer in (stack.send("upload-announce"), stack.send("upload-look")):
        assert (answer.status, answer.problem) == (403, "party-suspended")


def test_a_creditor_announces_only_what_is_its_own(stack: Stack) -> None:
    stack.register()
    answer = announce(stack, manifest(stack, iss="other-bank"))
    assert (answer.status, answer.problem) == (403, "not-the-issuer")
    signed_by_another = announce(stack, manifest(stack, party="keji"))
    assert (signed_by_another.status, signed_by_another.pointers) == (422, [("/kid", "unknown-key")])


@pytest.mark.parametrize("upload_id", [ANNOUNCED, "a" * 26, "", "../x", "A" * 26, "余" * 26, "a" * 100_000])
def test_other_parties_and_malformed_ids_get_unknown_upload(stack: Stack, upload_id: str) -> None:
    stack.register()
    stack.operate("party-add", id="other-bank", roles=["creditor"], name="Other", sender_names=[],
                  key=events.proven("other-bank"))  # fmt: skip
    stack.send("upload-announce")
    for party in ("other-bank", "xinxi", "shenji"):
        answer = look(stack, upload_id, party)
        assert (answer.status, answer.problem) == (404, "unknown-upload")


@pytest.mark.parametrize(
    ("changes", "violation"),
    [
        ({"aud": "https://other.example"}, ("/aud", "wrong-audience")),
        ({"charset": "latin-1"}, ("/charset", "unknown-value")),
        ({"rows": 0}, ("/rows", "wrong-type-or-form")),
        ({"size": 5_000_000_001}, ("/size", "wrong-type-or-form")),
        ({"sha256": "sha256:0"}, ("/sha256", "wrong-type-or-form")),
        ({"surprise": 1}, ("/surprise", "unknown-member")),
        ({"snapshot": True}, ("/as_of", "missing")),
    ],
)
def test_a_manifest_that_cannot_be_accepted_names_the_member(
    stack: Stack, changes: Json, violation: tuple[str, str]
) -> None:
    stack.register()
    before = stack.items()
    answer = announce(stack, manifest(stack, **changes))
    assert (answer.status, answer.pointers) == (422, [violation])
    assert stack.items() == before


def test_a_body_that_is_no_announcement_is_refused(stack: Stack) -> None:
    stack.register()
    bad = {
        400: stack.send("upload-announce", "{"),
        413: stack.send("upload-announce", {"manifest": "x" * 1024 * 1024}),
        415: stack.send("upload-announce", headers={"content-type": "text/csv"}),
    }
    assert {answer.status for answer in bad.values()} == set(bad)
    for body in ({"manifest": "a.b.c"}, {"manifest": ""}, {"manifest": "x" * 20_000}, {}, {"manifest": 1}, []):
        assert stack.send("upload-announce", body).status == 422
    shut = stack.send("upload-announce", requestContext=events.load("verify-no-authorizer")["requestContext"])
    assert (shut.status, shut.problem) == (403, "not-allowed")
