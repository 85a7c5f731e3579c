"""The log: the sequencer that writes it, and reading it as it is published."""
