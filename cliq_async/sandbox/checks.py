"""The kinds of checks that `validation` is written in.

A check takes a value and the path that leads to it, and raises `Refused` where the documents do
not allow the value. Lengths are counted in characters.
"""

from collections.abc import Callable, Mapping
from typing import Any

__all__ = [
    "Check",
    "Refused",
    "a_list",
    "a_map",
    "a_text",
    "an_object",
    "by_field",
    "flag",
    "malformed",
    "one_of",
    "scalar",
    "starts_with",
]

Check = Callable[[Any, str], None]


class Refused(Exception):  # noqa: N818 - it is an answer of the API, not an error of the sandbox
    """The request is answered with an error.

    Attributes:
        status: The HTTP status.
        message: The text for people.
        code: The error code; None where Cliq gives none.
    """

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code


def malformed(message: str, code: str = "invalid_inputs") -> Refused:
    """The answer to a request that the documents do not allow."""
    return Refused(400, message, code)


def a_text(most: int | None = None, least: int = 0) -> Check:
    """A string of `least` to `most` characters."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, str):
            raise malformed(f"'{path}' is not a string.")
        if len(value) < least or (most is not None and len(value) > most):
            limit = least if len(value) < least else most
            raise malformed(f"'{path}' has {len(value)} characters; the limit is {limit}.")

    return check


def one_of(*allowed: str) -> Check:
    """One of these strings."""

    def check(value: Any, path: str) -> None:
        if value not in allowed:
            raise malformed(f"'{path}' is none of {', '.join(allowed)}.")

    return check


def starts_with(*prefixes: str, most: int | None = None) -> Check:
    """A string of at most `most` characters that begins with one of these, in any case."""
    text = a_text(most)

    def check(value: Any, path: str) -> None:
        text(value, path)
        if not value.lower().startswith(prefixes):
            raise malformed(f"'{path}' begins with none of {', '.join(prefixes)}.")

    return check


def flag(value: Any, path: str) -> None:
    """Check that it is true or false."""
    if not isinstance(value, bool):
        raise malformed(f"'{path}' is neither true nor false.")


def scalar(value: Any, path: str) -> None:
    """Check that it is neither an array nor an object."""
    if isinstance(value, dict | list):
        raise malformed(f"'{path}' is not a plain value.")


def a_list(item: Check, most: int | None = None, least: int = 0) -> Check:
    """An array of `least` to `most` entries, each held to `item`."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, list):
            raise malformed(f"'{path}' is not an array.")
        if len(value) < least or (most is not None and len(value) > most):
            limit = least if len(value) < least else most
            raise malformed(f"'{path}' has {len(value)} entries; the limit is {limit}.")
        for index, each in enumerate(value):
            item(each, f"{path}[{index}]")

    return check


def a_map(item: Check) -> Check:
    """An object with any keys, each value held to `item`."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise malformed(f"'{path}' is not an object.")
        for key, each in value.items():
            item(each, f"{path}.{key}")

    return check


def an_object(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object that has the required fields, may have the optional ones, and no others."""
    fields = dict(required) | dict(optional or {})

    def check(value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise malformed(f"'{path}' is not an object.")
        for key, each in value.items():
            if key not in fields:
                raise malformed(
                    f"'{key}' is an extra key in the JSON Object.", code="extra_key_found"
                )
            fields[key](each, f"{path}.{key}" if path else key)
        for key in required:
            if key not in value:
                raise malformed(f"'{path}.{key}' is missing.")

    return check


def by_field(field: str, checks: Mapping[Any, Check], default: str | None = None) -> Check:
    """An object whose other fields depend on the value of one."""
    kinds = one_of(*checks)

    def check(value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise malformed(f"'{path}' is not an object.")
        kind = value.get(field, default)
        kinds(kind, f"{path}.{field}")
        checks[kind](value, path)

    return check
