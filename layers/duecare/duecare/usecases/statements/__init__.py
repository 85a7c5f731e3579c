"""Statements: verify the signature, merge into the facts, store, answer."""
