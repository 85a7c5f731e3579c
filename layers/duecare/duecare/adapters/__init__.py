"""The ports on AWS, one file for each backing service, over boto3, PynamoDB or the lean signed client."""
