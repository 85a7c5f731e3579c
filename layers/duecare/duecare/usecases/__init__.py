"""One file a verb: load, decide, record, answer."""
