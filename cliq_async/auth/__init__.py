"""Authentication: credentials, and the providers, refresh, cache and issue of access tokens."""
