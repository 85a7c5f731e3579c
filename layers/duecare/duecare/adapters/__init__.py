"""The ports on AWS: one folder or file for each backing service, over boto3 or the lean signed client."""
