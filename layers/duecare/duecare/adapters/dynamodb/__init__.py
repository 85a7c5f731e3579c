"""The ports on DynamoDB and its stream."""
