"""Uploaded files: the signed manifest, and reading rows from bytes."""
