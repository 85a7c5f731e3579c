"""The facts of a decision: which documents are read, and how they become values."""

from __future__ import annotations

from duecare.ports import Document, Key, Situation
from duecare.usecases import table
from duecare_core.domain.facts.chain import ChainHead
from duecare_core.domain.facts.party import Party
from duecare_core.domain.facts.states import (
    ConsentState,
    DebtState,
    Dispute,
    Facts,
    Mandate,
    NumberState,
    Route,
    StopState,
)
from duecare_core.domain.fields import RecipientKey
from duecare_core.domain.rules.frequency_caps import Contact, unpack_contacts
from duecare_core.errors import StoreFailed
from duecare_core.evidence.item_keys import CHAIN_HEAD, CONSENT, CONTACTS, DEBT, DISPUTE, NUMBER, STOP


def situation_keys(gateway: str, creditor: str, collector: str | None) -> list[Key]:
    """The documents that a decision reads in addition to the recipient's partition: the halt, the parties, the
    mandate, and the sender's route to the gateway."""
    keys = [table.EVERYTHING, table.party(gateway), table.party(creditor), table.route(collector or creditor, gateway)]
    if collector is not None and collector != creditor:
        keys += [table.party(collector), table.mandate(creditor, collector)]
    return keys


def facts_of(
    situation: Situation, gateway: Party, creditor: str, collector: str | None, recipient_key: RecipientKey
) -> Facts:
    """The facts about this recipient and this creditor. Raises StoreFailed."""
    consents: dict[str, ConsentState] = {}
    debts: dict[str, DebtState] = {}
    disputes: list[Dispute] = []
    stop = stop_of_all = StopState()
    number: NumberState | None = None
    contacts: tuple[Contact, ...] = ()
    collector = collector or creditor
    for document in situation.partitions[table.recipient(recipient_key)]:
        kind, _, rest = document.key.sk.partition("#")
        owner, _, name = rest.partition("#")
        if kind == NUMBER:
            number = table.read(document, NumberState)
        elif kind == CONTACTS:
            contacts = _contacts(document)
        elif kind == STOP:
            if owner == "*":
                stop_of_all = table.read(document, StopState)
            elif owner == creditor:
                stop = table.read(document, StopState)
        elif kind not in (CONSENT, DEBT, DISPUTE, CHAIN_HEAD):
            # It may be a stop that another version of this program wrote: ignoring it could allow.
            raise StoreFailed("a document of an unknown kind is stored among a recipient's facts")
        elif owner != creditor or kind == CHAIN_HEAD:
            continue
        elif kind == CONSENT:
            consents[name] = table.read(document, ConsentState)
        elif kind == DEBT:
            debts[name] = table.read(document, DebtState)
        else:
            disputes.append(table.read(document, Dispute))
    documents = situation.documents
    return Facts(
        gateway=gateway,
        creditor=table.find_party(documents, creditor),
        collector=table.find_party(documents, collector),
        halted=table.is_halted(documents),
        mandate=table.find(documents, table.mandate(creditor, collector), Mandate),
        route=table.find(documents, table.route(collector, gateway.id), Route),
        consents=consents,
        debts=debts,
        disputes=tuple(disputes),
        stop=stop,
        stop_of_all=stop_of_all,
        number=number,
        contacts=contacts,
        chains=_chains(situation.partitions[table.recipient(recipient_key)], creditor),
    )


def _chains(recipient: list[Document], creditor: str) -> tuple[ChainHead, ...]:
    """The head of the creditor's chain, then that of `*`; an empty chain has none. Raises StoreFailed."""
    wanted = (f"{CHAIN_HEAD}#{creditor}", f"{CHAIN_HEAD}#*")
    heads = {document.key.sk: document for document in recipient if document.key.sk in wanted}
    return tuple(table.read(heads[sk], ChainHead) for sk in wanted if sk in heads)


def _contacts(ledger: Document) -> tuple[Contact, ...]:
    """Raises StoreFailed: without a readable ledger nothing is allowed."""
    try:
        return unpack_contacts(ledger.sealed)
    except ValueError as error:
        raise StoreFailed("a contact ledger cannot be read") from error
