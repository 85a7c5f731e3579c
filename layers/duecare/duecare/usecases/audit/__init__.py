"""Use cases for the parties to a decision: look it up, get its case file, reconcile deliveries."""
