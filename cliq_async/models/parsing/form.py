"""The API's plain form into models.

Built from the models, so that every limit is checked before anything is sent. What the models
would send is then compared with what was given: nothing in it is left out without a word.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import attrs

from cliq_async.errors import ValidationError
from cliq_async.models.button import (
    Action,
    Confirm,
    CopyText,
    InvokeFunction,
    OpenUrl,
    PreviewUrl,
    SystemApi,
)
from cliq_async.models.serialization import unstructure

__all__ = ["Plain", "action_from", "known_fields", "parse_strict"]

Plain = Mapping[str, Any]
T = TypeVar("T")


def parse_strict(data: Any, build: Callable[[Any], T], noun: str) -> T:
    """What is built from plain data, if everything in the data is in it.

    Args:
        data: The API's plain form.
        build: Makes the model, or a list of models.
        noun: What is built, for the error.

    Raises:
        ValueError: It is not of that form, or has something that has no place in it.
        ValidationError: A limit is broken.
    """
    given = _drop_empty(data)
    try:
        made = build(given)
    except ValidationError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"not in the form of the API: {reason}") from None
    if (lost := _first_ignored(given, unstructure(made), "")) is not None:
        raise ValueError(f"{lost}: no {noun} has this")
    return made


def known_fields(data: Plain, cls: type[attrs.AttrsInstance]) -> dict[str, Any]:
    """What of it a class takes; `built` finds the rest."""
    return {field.name: data[field.name] for field in attrs.fields(cls) if field.name in data}


def action_from(data: Plain) -> Action:
    """What a button does.

    Raises:
        ValueError: There is no such type.
        ValidationError: A limit is broken.
    """
    content = data.get("data") or {}
    confirm = Confirm(**known_fields(data["confirm"], Confirm)) if "confirm" in data else None
    match data["type"]:
        case "open.url":
            urls = {"ios" if name == "iOS" else name: url for name, url in content.items()}
            return OpenUrl(**known_fields(urls, OpenUrl), confirm=confirm)
        case "invoke.function":
            return InvokeFunction(content["name"], owner=content.get("owner"), confirm=confirm)
        case "system.api":
            return SystemApi(content["api"], confirm=confirm)
        case "preview.url":
            return PreviewUrl(content["url"], confirm=confirm)
        case "copy":
            return CopyText(content["text"], confirm=confirm)
        case other:
            raise ValueError(f"action type {other!r}")


_NOTHING: Final[tuple[Any, ...]] = (None, "", [], {})


def _drop_empty(value: object, nothing: tuple[Any, ...] = _NOTHING) -> Any:
    """The value without what means nothing in it: null, empty texts, lists and objects.

    But an empty text in a slide is a line or a cell.
    """
    if isinstance(value, dict):
        items = (
            (key, _drop_empty(item, (None,) if key == "slides" else nothing))
            for key, item in value.items()
        )
        return {key: item for key, item in items if item not in nothing}
    if isinstance(value, list | tuple):
        return [_drop_empty(item, nothing) for item in value]
    return value


def _first_ignored(given: Any, sent: Any, path: str) -> str | None:
    """Where what is to be sent has less than what was given; None if it has all of it."""
    if isinstance(given, dict) and isinstance(sent, dict):
        for key, item in given.items():
            inner = f"{path}.{key}" if path else str(key)
            if key not in sent:
                if item in _NOTHING:
                    continue
                return inner
            if (lost := _first_ignored(item, sent[key], inner)) is not None:
                return lost
        return None
    if isinstance(given, list) and isinstance(sent, list) and len(given) == len(sent):
        pairs = enumerate(zip(given, sent, strict=True))
        found = (_first_ignored(one, other, f"{path}[{index}]") for index, (one, other) in pairs)
        return next((lost for lost in found if lost is not None), None)
    same = given == sent or (not isinstance(given, bool) and str(given) == str(sent))
    return None if same else path
