"""The decision. `decide.decide` is the entrance."""
