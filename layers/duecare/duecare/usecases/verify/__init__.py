"""One message, one decision: load, decide, sign, record, answer."""
