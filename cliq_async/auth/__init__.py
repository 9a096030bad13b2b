"""Credentials, and the access tokens that are issued for them."""
