"""Contact rules as rows of data: the kinds of rows, with their members and limits.

This module evaluates annotations at definition (no `from __future__ import annotations`): msgspec would otherwise
evaluate each once per kind, 5 ms of every cold start.
"""

import re
from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from duecare_core.domain.fields import Channel

ANY = "any"
ALWAYS = (1, date.max.toordinal())

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Sender = Literal["creditor", "collector"]
Span = tuple[int, int]  # first and last, both inclusive: days as `date.toordinal`

TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")
_TEXT = Meta(min_length=1, max_length=400, pattern=r"^[^\x00-\x1f\x7f]*\Z")
Words = tuple[Annotated[str, _TEXT], ...]


class Window(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename={"start": "from"}):
    """From one local time of day to another (`24:00` is the end of the day), on these days. A window that ends at or
    before its start ends on the next day."""

    start: str
    to: str
    days: tuple[Day, ...] = DAYS


class RuleRow(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    tag_field="kind",
    rename={"since": "from"},
):
    """The members of every row. `products`: the row binds debts of these products and debts without a product. `whom`
    and `exceptions` are for human readers and decide nothing. `operator`: whether `tighten` added the row."""

    id: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}\Z")]
    jurisdiction: str
    rule: Annotated[str, _TEXT]
    channels: tuple[Channel, ...]
    senders: tuple[Sender, ...] = ("creditor", "collector")
    products: tuple[Literal["credit_card", "consumer_loan", "microfinance", "other"], ...] | None = None
    whom: Annotated[str, _TEXT] = "all"
    exceptions: Annotated[str, _TEXT] | None = None
    source: Annotated[str, _TEXT]
    since: date | None = None
    until: date | None = None
    read: date
    confidence: Literal["read", "second-hand", "default"]
    note: Annotated[str, _TEXT] | None = None
    operator: bool = False

    @property
    def span(self) -> Span:
        """The days on which the row is in force."""
        return (
            self.since.toordinal() if self.since else ALWAYS[0],
            self.until.toordinal() if self.until else ALWAYS[1],
        )

    def binds(self, channel: str, sender: str, product: str | None) -> bool:
        """Whether the row binds such a message. A debt without a product may be of any."""
        of_product = self.products is None or product is None or product in self.products
        return channel in self.channels and sender in self.senders and of_product


class QuietHours(RuleRow, frozen=True, kw_only=True, tag="quiet_hours"):
    """When a message may not arrive: within `quiet` or outside `permitted`, and all day on the holidays of this
    name."""

    quiet: tuple[Window, ...] = ()
    permitted: tuple[Window, ...] = ()
    holidays: str | None = None


class Cap(RuleRow, frozen=True, kw_only=True, tag="cap"):
    """At most `max` contacts on the row's channels in any `days` × 24 hours, or in a local calendar day. They are
    counted per recipient or per debt, and across all creditors and their collectors or per creditor."""

    max: Annotated[int, Meta(ge=1, le=1000)]
    window: Literal["rolling", "calendar_day"]
    days: Annotated[int, Meta(ge=1, le=366)] = 1
    per: Literal["recipient", "debt"]
    across: Literal["all", "creditor"]


Element = Literal["prior_consent", "sender_name", "opt_out_wording", "collector_disclosure", "collection_disclosure"]
Topic = Literal[
    "posing_as_authority",
    "posing_as_creditor",
    "threat",
    "exposure",
    "abuse",
    "invented_blacklist",
    "exaggerated_amount",
    "exaggerated_consequence",
    "details_to_unknown_person",
    "sender_name_reveals_collection",
]


class Required(RuleRow, frozen=True, kw_only=True, tag="required"):
    """The elements that a message must have: every message, the first of a debt, or a promotional one."""

    elements: tuple[Element, ...]
    when: Literal["each", "first", "promotional"] = "each"


class Forbidden(RuleRow, frozen=True, kw_only=True, tag="forbidden"):
    """The topics that a message must not contain."""

    topics: tuple[Topic, ...]


class ReplyWords(RuleRow, frozen=True, kw_only=True, tag="reply_words"):
    """Replies that stop messages, and replies that lift a stop."""

    stop: Words
    start: Words


class Wording(RuleRow, frozen=True, kw_only=True, tag="wording"):
    """Wordings by which a text may say how to opt out."""

    examples: Words


class Whom(RuleRow, frozen=True, kw_only=True, tag="whom"):
    """The persons to whom a message may be sent."""

    persons: tuple[Literal["debtor", "guarantor", "contact"], ...]


class Refusal(RuleRow, frozen=True, kw_only=True, tag="refusal"):
    """How many confirmations may follow a refusal."""

    confirmations: Annotated[int, Meta(ge=0, le=1)]


class Records(RuleRow, frozen=True, kw_only=True, tag="records"):
    """How long records are kept (`keep`, an ISO 8601 period) after the contact or after the last activity on the
    debt."""

    what: Literal["traffic", "collection"]
    keep: Annotated[str, Meta(pattern=r"^P[1-9][0-9]?[DMY]\Z")]
    after: Literal["contact", "last_activity"]


class Reassignment(RuleRow, frozen=True, kw_only=True, tag="reassignment"):
    """A safe harbour for reassigned numbers that were texted or looked up within these days."""

    days: Annotated[int, Meta(ge=1, le=366)]


AnyRow = QuietHours | Cap | Required | Forbidden | ReplyWords | Wording | Whom | Refusal | Records | Reassignment


class PackContents(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A pack as it is written. `cities`: city → the region in which it lies. `territories`: a country code → the
    country whose rules apply there. `holidays`: name → year → days as `MMDD`."""

    version: Annotated[str, Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}\Z")]
    cities: dict[str, str] = field(default_factory=dict)
    territories: dict[str, str] = field(default_factory=dict)
    rows: tuple[AnyRow, ...]
    holidays: dict[str, dict[str, str]] = field(default_factory=dict)
