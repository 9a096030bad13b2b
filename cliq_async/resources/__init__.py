"""The typed methods of the API, one resource a file."""
