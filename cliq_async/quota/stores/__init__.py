"""Quota stores: memory, SQLite and Redis."""
