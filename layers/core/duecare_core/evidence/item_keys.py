"""The letters that begin the keys of the one table. Each letter has one meaning.

A partition key is a letter, `#` and a name. A sort key within a recipient's partition is a letter, and `#` and a name
where there can be several. The archive's copies and the log's checks know the letters of logged records; all others are
the service's own (docs/architecture.md, "The table").
"""

from __future__ import annotations

# Partition keys of logged records.
DECISION = "X"
STATEMENT = "S"
PARTY = "P"
RECEIPT_KEY = "K"
ACKNOWLEDGEMENT_KEY = "A"
ERASURE = "Z"
VOID = "v"
ENGINE = "e"

# Other partition keys.
RECIPIENT = "R"
MANDATE = "M"
ROUTE = "T"
UPLOAD = "U"
DELIVERIES = "V"
LOG_HEAD = "L"
LOG_POINTER = "E"
DECISION_PAGES = "G"
KEY_OWNER = "J"
CHAIN_LINKS = "Y"
CONTENT = "I"
DEBT_GUARD = "B"
VOID_WORK = "w"

# Sort keys in a recipient's partition.
CONSENT = "C"
DEBT = "D"
DISPUTE = "Q"
STOP = "O"
NUMBER = "N"
CONTACTS = "F"
CHAIN_HEAD = "H"

# Sort key of a part of an upload.
PART = "W"

# The partition key prefix of every kind of record that gets an entry in the log.
LOGGED_PREFIXES = (
    DECISION_PREFIX,
    STATEMENT_PREFIX,
    PARTY_PREFIX,
    RECEIPT_KEY_PREFIX,
    ACKNOWLEDGEMENT_KEY_PREFIX,
    ERASURE_PREFIX,
    VOID_PREFIX,
    ENGINE_PREFIX,
) = tuple(
    f"{letter}#" for letter in (DECISION, STATEMENT, PARTY, RECEIPT_KEY, ACKNOWLEDGEMENT_KEY, ERASURE, VOID, ENGINE)
)
