"""Party administration: register, suspend, keys, halts. Only callers with IAM rights reach it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import structs

from duecare.ports import Clock, Document, Documents
from duecare.usecases import table
from duecare.usecases.retry import retry_on_conflict
from duecare_core.domain.facts.party import Halt, KeyOwner, Party, PartyKey, excluded_roles
from duecare_core.errors import (
    BadEvidence,
    BadKey,
    Conflict,
    NotFound,
    Unacceptable,
    Violation,
)
from duecare_core.evidence.jose import proof
from duecare_core.evidence.jose.keys import public_jwk, thumbprint

MAX_ATTEMPTS = 5


class PartyAdmin:
    """Every method returns the party, or the halt, as it is afterwards, and is idempotent."""

    def __init__(self, documents: Documents, clock: Clock) -> None:
        self._documents = documents
        self._clock = clock

    def show(self, party_id: str) -> Party:
        """Raises NotFound."""
        return self._stored(party_id)[1]

    def add(self, party: Party, key: dict[str, Any]) -> Party:
        """Register a party with its first key, which comes with a proof that the party holds it.

        Raises Conflict if the id is taken or the key is bound to another party, Unacceptable for a bad key, a bad proof
        or roles that exclude each other.
        """
        _check_roles(party)
        first = self._key(key)
        party = structs.replace(party, registered_at=self._clock(), keys=(first,))
        document = table.write(table.party(party.id), None, party)

        def attempt() -> Party:
            stored = self._documents.get([document.key]).get(document.key)
            if stored is None:
                self._documents.commit([document, *self._owner(first.kid, party.id)])
            # A write whose response was lost conflicts with itself, and finds its own document the next time.
            elif stored != document:
                raise Conflict(f"A party {party.id} is registered already.", name="party-exists")
            return party

        return retry_on_conflict(attempt, attempts=MAX_ATTEMPTS, contention="other writers kept registering this party")

    def suspend(self, party_id: str) -> Party:
        return self._change(party_id, lambda party: structs.replace(party, state="suspended"))

    def resume(self, party_id: str) -> Party:
        return self._change(party_id, lambda party: structs.replace(party, state="active"))

    def add_key(self, party_id: str, jwk: dict[str, Any]) -> Party:
        """Add a key, which comes with a proof that the party holds it. A key that it has already changes nothing.

        Raises Conflict if this key was revoked before (a revoked key stays revoked) or is bound to another party,
        Unacceptable for a bad key or a bad proof.
        """
        key = self._key(jwk)

        def with_key(party: Party) -> Party:
            known = next((old for old in party.keys if old.kid == key.kid), None)
            if known is None:
                return structs.replace(party, keys=(*party.keys, key))
            if known.revoked_at is not None:
                raise Conflict("This key was revoked; make a new one.", name="key-revoked")
            return party

        return self._change(party_id, with_key, lambda: self._owner(key.kid, party_id))

    def revoke_key(self, party_id: str, kid: str) -> Party:
        """Revoke a key with immediate effect. Raises NotFound."""
        now = self._clock()

        def without_key(party: Party) -> Party:
            if not any(key.kid == kid for key in party.keys):
                raise NotFound("The party has no key with this id.", name="unknown-key")
            keys = tuple(
                structs.replace(key, revoked_at=now) if key.kid == kid and key.revoked_at is None else key
                for key in party.keys
            )
            return structs.replace(party, keys=keys)

        return self._change(party_id, without_key)

    def halt_party(self, party_id: str, role: str, *, on: bool) -> Party:
        """Halt or resume one creditor or one gateway. Raises NotFound."""

        def switched(party: Party) -> Party:
            if role not in party.roles:
                raise NotFound(f"No {role} is registered under this id.", name="unknown-party")
            return structs.replace(party, halted=on)

        return self._change(party_id, switched)

    def halt_everything(self, *, on: bool) -> Halt:
        halt = Halt(halted=on)

        def attempt() -> Halt:
            stored = self._documents.get([table.EVERYTHING]).get(table.EVERYTHING)
            self._documents.commit([table.write(table.EVERYTHING, stored, halt)])
            return halt

        return retry_on_conflict(attempt, attempts=MAX_ATTEMPTS, contention="other writers kept changing the halt")

    def _change(
        self, party_id: str, change: Callable[[Party], Party], companions: Callable[[], list[Document]] = list
    ) -> Party:
        """`companions`: the documents to write in the same transaction."""

        def attempt() -> Party:
            document, party = self._stored(party_id)
            written = companions()
            after = change(party)
            if after != party:
                self._documents.commit([table.write(document.key, document, after), *written])
            return after

        return retry_on_conflict(attempt, attempts=MAX_ATTEMPTS, contention="other writers kept changing this party")

    def _stored(self, party_id: str) -> tuple[Document, Party]:
        key = table.party(party_id)
        document = self._documents.get([key]).get(key)
        if document is None:
            raise NotFound("No party is registered under this id.", name="unknown-party")
        return document, table.read(document, Party)

    def _owner(self, kid: str, party_id: str) -> list[Document]:
        """The document that binds a key to a party, to be written with its registration; none if it is bound to this
        party already. Raises Conflict if it is bound to another."""
        key = table.key_owner(kid)
        stored = table.find(self._documents.get([key]), key, KeyOwner)
        if stored is None:
            return [table.write(key, None, KeyOwner(party=party_id))]
        if stored.party != party_id:
            raise Conflict(
                f"This key is bound to the party {stored.party}; make a new one with `duecare keys new`.",
                name="key-taken",
            )
        return []

    def _key(self, jwk: dict[str, Any]) -> PartyKey:
        if "d" in jwk:
            raise Unacceptable("This is a private key; give the public one.", name="private-key")
        try:
            public = public_jwk(jwk)
        except BadKey as error:
            raise Unacceptable(
                "The key cannot be used.", name="bad-key", errors=(Violation("/key", "bad-key", str(error)),)
            ) from error
        now = self._clock()
        try:
            proven = proof.check(jwk.get("proof"), public, now)
        except BadEvidence as error:
            raise Unacceptable(
                f"The key does not come with a valid proof that its party holds it: {error}. Whoever holds the private "
                "key makes one with `duecare keys show FILE`, or a new key with `duecare keys new`.",
                name="bad-key-proof",
                errors=(Violation("/key/proof", "bad-key-proof", str(error)),),
            ) from error
        return PartyKey(kid=thumbprint(public), jwk=public, proof=proven, registered_at=now)


def _check_roles(party: Party) -> None:
    """Raises Unacceptable."""
    if excluded_roles(party.roles):
        fault = "a gateway is not also creditor or collector, and a reviewer is none of the three; register two parties"
        raise Unacceptable(
            f"These roles exclude each other: {fault}.",
            name="roles-exclude-each-other",
            errors=(Violation("/roles", "roles-exclude-each-other", fault),),
        )
