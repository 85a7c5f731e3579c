"""The operator's use cases, for callers with IAM rights: parties, keys, halts, erasure."""
