"""The member types of requests and statements, with their limits. JSON Schema is generated from them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal, NewType

from msgspec import Meta

# The end of a value. Python's `$` also matches before a final newline, and `\Z` does not. The OpenAPI document has `$`
# in its place, which is as strict in the dialects that read it (ECMA-262, RE2).
_END = r"\Z"

# A recipient is named in four ways, which must not be mixed up: by number, by the HMAC of the number under the pepper
# (the key of the recipient's facts), by an HMAC that is another one for each gateway (the tag of its decisions), and by
# a salted digest of the number (in records and receipts).
E164 = NewType("E164", str)
RecipientKey = NewType("RecipientKey", str)
RecipientTag = NewType("RecipientTag", str)
RecipientDigest = NewType("RecipientDigest", str)
TextMac = NewType("TextMac", str)  # an HMAC of the digest of a text

# Of every pattern, what it expects, with an example: an error says this and never shows the pattern.
EXPECTED: dict[str, str] = {}


def _form(pattern: str, expected: str, end: str = _END) -> Meta:
    EXPECTED[pattern + end] = expected
    return Meta(pattern=pattern + end, description=expected)


_PARTY = "[a-z0-9][a-z0-9-]{1,62}"
PartyId = Annotated[str, _form(f"^{_PARTY}", "a party id: lower-case letters, digits and hyphens, such as mou-zichan")]
PartyOrAll = Annotated[str, _form(rf"^(\*|{_PARTY})", "a party id such as mou-zichan, or * for all creditors")]
PhoneNumber = Annotated[
    E164, _form(r"^\+[1-9][0-9]{6,14}", "a telephone number in its one E.164 spelling, such as +12025550123")
]
Digest = Annotated[str, _form(r"^sha256:[0-9a-f]{64}", "sha256: and 64 lower-case hexadecimal digits")]
Amount = Annotated[
    str,
    _form(r"^(0|[1-9][0-9]{0,14})(\.[0-9]{1,4})?", "a decimal string without sign or separators, such as 27911.00"),
]
Currency = Annotated[str, _form(r"^[A-Z]{3}", "an ISO 4217 currency code, such as CNY")]
Region = Annotated[str, _form(r"^[A-Z]{2}-[A-Z0-9]{1,3}", "an ISO 3166-2 code, such as CN-SH")]
TimeZone = Annotated[str, _form(r"^[A-Za-z0-9_+/-]{1,64}", "an IANA time zone, such as Asia/Shanghai")]
Time = Annotated[datetime, Meta(tz=True, description="RFC 3339 with an offset")]
TimeOrDate = Annotated[
    str,
    _form(
        r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
        r"(T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9]))?",
        "an RFC 3339 time with its offset, such as 2026-11-01T08:00:00+08:00, or a date, such as 2026-11-01",
    ),
]
_UNIX = Meta(ge=0, le=253402300799, description="RFC 7519 NumericDate")
NumericDate = Annotated[int, _UNIX] | Annotated[float, _UNIX]
# No control characters, because these strings reach keys, logs and pages.
Reference = Annotated[str, _form(r"^[^\x00-\x1f\x7f]{1,128}", "1 to 128 characters, none of them a control character")]
DisplayName = Annotated[str, _form(r"^[^\x00-\x1f\x7f]{1,80}", "1 to 80 characters, none of them a control character")]
Text = Annotated[
    str,
    Meta(min_length=1, max_length=2000),
    _form(
        r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*", "a text without control characters other than line breaks and tabs", "$"
    ),
]

Channel = Literal["sms", "voice", "email", "im"]
Channels = Annotated[list[Channel], Meta(min_length=1, max_length=4)]
Role = Literal["creditor", "collector", "gateway", "carrier", "auditor", "reviewer"]

Outcome = Literal["allow", "deny"]
# Why a message is denied, in the order in which an answer lists the reasons. The messages are in domain/decision.
ReasonCode = Literal[
    "HALTED",
    "GATEWAY_SUSPENDED",
    "CREDITOR_UNKNOWN",
    "CREDITOR_SUSPENDED",
    "COLLECTOR_UNKNOWN",
    "COLLECTOR_SUSPENDED",
    "MANDATE_MISSING",
    "MANDATE_EXPIRED",
    "MANDATE_REVOKED",
    "ROUTE_MISSING",
    "ROUTE_EXPIRED",
    "ROUTE_REVOKED",
    "OPTED_OUT",
    "NUMBER_REASSIGNED",
    "CONSENT_MISSING",
    "CONSENT_REVOKED",
    "CONSENT_EXPIRED",
    "CONSENT_CHANNEL",
    "CONSENT_UNCONFIRMED",
    "DEBT_MISSING",
    "DEBT_SETTLED",
    "DEBT_WITHDRAWN",
    "DEBT_DISPUTED",
    "DEBT_STALE",
    "DEBT_COLLECTOR",
    "SUBJECT_MISMATCH",
    "TEXT_SENDER",
    "TEXT_AMOUNT",
    "TEXT_OPT_OUT",
    "TEXT_DISCLOSURE",
    "TEXT_FORBIDDEN",
    "QUIET_HOURS",
    "FREQUENCY_CAP",
]

# In stored and logged documents the decoder accepts any string, so that a program reads documents with codes and roles
# that a newer version has added. The type checker still sees the names.
if TYPE_CHECKING:
    LoggedReasonCode = ReasonCode
    LoggedRole = Role
else:
    LoggedReasonCode = LoggedRole = str

# Minor units of the active ISO 4217 codes, list of 2026-01-01, without funds and metals.
_MINOR = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC "
    "CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR "
    "JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD "
    "NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN "
    "SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD XCG YER ZAR ZMW ZWG",
}
MINOR_UNITS = {code: units for units, codes in _MINOR.items() for code in codes.split()}
