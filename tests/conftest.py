"""What every test may use, and what a session starts and ends as a whole."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support.engines import begin_session, end_session, stack
from tools.steps import bypass_proxies

__all__ = ["stack"]

bypass_proxies()
# Tests compare with what Python makes of the pinned tzdata, not with the zone files of this machine.
zoneinfo.reset_tzpath(())
# How long an example takes says more about the machine than about the code.
settings.register_profile("duecare", parent=settings(), deadline=None)
settings.register_profile("quick", parent=settings.get_profile("duecare"), max_examples=10)
settings.load_profile("duecare")


@pytest.fixture(scope="session", autouse=True)
def state_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The client remembers the issuers that its keys sign for: not in the state directory of the user who tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        begin_session()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        end_session()
