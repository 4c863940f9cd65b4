"""The stand-in for a Cognito user pool: a token endpoint, its keys, and a client of it."""
