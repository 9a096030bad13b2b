"""Serialization: conversion of models to plain data and to JSON."""

from collections.abc import Callable
from typing import Any, Final, cast

import attrs
import cattrs
import msgspec
from cattrs.gen import make_dict_unstructure_fn, override

from cliq_async.models.button import Action
from cliq_async.models.card import Card
from cliq_async.models.slide import Slide

__all__ = ["as_references", "to_json", "unstructure"]

_converter: Final = cattrs.Converter(
    omit_if_default=True, unstruct_collection_overrides={tuple: list}
)


def _unstructure_slide(slide: Slide) -> dict[str, Any]:
    plain: dict[str, Any] = {"type": slide.type} | ({"title": slide.title} if slide.title else {})
    plain["data"] = slide.data()
    if styles := slide.styles():
        plain["styles"] = styles
    if slide.buttons:
        plain["buttons"] = _converter.unstructure(slide.buttons)
    return plain | slide.extra if slide.extra else plain


def _unstructure_card(card: Card) -> dict[str, Any]:
    title = {"title": card.title} if card.title else {}
    return {"theme": card.theme} | title | card.content() | card.extra


def _unstructure_action(action: Action) -> dict[str, Any]:
    confirm = {"confirm": _converter.unstructure(action.confirm)} if action.confirm else {}
    return {"type": action.type, "data": action.data()} | confirm | action.extra


def _has_extra(cls: Any) -> bool:
    return attrs.has(cls) and hasattr(attrs.fields(cls), "extra")


@_converter.register_unstructure_hook_factory(_has_extra)
def _extra_hook(cls: type[Any]) -> Callable[[Any], dict[str, Any]]:
    """Make a function that merges a model's extra fields into the others, which they replace."""
    unstructure_fields = make_dict_unstructure_fn(
        cls, _converter, _cattrs_omit_if_default=True, extra=override(omit=True)
    )

    def unstructure_merged(model: Any) -> dict[str, Any]:
        plain = unstructure_fields(model)
        if "references" in plain:
            plain["references"] = as_references(plain["references"])
        return plain | model.extra if model.extra else plain

    return unstructure_merged


# Later hooks are asked first.
_converter.register_unstructure_hook_func(lambda cls: _is_subclass(cls, Slide), _unstructure_slide)
_converter.register_unstructure_hook_func(lambda cls: _is_subclass(cls, Card), _unstructure_card)
_converter.register_unstructure_hook_func(
    lambda cls: _is_subclass(cls, Action), _unstructure_action
)


def _is_subclass(cls: object, parent: type) -> bool:
    return isinstance(cls, type) and issubclass(cls, parent)


def as_references(buttons: dict[str, Any]) -> dict[str, Any]:
    """Return the buttons inside a text, plain data by key, in the API's form."""
    return {key: {"type": "button", "object": button} for key, button in buttons.items()}


def unstructure(model: object) -> dict[str, Any]:
    """Convert a model to plain data by the API's names, without None and empty fields.

    Example:
        >>> from cliq_async import Message
        >>> unstructure(Message("Hello", sync_message=True))
        {'text': 'Hello', 'sync_message': True}
    """
    return cast("dict[str, Any]", _converter.unstructure(model))


def _plain_str(value: object) -> Any:
    # msgspec refuses subclasses of the types it knows, such as a subclass of str.
    if isinstance(value, str):
        return str.__str__(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


_encode: Final = msgspec.json.Encoder(enc_hook=_plain_str).encode


def to_json(model: object) -> bytes:
    """Encode a model or plain data as JSON in UTF-8.

    Raises:
        TypeError: A value cannot be written as JSON.
    """
    is_plain = type(model) is dict or not attrs.has(type(model))
    return _encode(model if is_plain else unstructure(model))
