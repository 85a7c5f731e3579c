"""The case file of one decision: its format and checks, the inputs, and the replay."""
