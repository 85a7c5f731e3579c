"""The decision and its evidence: pure code that the service and the client share.

    errors      every error, as one tree
    domain      parties, statements and how they merge, texts, contact rules, and `decide`
    evidence    the bytes that others verify: records, receipts, statements, the log, the case file
    engine      the name of the code and data that decide

Nothing here reads a clock, the network, the environment or a file. Dependencies point one way: evidence → domain →
errors.
"""

__version__ = "0.1.0"
