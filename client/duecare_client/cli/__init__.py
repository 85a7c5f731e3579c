"""The `duecare` command."""
