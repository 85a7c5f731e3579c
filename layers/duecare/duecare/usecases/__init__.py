"""The use cases of the service, a folder for each concern. They use ports, never an adapter.

table       the keys of the one table, and documents as values
retry       the retry after a write conflict
access      who calls: bearer tokens, and the caller's registration
verify      one message, one decision
statements  statements become facts
imports     uploaded files
log         the sequencer, and reading the published log
audit       look up a decision, make its case file, reconcile
operator    parties, keys, halts and erasure
"""
