"""`decide` on an allowed message with facts made by hand, for tests of place, time and contacts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from duecare_core.domain.decision.decide import decide
from duecare_core.domain.decision.decision import Decision, DecisionRequest
from duecare_core.domain.facts.party import Party
from duecare_core.domain.facts.states import Consent, ConsentState, Debt, DebtState, Facts, Mandate, Route
from duecare_core.domain.location.locate import TABLES, Geography
from duecare_core.domain.rules.frequency_caps import Contact, contact
from duecare_core.domain.rules.pack import Pack
from duecare_core.domain.rules.ruleset import Rules
from tests.support.packs import PACK, at

TEXT = "【某资产】This is from a debt collector: you owe 27911元. 退订回T. Reply STOP to opt out."
LONG_AGO, FAR_AHEAD = at("2000-01-01T00:00"), at("2200-01-01T00:00")
DEBT_REF = "A-1"


def party(name: str, *roles: str) -> Party:
    return Party(id=name, roles=roles, name=name, sender_names=("某资产",), registered_at=LONG_AGO)


def mandate(valid_from: datetime = LONG_AGO, valid_until: datetime = FAR_AHEAD) -> Mandate:
    return Mandate(
        at=LONG_AGO,
        statement="mandate",
        content="",
        status="active",
        channels=("sms",),
        valid_from=valid_from,
        valid_until=valid_until,
    )


def route() -> Route:
    return Route(
        at=LONG_AGO,
        statement="route",
        content="",
        status="active",
        channels=("sms",),
        valid_from=LONG_AGO,
        valid_until=FAR_AHEAD,
    )


def made(instant: datetime, message: str = "another", debt_ref: str | None = DEBT_REF) -> Contact:
    """The contact of an earlier message of the same creditor."""
    return contact(instant, "sms", "mou-zichan", debt_ref, f"{message} {instant}")


def facts(
    region: str | None = None,
    zones: tuple[str | None, ...] = (),
    product: str | None = None,
    past: Iterable[Contact] = (),
) -> dict[str, Any]:
    """The members of the facts of an allowed message."""
    debt_zone, consent_zone = (*zones, None, None)[:2]
    debt = Debt(
        at=LONG_AGO,
        statement="debt",
        content="",
        status="open",
        currency="CNY",
        outstanding=Decimal(27911),
        valid_until=FAR_AHEAD,
        region=region,
        product=product,
        time_zone=debt_zone,
    )
    consent = Consent(at=LONG_AGO, statement="consent", content="", method="web", time_zone=consent_zone)
    return {
        "gateway": party("xinxi", "gateway"),
        "creditor": party("mou-zichan", "creditor"),
        "collector": party("keji", "collector"),
        "mandate": mandate(),
        "route": route(),
        "consents": {"sms": ConsentState(consent)},
        "debts": {DEBT_REF: DebtState(debt)},
        "contacts": tuple(past),
    }


def ask(
    instant: datetime,
    past: Iterable[Contact] = (),
    *,
    number: str = "+8613812345678",
    region: str | None = None,
    zones: tuple[str | None, ...] = (),
    product: str | None = None,
    sender: str = "collector",
    text: str = TEXT,
    pack: Pack = PACK,
    geography: Geography = TABLES,
    **changes: Any,
) -> Decision:
    """`zones`: the time zones of the debt and of the consent. `changes`: other members of the facts."""
    request = DecisionRequest(
        contact_id="this",
        number=number,
        gateway="xinxi",
        creditor="mou-zichan",
        collector="keji" if sender == "collector" else "mou-zichan",
        channel="sms",
        text=text,
    )
    rules = Rules(pack=pack, answer_validity=timedelta(seconds=120))
    known = Facts(**(facts(region, zones, product, past) | changes))
    return decide(request, known, rules, instant, geography=geography)
