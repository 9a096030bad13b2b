"""Converters from convenient arguments to the types that request models hold.

They never raise: a value that cannot be converted is returned as it is, and the validator that
runs next raises with the field's name.
"""

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = [
    "as_id",
    "as_optional_tuple",
    "as_pairs",
    "as_rows",
    "as_text",
    "as_tuple",
    "count_characters",
]


def as_tuple(value: Any) -> tuple[Any, ...]:
    """Convert one item, an iterable of items, or None to a tuple."""
    if value is None:
        return ()
    if isinstance(value, tuple):
        return value
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        return (value,)
    return tuple(value)


def as_optional_tuple(value: Any) -> tuple[Any, ...] | None:
    """Convert one item or an iterable of items to a tuple; return None for None."""
    return None if value is None else as_tuple(value)


def as_text(value: object) -> Any:
    """Convert a number to a string; return any other value as it is."""
    if isinstance(value, str):
        return str.__str__(value)  # turns an instance of a subclass into a plain str
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return str(value)
        except ValueError:  # an int of more than 4,300 digits
            return value
    return value


def as_id(value: object) -> Any:
    """Convert an integer id to a string; return any other value as it is."""
    return value if isinstance(value, float) else as_text(value)


def as_pairs(value: Any) -> tuple[tuple[str, str], ...]:
    """Convert a mapping or an iterable of pairs to pairs; numbers become strings."""
    items = as_tuple(value.items() if isinstance(value, Mapping) else value)
    return tuple(
        tuple(as_text(part) for part in item) if isinstance(item, list | tuple) else item
        for item in items
    )


def as_rows(value: Any) -> tuple[dict[str, str], ...]:
    """Convert one mapping or several to table rows; numbers become strings."""
    return tuple(
        {as_text(key): as_text(cell) for key, cell in row.items()}
        if isinstance(row, Mapping)
        else row
        for row in as_tuple(value)
    )


def count_characters(value: object) -> int:
    """Count the characters of all strings in nested tuples and dicts, keys included."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, tuple):
        return sum(count_characters(item) for item in value)
    if isinstance(value, dict):
        return sum(count_characters(key) + count_characters(item) for key, item in value.items())
    return 0
