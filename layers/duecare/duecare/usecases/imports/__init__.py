"""Uploaded files, in the order of their steps: announce, ingest, import_part, close."""
