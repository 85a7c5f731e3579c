"""A registration that a restored table has lost is put back from the archive, with the same bytes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from duecare.usecases import table
from duecare.usecases.operator.restore_party import RestoreParty
from duecare_core.errors import Conflict, Unacceptable
from duecare_core.evidence.log.merkle import EMPTY_ROOT
from tests.support.logs import LoggedWorld


@pytest.fixture
def world() -> LoggedWorld:
    world = LoggedWorld().honest()
    world.sequenced()
    return world


def restore(world: LoggedWorld, party: str, version: int) -> None:
    RestoreParty(world.table)(world.archive.objects[f"parties/{party}/{version}"].decode())


def lose(world: LoggedWorld, change: Callable[[], object]) -> None:
    """Make a change, log it, and put the table's documents of the operator back to those before."""
    before = {key: one for key, one in world.table._documents.items() if key.pk[:2] in ("P#", "J#")}
    change()
    world.sequenced()
    kept = {key: one for key, one in world.table._documents.items() if key.pk[:2] not in ("P#", "J#")}
    world.table._documents = kept | before


def test_a_suspension_and_a_revoked_key_count_again_and_get_no_second_entry(world: LoggedWorld) -> None:
    kid = world.operate.show("keji").keys[0].kid

    def change() -> None:
        world.operate.suspend("keji")
        world.operate.revoke_key("keji", kid)

    lose(world, change)
    size, (party,) = (
        world.checkpoint().size,
        [one for one in world.table.everything() if one.key == table.party("keji")],
    )
    assert party.version == 1
    for version in (2, 3, 3):
        restore(world, "keji", version)
    shown = world.operate.show("keji")
    assert (shown.state, shown.keys[0].revoked_at is None) == ("suspended", False)
    world.sequenced()
    assert world.checkpoint().size == size
    assert world.checkpoint().root != EMPTY_ROOT


def test_a_halt_of_everything_is_put_back(world: LoggedWorld) -> None:
    lose(world, lambda: world.operate.halt_everything(on=True))
    assert table.EVERYTHING not in world.table.get([table.EVERYTHING])
    restore(world, "*", 1)
    assert table.EVERYTHING in world.table.get([table.EVERYTHING])


def test_a_lost_key_stays_bound_to_its_party(world: LoggedWorld) -> None:
    kid = world.operate.show("keji").keys[0].kid
    owner = table.key_owner(kid)
    copy = world.table._documents.pop(owner)
    del world.table._documents[table.party("keji")]
    restore(world, "keji", 1)
    assert world.table.get([owner])[owner].body == copy.body


def test_a_version_follows_only_the_one_before(world: LoggedWorld) -> None:
    lose(world, lambda: (world.operate.suspend("keji"), world.operate.resume("keji")))
    with pytest.raises(Conflict, match="has version 1 of this registration, so version 3"):
        restore(world, "keji", 3)
    world.operate.suspend("keji")
    restore(world, "keji", 2)  # the operator did the very same again
    world.operate.suspend("xinxi")
    with pytest.raises(Conflict, match="has version 2 of this registration, so version 1"):
        restore(world, "xinxi", 1)


def test_only_a_copy_of_a_registration_is_put_back(world: LoggedWorld) -> None:
    copies = [data.decode() for name, data in world.archive.objects.items() if not name.startswith("parties/")]
    before = world.table.everything()
    for copy in (*copies, "", "{}", "null", "\ud800", world.archive.objects["parties/keji/1"].decode() + " "):
        with pytest.raises(Unacceptable, match="no archived copy of a registration"):
            RestoreParty(world.table)(copy)
    assert world.table.everything() == before
