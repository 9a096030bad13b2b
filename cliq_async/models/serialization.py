"""The one converter between models and plain data.

Answers take the fast way first: `msgspec.convert` fills the attrs classes at C speed, but only
what has exactly the documented types. What it refuses goes the tolerant way, through cattrs:
null becomes the default, a number becomes text where text belongs. Each class tries the fast way
for itself, so one odd bot does not slow down the rest of its page.
"""

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, TypeVar, cast, get_args, get_origin

import attrs
import cattrs
import msgspec
from cattrs.cols import list_structure_factory
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn

from cliq_async.endpoints import Endpoint
from cliq_async.errors import ApiError
from cliq_async.models.button import Action
from cliq_async.models.card import Card
from cliq_async.models.handler import Handler
from cliq_async.models.message import Message
from cliq_async.models.page import Page
from cliq_async.models.slide import Slide

__all__ = [
    "DecodeError",
    "data_of",
    "read_one",
    "read_written",
    "structure",
    "structure_page",
    "to_json",
    "unstructure",
]

T = TypeVar("T")

_SHOWN_PROBLEMS: Final = 3

_converter: Final = cattrs.Converter(
    omit_if_default=True, unstruct_collection_overrides={tuple: list}
)


class DecodeError(ValueError):
    """An answer does not have the documented shape; says where, never what was in it."""


# --- models to plain data -------------------------------------------------------------------


def _plain_slide(slide: Slide) -> dict[str, Any]:
    title = {"title": slide.title} if slide.title else {}
    return {"type": slide.type} | title | {"data": slide.data()}


def _plain_card(card: Card) -> dict[str, Any]:
    title = {"title": card.title} if card.title else {}
    return {"theme": card.theme} | title | card.content()


def _plain_action(action: Action) -> dict[str, Any]:
    confirm = {"confirm": _converter.unstructure(action.confirm)} if action.confirm else {}
    return {"type": action.type, "data": action.data()} | confirm


_converter.register_unstructure_hook_func(lambda cls: _is_subclass(cls, Slide), _plain_slide)
_converter.register_unstructure_hook_func(lambda cls: _is_subclass(cls, Card), _plain_card)
_converter.register_unstructure_hook_func(lambda cls: _is_subclass(cls, Action), _plain_action)


def _is_subclass(cls: object, parent: type) -> bool:
    return isinstance(cls, type) and issubclass(cls, parent)


@_converter.register_unstructure_hook_factory(lambda cls: cls is Message)
def _message_hook(cls: type[Message]) -> Callable[[Message], dict[str, Any]]:
    unstructure = make_dict_unstructure_fn(cls, _converter, _cattrs_omit_if_default=True)

    def plain_message(message: Message) -> dict[str, Any]:
        plain = unstructure(message)
        if "references" in plain:
            plain["references"] = {
                key: {"type": "button", "object": button}
                for key, button in plain["references"].items()
            }
        return plain

    return plain_message


def unstructure(model: object) -> dict[str, Any]:
    """A model as plain data by the API's names; what is None or empty is left out.

    Example:
        >>> unstructure(Message("Hello", sync_message=True))
        {'text': 'Hello', 'sync_message': True}
    """
    return cast("dict[str, Any]", _converter.unstructure(model))


def _exact(value: object) -> Any:
    # msgspec refuses subclasses of what it knows, as a str with more methods.
    if isinstance(value, str):
        return str.__str__(value)
    raise TypeError(f"{type(value).__name__} has no place in JSON")


_encode: Final = msgspec.json.Encoder(enc_hook=_exact).encode


def to_json(model: object) -> bytes:
    """A model, or plain data, as JSON in UTF-8.

    Raises:
        TypeError: There is something in it that JSON does not have.
    """
    plain = type(model) is dict or not attrs.has(type(model))
    return _encode(model if plain else unstructure(model))


# --- plain data to answers ------------------------------------------------------------------


@_converter.register_structure_hook
def _to_str(value: object, _cls: type[str]) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("text expected")
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("no number of JSON")
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


def _flat_handler(value: object) -> object:
    """A handler's answer with its fields in one place: the documents have two for some of them."""
    if not isinstance(value, dict):
        return value
    display = value.get("display_props")
    flat = (display if isinstance(display, dict) else {}) | {
        key: item for key, item in value.items() if item is not None
    }
    if "id" not in flat and "handler_id" in flat:
        flat["id"] = flat["handler_id"]
    return flat


def _is_tuple(cls: Any) -> bool:
    return get_origin(cls) is tuple


@_converter.register_structure_hook_factory(_is_tuple)
def _tuple_hook(cls: Any) -> Callable[[object, Any], tuple[Any, ...]]:
    as_list: Any = cast("Any", list)[get_args(cls)[0]]
    structure = list_structure_factory(as_list, _converter)

    def to_tuple(value: object, _cls: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):  # cattrs would take a str apart
            raise TypeError("a list expected")
        return tuple(structure(value, as_list))

    return to_tuple


@_converter.register_structure_hook_factory(attrs.has)
def _answer_hook(cls: type[T]) -> Callable[[object, Any], T]:
    if parameters := getattr(cls, "__parameters__", ()):  # Page alone is a Page of anything
        cls = cast("Any", cls)[(Any,) * len(parameters)]
    structure = make_dict_structure_fn(cls, _converter)

    def to_answer(value: object, _cls: Any) -> T:
        if cls is Handler:
            value = _flat_handler(value)
        try:
            return msgspec.convert(value, cls)
        except msgspec.ValidationError:
            pass
        if not isinstance(value, dict):
            raise TypeError("an object expected")
        return structure({key: item for key, item in value.items() if item is not None}, cls)

    return to_answer


def structure(data: object, cls: type[T]) -> T:
    """A model from an answer's plain data, as a JSON decoder gives it.

    Unknown fields are ignored, null is the same as a missing field, and an id that arrives as a
    number becomes text.

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
    # The causes quote the answer, which may hold what no log should.
    raise DecodeError(f"{cls.__name__}: {reason}") from None


@cache
def _page_of(cls: Any) -> Any:
    return Page[cls]


def structure_page(data: object, cls: type[T]) -> Page[T]:
    """One page of a listing whose items are `cls`, from an answer's plain data.

    Raises:
        DecodeError: There is no list `data` in it, or an item cannot be read.
    """
    alias: type[Page[T]] = _page_of(cast("Any", cls))
    return structure(data, alias)


_OK = 200


def data_of(answer: object) -> Any:
    """What an answer is about: the value of its `data`."""
    return answer.get("data") if isinstance(answer, Mapping) else None


def read_one(endpoint: Endpoint, data: object, cls: type[T]) -> T:
    """The model that was asked for.

    Raises:
        ApiError: It does not have the documented form.
    """
    try:
        return structure(data, cls)
    except DecodeError as error:
        raise ApiError(_OK, None, f"cannot be read: {error}", endpoint.name) from error


def read_written(data: object, cls: type[T], empty: T) -> T:
    """The model that a write was answered with, or `empty`: it has happened all the same."""
    try:
        return structure(data, cls) if isinstance(data, dict) else empty
    except DecodeError:
        return empty
