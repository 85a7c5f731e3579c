"""The ports on S3: uploaded files, the log's objects, the archive."""
