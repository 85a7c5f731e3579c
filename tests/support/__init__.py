"""Shared by the tests: in-memory adapters, worlds, builders, engines."""
