"""Put a registration back that the log has, and a restored table has lost (docs/restore.md).

A revoked key or a suspension must count again, and with the same bytes: made anew, the registration would be another
record under the same version, and the archive keeps the first copy of a version. The operator gives that copy. A copy
of the operator's own making would be a record without an entry, so it would get one.
"""

from __future__ import annotations

from duecare.ports import Document, Documents
from duecare.usecases import table
from duecare.usecases.log.pointers import document_of
from duecare_core.domain.facts.party import Halt, KeyOwner, Party
from duecare_core.errors import Conflict, StoreFailed, Unacceptable, VersionConflict

Registration = Party | Halt


class RestoreParty:
    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def __call__(self, copy: str) -> Registration:
        """Write a version of a registration from its archived copy, over the version before. Repeating it changes
        nothing.

        Raises Unacceptable for what is no such copy, Conflict if the table has another version, StoreFailed.
        """
        document, registration = _from_copy(copy)
        party_id, version = document.key.pk.partition("#")[2], document.version
        stored = self._documents.get([document.key]).get(document.key)
        if stored and stored.version == version and _read(stored) == registration:
            return registration
        held = stored.version if stored else 0
        if held != version - 1:
            raise Conflict(f"The table has version {held} of this registration, so version {version} cannot follow it.")
        try:
            self._documents.commit([document, *self._owners(party_id, registration)])
        except VersionConflict as error:
            raise Conflict("Something else changed this registration at the same time; ask again.") from error
        return registration

    def _owners(self, party_id: str, registration: Registration) -> list[Document]:
        """The documents that bind its keys to the party, where they are lost too."""
        keys = registration.keys if isinstance(registration, Party) else ()
        wanted = {table.key_owner(key.kid) for key in keys}
        stored = self._documents.get(list(wanted)) if wanted else {}
        return [table.write(key, None, KeyOwner(party=party_id)) for key in sorted(wanted - set(stored))]


def _from_copy(copy: str) -> tuple[Document, Registration]:
    try:
        document = document_of(copy.encode())
        if document.key != table.party(document.key.pk.partition("#")[2]) or document.sealed or document.summary:
            raise StoreFailed("a copy of another kind")
        return document, _read(document)
    except (StoreFailed, UnicodeEncodeError) as error:
        raise Unacceptable("This is no archived copy of a registration (parties/ID/VERSION).") from error


def _read(document: Document) -> Registration:
    return table.read(document, Halt) if document.key == table.EVERYTHING else table.read(document, Party)
