"""Conversions of what a person would write into what a request model holds.

They never refuse: what they do not understand they hand on, and the validator behind them, which
knows the field's name, raises.
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
    """A tuple of what was given: one item, several of them, or None for none."""
    if value is None:
        return ()
    if isinstance(value, tuple):
        return value
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        return (value,)
    return tuple(value)


def as_optional_tuple(value: Any) -> tuple[Any, ...] | None:
    """The same where None says that nothing was given."""
    return None if value is None else as_tuple(value)


def as_text(value: object) -> Any:
    """A number as its text, as people put numbers into tables; anything else as it is."""
    if isinstance(value, str):
        return str.__str__(value)  # of a subclass, the str that it is
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return str(value)
        except ValueError:  # an int of more than 4,300 digits
            return value
    return value


def as_id(value: object) -> Any:
    """An id that was given as an int as its text; anything else as it is."""
    return value if isinstance(value, float) else as_text(value)


def as_pairs(value: Any) -> tuple[tuple[str, str], ...]:
    """Pairs from a mapping, or from an iterable of pairs; numbers become text."""
    items = as_tuple(value.items() if isinstance(value, Mapping) else value)
    return tuple(
        tuple(as_text(part) for part in item) if isinstance(item, list | tuple) else item
        for item in items
    )


def as_rows(value: Any) -> tuple[dict[str, str], ...]:
    """Table rows from one mapping or several; numbers become text."""
    return tuple(
        {as_text(key): as_text(cell) for key, cell in row.items()}
        if isinstance(row, Mapping)
        else row
        for row in as_tuple(value)
    )


def count_characters(value: object) -> int:
    """The characters of all strings in nested tuples and dicts, keys included."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, tuple):
        return sum(count_characters(item) for item in value)
    if isinstance(value, dict):
        return sum(count_characters(key) + count_characters(item) for key, item in value.items())
    return 0
