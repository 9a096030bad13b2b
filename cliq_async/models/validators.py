"""Validators of the documented limits, shared by the request models.

Lengths are in Unicode code points.
"""

import re
from collections.abc import Callable
from typing import Any, Final

import attrs

from cliq_async.errors import Unquoted, ValidationError

__all__ = [
    "Validator",
    "check_any",
    "check_count",
    "check_https",
    "check_text",
    "field_name",
    "https_url",
    "instance",
    "instances",
    "int_range",
    "is_bool",
    "is_true_or_false",
    "matches",
    "one_of",
    "range_text",
    "str_length",
    "strings",
    "subset_of",
    "text_pairs",
]

# (the model, its attrs.Attribute, the value)
Validator = Callable[[Any, Any, Any], None]

_HTTPS: Final = re.compile(r"https://\S+", re.IGNORECASE)
_TEXT: Final = "a str"
_PAIR: Final = 2


def range_text(low: int, high: int | None, what: str) -> str:
    """Return a range in words: `1 to 20 characters`, `at most 5 buttons`, `1 or more headers`."""
    if high is None:
        return f"{low:,} or more {what}"
    return f"{low:,} to {high:,} {what}" if low else f"at most {high:,} {what}"


def check_text(field: str, value: object, low: int = 0, high: int | None = None) -> str:
    """Check and return a str of `low` to `high` characters that UTF-8 can encode.

    Raises:
        ValidationError: The value is not one; if its length is wrong, `given` is the length.
    """
    if not isinstance(value, str):
        raise ValidationError(field, _TEXT, value)
    if len(value) < low or (high is not None and len(value) > high):
        raise ValidationError(field, _text_limit(low, high), len(value))
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            half = f"U+{ord(value[error.start]):04X} at {error.start}"
            raise ValidationError(field, "a str without lone surrogates", Unquoted(half)) from None
    return value


def _text_limit(low: int, high: int | None) -> str:
    return _TEXT if high is None and not low else f"a str of {range_text(low, high, 'characters')}"


def field_name(model: object, attribute: Any) -> str:
    """Return a field's name for error messages, such as `Button.label`."""
    return f"{type(model).__name__}.{attribute.name}"


def str_length(low: int = 0, high: int | None = None, *, optional: bool = False) -> Validator:
    """Return a validator for a str of `low` to `high` characters; None passes if it is optional."""

    def validate(model: object, attribute: Any, value: object) -> None:
        if value is None and optional:
            return
        check_text(field_name(model, attribute), value, low, high)

    return validate


def matches(
    pattern: re.Pattern[str], description: str, *, high: int | None = None, optional: bool = False
) -> Validator:
    """Return a validator for a str that fully matches a pattern, which `description` describes."""

    def validate(model: object, attribute: Any, value: object) -> None:
        if value is None and optional:
            return
        field = field_name(model, attribute)
        if not pattern.fullmatch(check_text(field, value, 1, high)):
            raise ValidationError(field, description, value)

    return validate


def check_https(field: str, value: object) -> None:
    """Check that a value is an HTTPS URL.

    Raises:
        ValidationError: The value is not an HTTPS URL.
    """
    if not _HTTPS.fullmatch(check_text(field, value, 1)):
        raise ValidationError(field, "an https:// URL", value)


def https_url(model: object, attribute: Any, value: object) -> None:
    """Validate None or an HTTPS URL."""
    if value is not None:
        check_https(field_name(model, attribute), value)


def one_of(*values: str) -> Validator:
    """Return a validator for None or one of the given values."""
    choices = f"one of {', '.join(values)}"

    def validate(model: object, attribute: Any, value: object) -> None:
        if value is not None and value not in values:
            raise ValidationError(field_name(model, attribute), choices, value)

    return validate


def is_bool(model: object, attribute: Any, value: object) -> None:
    """Validate None, True or False."""
    if value is not None and not isinstance(value, bool):
        raise ValidationError(field_name(model, attribute), "True, False or None", value)


def is_true_or_false(model: object, attribute: Any, value: object) -> None:
    """Validate True or False."""
    if not isinstance(value, bool):
        raise ValidationError(field_name(model, attribute), "True or False", value)


def instance(cls: type, what: str, *, optional: bool = False) -> Validator:
    """Return a validator for an instance of a class."""

    def validate(model: object, attribute: Any, value: object) -> None:
        if not isinstance(value, cls) and not (value is None and optional):
            raise ValidationError(field_name(model, attribute), what, value)

    return validate


def check_count(field: str, value: tuple[Any, ...], low: int, high: int | None, what: str) -> None:
    """Check the number of items.

    Raises:
        ValidationError: There are too many items, or too few.
    """
    if len(value) < low or (high is not None and len(value) > high):
        raise ValidationError(field, range_text(low, high, what), len(value))


def instances(cls: type, low: int, high: int | None, what: str) -> Validator:
    """Return a validator for a tuple of `low` to `high` instances of a class."""

    def validate(model: object, attribute: Any, value: tuple[Any, ...]) -> None:
        field = field_name(model, attribute)
        check_count(field, value, low, high, what)
        for index, item in enumerate(value):
            if not isinstance(item, cls):
                raise ValidationError(f"{field}[{index}]", f"a {cls.__name__}", item)

    return validate


def strings(
    low: int, high: int | None, what: str, *, each: tuple[int, int | None], optional: bool = False
) -> Validator:
    """Return a validator for a tuple of `low` to `high` str, each with a length in `each`."""

    def validate(model: object, attribute: Any, value: tuple[Any, ...] | None) -> None:
        if value is None and optional:
            return
        value = value or ()
        field = field_name(model, attribute)
        check_count(field, value, low, high, what)
        for index, item in enumerate(value):
            check_text(f"{field}[{index}]", item, *each)

    return validate


def subset_of(*values: str, maximum: int) -> Validator:
    """Return a validator for None or a tuple of at most `maximum` of the given values."""
    choices = f"one of {', '.join(values)}"

    def validate(model: object, attribute: Any, value: tuple[Any, ...] | None) -> None:
        if value is None:
            return
        field = field_name(model, attribute)
        check_count(field, value, 0, maximum, "values")
        for index, item in enumerate(value):
            if item not in values:
                raise ValidationError(f"{field}[{index}]", choices, item)

    return validate


def int_range(low: int, high: int) -> Validator:
    """Return a validator for None or an int from `low` to `high`."""

    def validate(model: object, attribute: Any, value: object) -> None:
        # bool is a subclass of int
        if value is not None and not (type(value) is int and low <= value <= high):
            raise ValidationError(
                field_name(model, attribute), f"an int from {low} to {high}", value
            )

    return validate


def check_any(model: Any) -> None:
    """Check that at least one field of a model is not None.

    Raises:
        ValidationError: All fields are None.
    """
    if all(getattr(model, field.name) is None for field in attrs.fields(type(model))):
        raise ValidationError(type(model).__name__, "at least one change", Unquoted("none"))


def text_pairs(what: str) -> Validator:
    """Return a validator for a tuple of at least one pair of str."""

    def validate(model: object, attribute: Any, value: tuple[Any, ...]) -> None:
        field = field_name(model, attribute)
        check_count(field, value, 1, None, what)
        for index, item in enumerate(value):
            if not isinstance(item, tuple) or len(item) != _PAIR:
                raise ValidationError(f"{field}[{index}]", "a pair of str", item)
            for part in item:
                check_text(f"{field}[{index}]", part)

    return validate
