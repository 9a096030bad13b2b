"""Subscriber lists: sync a bot's subscribers into a SQLite file, and read them from it."""
