"""What a decision reads, and the facts that it finds there."""

from __future__ import annotations

from duecare.ports import Document, Key, Situation
from duecare.usecases import table
from duecare_core.domain.facts.party import Party
from duecare_core.domain.facts.states import ConsentState, DebtState, Dispute, Facts, Mandate, NumberState, StopState
from duecare_core.domain.rules.frequency_caps import Contact, unpack_contacts
from duecare_core.errors import StoreFailed


def situation_keys(gateway: str, creditor: str, collector: str | None) -> list[Key]:
    """What a decision reads beside the recipient's partition: the halt, the parties, the mandate."""
    keys = [table.EVERYTHING, table.party(gateway), table.party(creditor)]
    if collector is not None and collector != creditor:
        keys += [table.party(collector), table.mandate(creditor, collector)]
    return keys


def facts_of(situation: Situation, gateway: Party, creditor: str, collector: str | None, pseudonym: str) -> Facts:
    """The facts about this recipient and this creditor, out of all that was read."""
    consents: dict[str, ConsentState] = {}
    debts: dict[str, DebtState] = {}
    disputes: list[Dispute] = []
    stops: list[StopState] = []
    number: NumberState | None = None
    contacts: tuple[Contact, ...] = ()
    collector = collector or creditor
    for document in situation.partitions[table.recipient(pseudonym)]:
        kind, _, rest = document.key.sk.partition("#")
        whose, _, what = rest.partition("#")
        if kind == "N":
            number = table.read(document, NumberState)
        elif kind == "L":
            contacts = _contacts(document)
        elif kind == "S" and whose in (creditor, "*"):
            stops.append(table.read(document, StopState))
        elif whose != creditor:
            continue
        elif kind == "C":
            consents[what] = table.read(document, ConsentState)
        elif kind == "D":
            debts[what] = table.read(document, DebtState)
        elif kind == "Q":
            disputes.append(table.read(document, Dispute))
    documents = situation.documents
    return Facts(
        gateway=gateway,
        creditor=table.find_party(documents, creditor),
        collector=table.find_party(documents, collector),
        halted=table.is_halted(documents),
        mandate=table.find(documents, table.mandate(creditor, collector), Mandate),
        consents=consents,
        debts=debts,
        disputes=tuple(disputes),
        stops=tuple(stops),
        number=number,
        contacts=contacts,
    )


def _contacts(ledger: Document) -> tuple[Contact, ...]:
    """Raises StoreFailed for a ledger that cannot be read: it allows nothing."""
    try:
        return unpack_contacts(ledger.sealed)
    except ValueError as error:
        raise StoreFailed("a contact ledger cannot be read") from error
