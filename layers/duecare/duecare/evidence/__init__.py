"""What proves it: canonical bytes, statements, records and receipts. Pure, so that an auditor can reuse it."""
