"""What a text says. `reader.read` is the entrance; every other module finds one kind of thing for it."""
