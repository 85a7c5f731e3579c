"""One composition root for each function: its settings, its adapters, its use cases."""
