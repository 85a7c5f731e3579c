"""What the tests share: in-memory adapters, worlds, builders, engines."""
