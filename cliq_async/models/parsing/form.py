"""Strict parsing of the API's plain form into models.

The models check every limit before anything is sent. The data that the models would send is then
compared with the given data, so that no field is silently ignored.
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
    """Build a model from plain data, and check that the model uses all of the data.

    Args:
        data: The API's plain form.
        build: Builds the model, or a list of models.
        noun: The name of the model in error messages.

    Raises:
        ValueError: The data is not in the API's form, or has a field that the model does not have.
        ValidationError: A limit is broken.
    """
    given = _drop_empty(data)
    try:
        model = build(given)
    except ValidationError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"not in the form of the API: {reason}") from None
    if (ignored := _first_ignored(given, unstructure(model), "")) is not None:
        raise ValueError(f"{ignored}: unknown {noun} field")
    return model


def known_fields(data: Plain, cls: type[attrs.AttrsInstance]) -> dict[str, Any]:
    """Return the items of the data that are fields of a class; `parse_strict` finds the others."""
    return {field.name: data[field.name] for field in attrs.fields(cls) if field.name in data}


def action_from(data: Plain) -> Action:
    """Build the action of a button.

    Raises:
        ValueError: The action's type is unknown.
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
            raise ValueError(f"unknown action type {other!r}")


_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {})


def _drop_empty(value: object, empty: tuple[Any, ...] = _EMPTY) -> Any:
    """Return the value without null and empty strings, lists and objects.

    Slides keep their empty strings, which are lines or cells.
    """
    if isinstance(value, dict):
        items = (
            (key, _drop_empty(item, (None,) if key == "slides" else empty))
            for key, item in value.items()
        )
        return {key: item for key, item in items if item not in empty}
    if isinstance(value, list | tuple):
        return [_drop_empty(item, empty) for item in value]
    return value


def _first_ignored(given: Any, sent: Any, path: str) -> str | None:
    """Return the path of the first given item that would not be sent, or None."""
    if isinstance(given, dict) and isinstance(sent, dict):
        for key, item in given.items():
            inner = f"{path}.{key}" if path else str(key)
            if key not in sent:
                if item in _EMPTY:
                    continue
                return inner
            if (ignored := _first_ignored(item, sent[key], inner)) is not None:
                return ignored
        return None
    if isinstance(given, list) and isinstance(sent, list) and len(given) == len(sent):
        pairs = enumerate(zip(given, sent, strict=True))
        ignored_items = (_first_ignored(*pair, f"{path}[{index}]") for index, pair in pairs)
        return next((ignored for ignored in ignored_items if ignored is not None), None)
    same = given == sent or (not isinstance(given, bool) and str(given) == str(sent))
    return None if same else path
