"""For those whom a decision concerns: look it up, get its case file, reconcile deliveries."""
