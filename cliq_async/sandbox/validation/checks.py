"""The building blocks of `validation`.

A check takes a value and its path in the body, and raises `ApiFault` if the value is not valid.
Lengths are counted in characters.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import msgspec

from cliq_async.sandbox.errors import ApiFault, bad_request, param_missing

__all__ = [
    "Check",
    "anything",
    "array_of",
    "boolean",
    "by_field",
    "integer",
    "json_object",
    "map_of",
    "matching",
    "number",
    "object_with",
    "one_of",
    "scalar",
    "string",
    "unknown_keys",
    "with_code",
]

_INVALID: Final = "invalid_inputs"
_MIN_INT: Final = -(2**63)
_MAX_INT: Final = 2**64 - 1

Check = Callable[[Any, str], None]

_UNKNOWN_ALLOWED: ContextVar[bool] = ContextVar("unknown_allowed", default=False)


@contextmanager
def unknown_keys(*, allowed: bool) -> Iterator[None]:
    """Say whether objects may have undocumented keys, for the checks that the body runs."""
    token = _UNKNOWN_ALLOWED.set(allowed)
    try:
        yield
    finally:
        _UNKNOWN_ALLOWED.reset(token)


def string(max_length: int | None = None, min_length: int = 0) -> Check:
    """Return a check for a string of `min_length` to `max_length` characters."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, str):
            raise bad_request(f"'{path}' is not a string.")
        if len(value) < min_length or (max_length is not None and len(value) > max_length):
            limit = min_length if len(value) < min_length else max_length
            raise bad_request(f"'{path}' has {len(value)} characters; the limit is {limit}.")

    return check


def one_of(*allowed: str) -> Check:
    """Return a check for one of these strings."""

    def check(value: Any, path: str) -> None:
        if value not in allowed:
            text = f"'{path}' is not one of {', '.join(allowed)}."
            raise bad_request(text, live="input_pattern_mismatch")

    return check


def matching(pattern: str, description: str, flags: re.RegexFlag = re.NOFLAG) -> Check:
    """Return a check for a string that matches a whole pattern; errors have its description."""
    compiled = re.compile(pattern, flags)
    text = string()

    def check(value: Any, path: str) -> None:
        text(value, path)
        if not compiled.fullmatch(value):
            raise bad_request(f"'{path}' is not {description}.")

    return check


def integer(minimum: int | None = None, maximum: int | None = None) -> Check:
    """Return a check for a whole number from `minimum` to `maximum`."""

    def check(value: Any, path: str) -> None:
        if type(value) is not int:  # bool is a subclass of int
            raise bad_request(f"'{path}' is not a whole number.")
        if (minimum is not None and value < minimum) or (maximum is not None and value > maximum):
            raise bad_request(f"'{path}' is not a number from {minimum} to {maximum}.")

    return check


def anything(_value: Any, _path: str) -> None:
    """Accept any value."""


def number(value: Any, path: str) -> None:
    """Check that a value is a number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise bad_request(f"'{path}' is not a number.")


def boolean(value: Any, path: str) -> None:
    """Check that a value is true or false."""
    if not isinstance(value, bool):
        raise bad_request(f"'{path}' is neither true nor false.")


def scalar(value: Any, path: str) -> None:
    """Check that a value is a string or a number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise bad_request(f"'{path}' is neither a string nor a number.")


def array_of(item: Check, max_items: int | None = None, min_items: int = 0) -> Check:
    """Return a check for an array of `min_items` to `max_items` entries, each checked by `item`."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, list):
            raise bad_request(f"'{path}' is not an array.")
        if len(value) < min_items or (max_items is not None and len(value) > max_items):
            limit = min_items if len(value) < min_items else max_items
            raise bad_request(f"'{path}' has {len(value)} entries; the limit is {limit}.")
        for index, each in enumerate(value):
            item(each, f"{path}[{index}]")

    return check


def map_of(item: Check) -> Check:
    """Return a check for an object with any keys, each value checked by `item`."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise bad_request(f"'{path}' is not an object.")
        for key, each in value.items():
            item(each, f"{path}.{key}")

    return check


def object_with(
    required: Mapping[str, Check], optional: Mapping[str, Check] | None = None
) -> Check:
    """Return a check for an object with the required and, optionally, the optional fields only.

    `unknown_keys` can allow others.
    """
    fields = dict(required) | dict(optional or {})

    def check(value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise bad_request(f"'{path}' is not an object.")
        for key, each in value.items():
            if key in fields:
                fields[key](each, f"{path}.{key}" if path else key)
            elif not _UNKNOWN_ALLOWED.get():
                raise bad_request(f"'{key}' is an extra key in the JSON Object.", "extra_key_found")
        for key in required:
            if key not in value:
                raise param_missing(f"{path}.{key}" if path else key)

    return check


def by_field(field: str, checks: Mapping[Any, Check], default: str | None = None) -> Check:
    """Return a check for an object whose fields depend on the value of one of them."""
    kinds = one_of(*checks)

    def check(value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise bad_request(f"'{path}' is not an object.")
        if field not in value and default is None:
            raise param_missing(f"{path}.{field}")
        kind = value.get(field, default)
        kinds(kind, f"{path}.{field}")
        checks[kind](value, path)

    return check


def with_code(check: Check, code: str) -> Check:
    """Return a check with another error code; the code for an extra key stays."""

    def run(value: Any, path: str) -> None:
        try:
            check(value, path)
        except ApiFault as fault:
            if fault.code != _INVALID:
                raise
            raise fault.with_code(code) from None

    return run


def json_object(body: bytes, code: str = _INVALID) -> dict[str, Any]:
    """Decode a body that must be a JSON object.

    Raises:
        ApiFault: The body is not a JSON object, names a key twice, or has a number of more than
            64 bits; the error's code is `code`.
    """
    try:
        value = msgspec.json.decode(body)
        # msgspec keeps the last of equal keys, and reads integers of any size.
        json.loads(body, object_pairs_hook=_check_keys, parse_int=_check_int)
    except (ValueError, RecursionError):
        raise bad_request("The body is not valid JSON.", code) from None
    if not isinstance(value, dict):
        raise bad_request("The body is not a JSON object.", code)
    return value


def _check_keys(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key is there twice")


def _check_int(digits: str) -> None:
    if not _MIN_INT <= int(digits) <= _MAX_INT:
        raise ValueError("the number has more than 64 bits")
