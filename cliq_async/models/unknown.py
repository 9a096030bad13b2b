"""Unknown fields of responses, kept in the `extra` of their models.

`msgspec.convert` drops them. The objects of a page are looked through together, and not the objects
inside of them, so that a page without unknown fields, which is the usual case, costs 2 % more.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import attrs

from cliq_async.models.bot import Bot, BotHandler, User
from cliq_async.models.call import CallReceipt
from cliq_async.models.function import Function, FunctionHandler
from cliq_async.models.handler import Handler, HandlerParam, SubAction
from cliq_async.models.incoming import IncomingReceipt
from cliq_async.models.message import SentMessage
from cliq_async.models.page import Page
from cliq_async.models.subscriber import Subscriber

__all__ = ["keep_unknown"]

_ENVELOPE: Final = frozenset(("url", "type", "Response Code"))
"""Documented fields around the data of an answer."""
_ENVELOPED: Final = frozenset((Page, SentMessage, CallReceipt, IncomingReceipt))
_KEEPING: Final = frozenset((Bot, Handler, Subscriber, Function, FunctionHandler, *_ENVELOPED))
_INNER: Final[dict[type, dict[str, type]]] = {
    Bot: {"handlers": BotHandler, "creator": User},
    BotHandler: {"sub_actions": SubAction},
    Handler: {"sub_actions": SubAction, "params": HandlerParam},
    Function: {"handlers": FunctionHandler, "creator": User},
    FunctionHandler: {"params": HandlerParam},
}
"""The models inside of others, by field. They have no `extra`: each would cost time."""
_NONE: Final[dict[str, type]] = {}


def keep_unknown(model: Any, data: Any) -> None:
    """Set the `extra` of a model that was just made, and of the items of a page.

    Args:
        model: The model.
        data: The JSON object that it was made from.
    """
    cls = type(model)
    if cls not in _KEEPING:
        return
    inner = _INNER.get(cls, _NONE)
    if unknown := _unknown(data, cls, inner):
        _set_extra(model, unknown)
    if cls is Page and model.data and type(model.data[0]) in _KEEPING:
        _keep_of_items(model.data, data["data"], type(model.data[0]))


def _keep_of_items(items: Sequence[Any], objects: Sequence[dict[str, Any]], cls: type) -> None:
    if _known(cls).issuperset(set().union(*objects)):
        return
    for item, data in zip(items, objects, strict=True):
        if unknown := _unknown(data, cls, _NONE):
            _set_extra(item, unknown)


def _set_extra(model: Any, unknown: dict[str, Any]) -> None:
    object.__setattr__(model, "extra", unknown)  # the class is frozen


def _unknown(data: dict[str, Any], cls: type, inner: dict[str, type]) -> dict[str, Any]:
    known = _known(cls)
    return {
        name: value
        for name, value in data.items()
        if name not in known or (name in inner and not _all_known(value, inner[name]))
    }


def _all_known(value: Any, cls: type) -> bool:
    """Return whether an object, or each in a list, has no fields but those of a class."""
    return all(
        not _unknown(each, cls, _INNER.get(cls, _NONE))
        for each in (value if isinstance(value, list) else [value])
        if each
    )


@cache
def _known(cls: Any) -> frozenset[str]:
    names = frozenset(field.name for field in attrs.fields(cls)) - {"extra"}
    return names | _ENVELOPE if cls in _ENVELOPED else names
