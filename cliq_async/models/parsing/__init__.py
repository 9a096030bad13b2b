"""Parsers from the API's plain JSON form into checked request models."""
