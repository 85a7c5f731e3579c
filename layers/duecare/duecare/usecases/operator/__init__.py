"""What the operator does with IAM rights: parties, keys, halts, erasure."""
