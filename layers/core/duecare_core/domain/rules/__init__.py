"""The rule pack: rows of contact rules, how they are read, tightened and applied to one message."""
