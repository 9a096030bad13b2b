"""The typed methods of the API, one resource per file."""
