"""Converters from convenient arguments to the types that request models hold.

They never raise: a value that cannot be converted is returned as it is, and the validator that
runs next raises with the field's name.
"""

import string
from collections.abc import Iterable, Mapping
from decimal import Decimal
from numbers import Integral
from typing import Any, Final

__all__ = [
    "INVISIBLE",
    "as_id",
    "as_optional_tuple",
    "as_pairs",
    "as_rows",
    "as_text",
    "as_texts",
    "as_tuple",
    "count_characters",
]

INVISIBLE: Final = "\xad\u061c\u180e\ufeff" + "".join(
    chr(code)
    for first, last in ((0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F))
    for code in range(first, last + 1)
)
"""Characters that are copied along with a text and cannot be seen."""
_SPACES: Final = string.whitespace + "".join(
    chr(code) for code in (0x1C, 0x1D, 0x1E, 0x1F, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B))
)
_AROUND: Final = f"{_SPACES}\u2028\u2029\u202f\u205f\u3000{INVISIBLE}"


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


def as_texts(value: Any) -> tuple[str, ...]:
    """Convert one item or an iterable of items to strings; numbers become strings."""
    return tuple(as_text(item) for item in as_tuple(value))


def as_id(value: object) -> Any:
    """Convert an id to a string: an integer of any type, or a Decimal without a fraction.

    Spaces and invisible characters around a string are stripped. Return any other value as it is.
    """
    if isinstance(value, str):
        return str.__str__(value).strip(_AROUND)
    if type(value) is int:  # the usual case, as looking for an Integral takes long
        return as_text(value)
    if isinstance(value, float | bool):
        return value
    if isinstance(value, Decimal):
        exact = value.is_finite() and int(value.as_tuple().exponent) <= 0
        return str(int(value)) if exact and value == value.to_integral_value() else value
    return as_text(int(value) if isinstance(value, Integral) else value)


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
    """Count the characters of all strings in nested tuples, lists and dicts, keys included."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, tuple | list):
        return sum(count_characters(item) for item in value)
    if isinstance(value, dict):
        return sum(count_characters(key) + count_characters(item) for key, item in value.items())
    return 0
