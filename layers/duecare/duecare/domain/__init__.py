"""What is true: parties, what they stated, how statements merge, what a text claims, and the decision.

Frozen values and pure functions: no I/O, no clock, no environment.
"""
