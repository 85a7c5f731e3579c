"""What a statement says, as the fact that it is: used where statements come in, and where a case file is replayed.

`statement` is the statement's id, `content` a digest of what it says. `subject` is only ever compared: the service
gives a keyed digest of the stated one.
"""

from __future__ import annotations

from decimal import Decimal

from duecare.domain.facts import Consent, Debt, Mandate
from duecare.domain.statement import ConsentStatement, DebtStatement, MandateStatement, valid_until


def consent(said: ConsentStatement, statement: str, content: str, subject: str | None) -> Consent:
    return Consent(
        at=said.granted_at,
        statement=statement,
        content=content,
        method=said.method,
        expires_at=said.expires_at,
        subject=subject,
        time_zone=said.time_zone,
    )


def debt(said: DebtStatement, statement: str, content: str, subject: str | None) -> Debt:
    return Debt(
        at=said.as_of,
        statement=statement,
        content=content,
        status=said.status,
        currency=said.currency,
        outstanding=Decimal(said.outstanding),
        valid_until=valid_until(said),
        subject=subject,
        collectors=tuple(sorted(set(said.collectors))) if said.collectors is not None else None,
        region=said.region,
        product=said.product,
        time_zone=said.time_zone,
    )


def mandate(said: MandateStatement, statement: str, content: str) -> Mandate:
    return Mandate(
        at=said.as_of,
        statement=statement,
        content=content,
        status=said.status,
        channels=tuple(sorted(set(said.channels))),
        valid_from=said.valid_from,
        valid_until=said.valid_until,
    )
