"""Bulk jobs: messages and calls to many recipients."""
