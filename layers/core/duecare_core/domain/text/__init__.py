"""Reading of message texts. `reader.read` is the entry point; every other module finds one kind of element for it."""
