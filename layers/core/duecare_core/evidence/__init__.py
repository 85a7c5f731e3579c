"""Evidence that third parties verify. Pure code, so that an auditor can run it.

canonical, packing, pseudonyms   RFC 8785 bytes, compression at rest, keyed digests
jose                             keys (JWK) and signatures (JWS)
statement, record, receipt       signed statements, decision records and their receipts
acknowledgement                  what the service signs for a party whose statement it accepted
reconciliation                   the signed result of a reconciliation
stored                           a stored document and its log entry
log                              the Merkle log: tiles, entries, checkpoints, proofs
casefile                         the case file: its checks, and the replay of the decision
"""
