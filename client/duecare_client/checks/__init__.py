"""Checks that anyone can make: receipts, reconciliations, the log, the store, witnesses, rows of a portfolio."""
