"""The ports on real things: DynamoDB, KMS, Secrets Manager; and in memory, a second real implementation of each."""
