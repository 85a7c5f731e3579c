"""What a decision was decided on, beside its record: the number, the text, who was registered how, what was counted.

With the statements that the record names they are all that `decide` needs, so that a case file replays (replay.py). The
record holds their digest. They are personal data: at rest they are sealed (AES-256-GCM), under a key that the functions
which decide and which make case files hold, and nobody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Meta, Struct, structs

from duecare_core.domain.decision.decision import Decision, DecisionRequest
from duecare_core.domain.facts.states import ConsentState, DebtState, Facts
from duecare_core.domain.rules.frequency_caps import Contact, contact
from duecare_core.errors import BadEvidence
from duecare_core.evidence.canonical import canonical_plain
from duecare_core.evidence.packing import pack, unpack

NONCE_BYTES = 12
_EPOCH = datetime.fromtimestamp(0, UTC)
ROW_SEPARATOR = "#"  # a statement that is a row of a file: the manifest's id, and the row's number


class InputRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A fact that came with a file: no party signed it alone. `of`: the channel of a consent, or a debt's debt_ref."""

    of: str
    consent: ConsentState | None = None
    debt: DebtState | None = None


class CountedContact(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message that a frequency cap counted, as far as it concerns whoever reads this decision. `at`: seconds since
    1970. `own`: of the same creditor. `debt`: the debt_ref where it was about one of that creditor's debts that are
    known here, empty where it was about another debt; None where no debt was named, so that it counts for each."""

    at: Annotated[int, Meta(ge=0, lt=1 << 36)]
    channel: str
    own: bool = False
    debt: str | None = None

    def contact(self, creditor: str) -> Contact:
        """The contact again, as far as caps look at it. Nobody's id is empty, nor is a debt_ref."""
        at = datetime.fromtimestamp(self.at, UTC)
        return contact(at, self.channel, creditor if self.own else "", self.debt, "")


class Inputs(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`at`: the very instant of the decision (the record has whole seconds). `parties`: which version of whose
    registration was read; who is not there was not registered. `counted`: what the answer rests on of the contacts
    before, oldest first. `same_subject`: whether debtor and holder are one person, where a row leaves that to be told.
    """

    at: datetime
    recipient: str
    text: str
    halted: bool = False
    parties: dict[str, int] = {}
    counted: tuple[CountedContact, ...] = ()
    rows: tuple[InputRow, ...] = ()
    same_subject: bool = True


def inputs_of(
    request: DecisionRequest, facts: Facts, decision: Decision, versions: Mapping[str, int], at: datetime
) -> Inputs:
    """What this decision needs to be made again from it, the record, the statements that it names, and the rules."""
    relied_on = frozenset(decision.relied_on)
    consents = (InputRow(of=of, consent=_bare_consent(state)) for of, state in facts.consents.items())
    debts = (InputRow(of=of, debt=_bare_debt(state)) for of, state in facts.debts.items())
    rows = tuple(row for row in (*consents, *debts) if any(ROW_SEPARATOR in name for name in _names(row) & relied_on))
    return Inputs(
        at=at,
        recipient=request.recipient,
        text=request.text,
        halted=facts.halted,
        parties=dict(versions),
        counted=_counted(decision.contacts, request, facts.debts),
        rows=rows,
        same_subject="SUBJECT_MISMATCH" not in decision.codes,
    )


def _counted(
    contacts: tuple[Contact, ...], request: DecisionRequest, debts: Mapping[str, DebtState]
) -> tuple[CountedContact, ...]:
    """Without digests of what others' messages and debts are called, which are nobody's here to know."""
    if not contacts:
        return ()
    made = [contact(_EPOCH, request.channel, request.creditor, ref, "") for ref in debts]
    refs = {one.debt: ref for one, ref in zip(made, debts, strict=True)}
    creditor = contact(_EPOCH, request.channel, request.creditor, None, "").creditor
    return tuple(
        CountedContact(
            at=one.at,
            channel=one.channel,
            own=one.creditor == creditor,
            debt=None if one.debt is None else refs.get(one.debt, ""),
        )
        for one in contacts
    )


def _bare_consent(state: ConsentState) -> ConsentState:
    """Without keyed digests: they mean nothing to whoever has no key."""
    bare = structs.replace(state.consent, content="", subject=None) if state.consent else None
    return structs.replace(state, consent=bare)


def _bare_debt(state: DebtState) -> DebtState:
    return structs.replace(state, newest=structs.replace(state.newest, content="", subject=None))


def _names(row: InputRow) -> frozenset[str]:
    return (_stated_by(row.consent) if row.consent else frozenset()) | (
        _confirmed_by(row.debt) if row.debt else frozenset()
    )


def _stated_by(state: ConsentState) -> frozenset[str]:
    return frozenset(mark.statement for mark in (state.consent, state.revoked) if mark)


def _confirmed_by(state: DebtState) -> frozenset[str]:
    answers = (mark.statement for mark in state.answers.values())
    return frozenset(name for name in (state.newest.statement, state.first_by, *answers) if name)


def encode(inputs: Inputs) -> bytes:
    """Their canonical bytes, whose digest the record carries."""
    return canonical_plain(inputs)


def decode(data: bytes) -> Inputs:
    """Raises BadEvidence."""
    try:
        return msgspec.json.decode(data, type=Inputs)
    except (msgspec.MsgspecError, ValueError) as error:
        raise BadEvidence("not the inputs of a decision") from error


class InputsKey:
    """Seals and opens inputs. `key`: 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def seal(self, data: bytes, decision_id: str, nonce: bytes) -> bytes:
        """`nonce`: 12 random bytes, never the same twice. Bound to the decision, so that it opens for no other."""
        return nonce + self._aead.encrypt(nonce, pack(data), decision_id.encode())

    def open(self, sealed: bytes, decision_id: str) -> bytes:
        """Raises BadEvidence."""
        try:
            packed = self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], decision_id.encode())
        except (InvalidTag, ValueError) as error:
            raise BadEvidence("sealed inputs that cannot be opened") from error
        return unpack(packed)
