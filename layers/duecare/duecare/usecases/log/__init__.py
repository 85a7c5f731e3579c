"""The log: the sequencer that writes it, the sweep that finds what the stream never delivered, and its reader."""
