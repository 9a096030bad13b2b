"""Bulk jobs: messages and calls to many recipients, with a journal to resume from."""
