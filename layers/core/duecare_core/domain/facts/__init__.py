"""Parties and what they state: statement types, the facts that a decision reads, and the one merge of both."""
