"""Uploaded files: announce, ingest, import part by part, close."""
