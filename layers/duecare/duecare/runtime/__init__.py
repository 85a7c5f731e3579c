"""Between AWS Lambda and the use cases: the only place that knows the environment and Powertools."""
