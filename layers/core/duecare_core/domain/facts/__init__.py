"""Parties, statement types, the facts that a decision reads, and how statements merge into facts."""
