"""Deserialization: models from the decoded JSON of responses.

Responses are first read by `msgspec.convert`, which fills the attrs classes at C speed but accepts
only the documented types. Data that it refuses is read by cattrs, which is tolerant: null becomes
the default, and a number becomes text where text is expected. Each class tries msgspec separately,
so one unusual bot does not slow down the rest of its page.
"""

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, TypeVar, cast, get_args, get_origin

import attrs
import cattrs
import msgspec
from cattrs.cols import list_structure_factory
from cattrs.gen import make_dict_structure_fn

from cliq_async.endpoints import Endpoint
from cliq_async.errors import ApiError
from cliq_async.models.handler import Handler
from cliq_async.models.page import Page
from cliq_async.models.unknown import keep_unknown

__all__ = [
    "DecodeError",
    "data_of",
    "read_one",
    "read_written",
    "structure",
    "structure_page",
]

T = TypeVar("T")

_OK: Final = 200
_SHOWN_PROBLEMS: Final = 3

_converter: Final = cattrs.Converter()


class DecodeError(ValueError):
    """A response does not have the documented form. The message never quotes its content."""


@_converter.register_structure_hook
def _to_str(value: object, _cls: type[str]) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("text expected")
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("not a JSON number")
        if value.is_integer():
            return str(int(value))
    return str(value)


@_converter.register_structure_hook
def _to_int(value: object, _cls: type[int]) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError("a whole number expected")
    if isinstance(value, float) and not value.is_integer():
        raise ValueError("a whole number expected")
    return int(value)


@_converter.register_structure_hook
def _to_bool(value: object, _cls: type[bool]) -> bool:
    if isinstance(value, bool):
        return value
    raise TypeError("true or false expected")


def _flatten_handler(value: object) -> object:
    """Merge the fields of a handler, some of which the API documents in two places."""
    if not isinstance(value, dict):
        return value
    display = value.get("display_props")
    flat = (display if isinstance(display, dict) else {}) | {
        key: item for key, item in value.items() if item is not None
    }
    if flat.setdefault("id", flat.get("handler_id", "")) == flat.get("handler_id"):
        del flat["handler_id"]
    flat.pop("display_props", None)
    return flat


def _is_tuple(cls: Any) -> bool:
    return get_origin(cls) is tuple


@_converter.register_structure_hook_factory(_is_tuple)
def _tuple_hook(cls: Any) -> Callable[[object, Any], tuple[Any, ...]]:
    as_list: Any = cast("Any", list)[get_args(cls)[0]]
    structure_list = list_structure_factory(as_list, _converter)

    def to_tuple(value: object, _cls: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):  # cattrs would split a str
            raise TypeError("a list expected")
        return tuple(structure_list(value, as_list))

    return to_tuple


@_converter.register_structure_hook_factory(attrs.has)
def _response_hook(cls: type[T]) -> Callable[[object, Any], T]:
    if parameters := getattr(cls, "__parameters__", ()):  # a bare Page is a Page of any type
        cls = cast("Any", cls)[(Any,) * len(parameters)]
    structure_fields = make_dict_structure_fn(cls, _converter)

    def to_response(value: object, _cls: Any) -> T:
        if cls is Handler:
            value = _flatten_handler(value)
        try:
            model = msgspec.convert(value, cls)
        except msgspec.ValidationError:
            if not isinstance(value, dict):
                raise TypeError("an object expected") from None
            given = {key: item for key, item in value.items() if item is not None}
            model = structure_fields(given, cls)
        keep_unknown(model, value)
        return model

    return to_response


def structure(data: object, cls: type[T]) -> T:
    """Build a model from the decoded JSON of a response.

    Unknown fields go to `extra`, null equals a missing field, and a numeric id becomes text.

    Raises:
        DecodeError: The data cannot be read as `cls`.
    """
    try:
        return _converter.structure(data, cls)
    except cattrs.BaseValidationError as error:
        problems = cattrs.transform_error(error)
        more = ", …" if len(problems) > _SHOWN_PROBLEMS else ""
        reason = ", ".join(problems[:_SHOWN_PROBLEMS]) + more
    except (TypeError, ValueError, RecursionError) as error:
        reason = type(error).__name__ if isinstance(error, RecursionError) else str(error)
    # The causes quote the response, which may hold secrets that must not be logged.
    raise DecodeError(f"{cls.__name__}: {reason}") from None


@cache
def _page_of(cls: Any) -> Any:
    return Page[cls]


def structure_page(data: object, cls: type[T]) -> Page[T]:
    """Build a page of `cls` items from the decoded JSON of a listing.

    Raises:
        DecodeError: The list `data` is missing, or an item cannot be read.
    """
    alias: type[Page[T]] = _page_of(cast("Any", cls))
    return structure(data, alias)


def data_of(response: object) -> Any:
    """Return the value of a response's `data`, or None."""
    return response.get("data") if isinstance(response, Mapping) else None


def read_one(endpoint: Endpoint, data: object, cls: type[T]) -> T:
    """Build the requested model from a response.

    Raises:
        ApiError: The response does not have the documented form.
    """
    try:
        return structure(data, cls)
    except DecodeError as error:
        raise ApiError(_OK, None, f"cannot be read: {error}", endpoint.name) from error


def read_written(data: object, cls: type[T], empty: T) -> T:
    """Build the model in the response to a write, or return `empty` if it cannot be read.

    It does not raise, because the write has been done.
    """
    try:
        return structure(data, cls) if isinstance(data, dict) else empty
    except DecodeError:
        return empty
