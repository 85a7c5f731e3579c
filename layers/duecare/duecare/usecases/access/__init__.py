"""Who calls: the authorizer's check of a bearer token, and the check of the caller's registration."""
