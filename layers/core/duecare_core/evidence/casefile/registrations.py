"""The registrations in a case file: which one was in force at an instant, and whether a key may have signed then.

Instants are those of the log entries. Clocks of the service's machines differ, so an instant within `SKEW` of a change
may belong to either version.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise

from msgspec import Struct

from duecare_core.domain.facts.party import Party, PartyKey
from duecare_core.domain.facts.statement import SKEW
from duecare_core.errors import BadEvidence, DuecareError
from duecare_core.evidence.jose import proof as possession
from duecare_core.evidence.jose.keys import thumbprint


class Registration(Struct, frozen=True):
    """A version of a party's registration, in force from `at`, the instant of its log entry, until the next version."""

    at: datetime
    version: int
    party: Party

    @property
    def name(self) -> str:
        return f"{self.party.id}/{self.version}"


class Registrations:
    """The registrations of a case file, by party, in the order of their versions."""

    def __init__(self, registrations: Sequence[Registration]) -> None:
        """Raises BadEvidence if they are not in the order of party and version, if a later version is older in the log,
        or if two parties have one key."""
        names = [(one.party.id, one.version) for one in registrations]
        if any(earlier >= later for earlier, later in pairwise(names)):
            raise BadEvidence("the registrations are not in the order of party and version, each once")
        self._of: dict[str, list[Registration]] = {}
        for one in registrations:
            self._of.setdefault(one.party.id, []).append(one)
        for versions in self._of.values():
            for earlier, later in pairwise(versions):
                if later.at + SKEW < earlier.at:
                    raise BadEvidence(f"the registration {later.name} is older in the log than {earlier.name}")
        owners = {(key.kid, one.party.id) for one in registrations for key in one.party.keys}
        shared = [kid for kid, count in Counter(kid for kid, _ in owners).items() if count > 1]
        if shared:
            raise BadEvidence(f"two parties are registered with the same key {shared[0]}")

    def check_keys(self) -> None:
        """Raises BadEvidence unless every key has its own id, and its party's proof that it held the key."""
        for one in self._all():
            for key in one.party.keys:
                try:
                    possession.check(key.proof, key.jwk, key.registered_at)
                except DuecareError as error:
                    raise BadEvidence(
                        f"the registration {one.name} has a key without a good proof of possession: {error}"
                    ) from error

    def parties_at(self, versions: Mapping[str, int], roles: Iterable[str], at: datetime) -> dict[str, Party]:
        """The parties with these ids as they were registered at the decision.

        `versions`: those that the decision read; a party without one was not registered. Raises BadEvidence unless
        each was in force at `at` as far as the file shows.
        """
        ids = set(roles)
        foreign = sorted(set(versions) - ids)
        if foreign:
            raise BadEvidence(f"the inputs name the registration of {foreign[0]}, who has no part in the decision")
        parties = {}
        for who in sorted(ids):
            version = versions.get(who)
            found = next((one for one in self._of.get(who, ()) if one.version == version), None)
            if version is not None:
                if found is None:
                    raise BadEvidence(f"the registration of {who} as it was then is not in the file")
                if found.at > at + SKEW:
                    raise BadEvidence(f"the registration {found.name} is younger in the log than the decision")
                parties[who] = found.party
            newer = [one for one in self._of.get(who, ()) if one.version > (version or 0) and one.at + SKEW < at]
            if newer:
                used = f"of {found.name}" if found else "without a registration"
                raise BadEvidence(
                    f"the decision is {used}, but the newer registration {newer[-1].name} was in force by then"
                )
        return parties

    def in_force(self, who: str, at: datetime) -> tuple[Registration, ...]:
        """The registrations of a party that may have been in force at this instant. Raises BadEvidence if none is."""
        versions = self._of.get(who, [])
        ends = [*(one.at for one in versions[1:]), None]
        found = tuple(
            one
            for one, end in zip(versions, ends, strict=True)
            if one.at <= at + SKEW and (end is None or at <= end + SKEW)
        )
        if not found:
            raise BadEvidence(f"no registration of {who} that was in force at {at:%Y-%m-%d %H:%M:%S} is in the file")
        return found

    def signing_key(self, who: str, kid: str, at: datetime) -> PartyKey:
        """The party's key with this id, which was registered at this instant and not revoked. Raises BadEvidence."""
        revoked = self._revoked_at(who, kid)
        if revoked is not None and revoked + SKEW < at:
            raise BadEvidence(
                f"the key {kid} of {who} was revoked at {revoked:%Y-%m-%d %H:%M:%S}, before the statement was accepted "
                f"at {at:%Y-%m-%d %H:%M:%S}"
            )
        for one in self.in_force(who, at):
            for key in one.party.keys:
                if key.kid == kid and thumbprint(key.jwk) == kid and key.registered_at <= at + SKEW:
                    return key
        raise BadEvidence(f"no key of {who} that was registered then signed this statement")

    def names(self) -> frozenset[str]:
        """The ids of the parties."""
        return frozenset(self._of)

    def _revoked_at(self, who: str, kid: str) -> datetime | None:
        """When the key was revoked as far as any registration in the file shows, at the latest with its log entry."""
        times = [
            min(key.revoked_at, one.at)
            for one in self._of.get(who, ())
            for key in one.party.keys
            if key.kid == kid and key.revoked_at is not None
        ]
        return min(times, default=None)

    def _all(self) -> Iterable[Registration]:
        return (one for versions in self._of.values() for one in versions)
