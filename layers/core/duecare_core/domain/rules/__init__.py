"""The rule pack: the kinds of rows, parsing, tightening, and application to one message."""
