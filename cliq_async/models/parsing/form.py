"""Strict parsing of the API's plain form into models.

The models check every limit before anything is sent. The data that the models would send is then
compared with the given data, so that no field is silently ignored. An error names the place in the
data, such as `buttons[0].label`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import attrs

from cliq_async.errors import NOTHING, ValidationError
from cliq_async.models.button import (
    Action,
    Confirm,
    CopyText,
    InvokeFunction,
    OpenUrl,
    PreviewUrl,
    SystemApi,
)
from cliq_async.models.extra import RECIPIENT_KEYS
from cliq_async.models.parsing.places import (
    FIELDS_AT,
    LocatedError,
    names_of,
    unknown_field,
    unknown_type,
    within,
)
from cliq_async.models.serialization import as_references, unstructure

__all__ = ["Plain", "action_from", "check_object", "known_fields", "parse_object", "parse_strict"]

Plain = Mapping[str, Any]
T = TypeVar("T")


def check_object(data: Any, noun: str) -> dict[str, Any]:
    """Check that data is an object without recipients, and return it.

    Raises:
        ValidationError: It is not, or it has.
    """
    if not isinstance(data, dict):
        raise ValidationError(noun, "a JSON object", data)
    if recipients := sorted(key for key in data if key.lower() in RECIPIENT_KEYS):
        limit = f"recipients are given separately, not in the {noun}"
        raise ValidationError(recipients[0], limit, NOTHING)
    return data


def parse_strict(data: Any, build: Callable[[Any], T], noun: str) -> T:
    """Build a model from plain data, and check that the model uses all of the data.

    Args:
        data: The API's plain form.
        build: Builds the model, or a list of models.
        noun: The name of the data in error messages.

    Raises:
        ValidationError: The data is not in the API's form, has a field that the model does not
            have, or breaks a limit.
    """
    given = _drop_empty(data)
    try:
        model = within("", build, given)
    except LocatedError as error:
        raise error.at_root(noun) from None
    if (ignored := _first_ignored(given, unstructure(model), "")) is not None:
        raise unknown_field(ignored, FIELDS_AT["actions"]).at_root(noun)
    return model


def parse_object(
    data: dict[str, Any],
    cls: Callable[..., T],
    parsers: Mapping[str, Callable[[Any], Any]],
    noun: str,
    *,
    allow_unknown: bool,
) -> T:
    """Build a model with a field `extra` from plain data.

    Args:
        data: The API's plain form.
        cls: The model's class.
        parsers: The parsers of fields that are not plain values, by name.
        noun: The name of the data in error messages.
        allow_unknown: Put fields that the model would not send exactly into `extra`, as they are.

    Raises:
        ValidationError: As for `parse_strict`.
    """
    if not allow_unknown:
        if unknown := sorted(data.keys() - known_fields(data, cls).keys()):
            raise unknown_field(unknown[0], names_of(cls)).at_root(noun)
        return parse_strict(data, lambda given: cls(**_parsed(given, cls, parsers)), noun)
    fields: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    known = known_fields(_drop_empty(data), cls)
    try:
        for name, value in data.items():
            if value in _EMPTY:
                continue
            try:
                fields[name] = _parse_exactly(name, known[name], parsers.get(name))
            except KeyError:
                extra[name] = value
            except LocatedError as error:
                if error.is_limit:
                    raise
                extra[name] = value
        return within("", lambda given: cls(**given), fields | {"extra": extra})
    except LocatedError as error:
        raise error.at_root(noun) from None


def _parse_exactly(name: str, value: Any, parser: Callable[[Any], Any] | None) -> Any:
    """Return the parsed field; raise an error if anything in the value would not be sent."""
    if parser is None:
        return value
    parsed = within(name, parser, value)
    plain: Any = unstructure(parsed)
    sent = as_references(plain) if name == "references" else plain
    if (ignored := _first_ignored(value, sent, name)) is not None:
        raise unknown_field(ignored, ())
    return parsed


def _parsed(given: Plain, cls: Any, parsers: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
    return {
        name: within(name, parsers[name], value) if name in parsers else value
        for name, value in known_fields(given, cls).items()
    }


def known_fields(data: Plain, cls: Any) -> dict[str, Any]:
    """Return the items of the data that are fields of a class; `parse_strict` finds the others.

    `extra` is a field of the class alone; in the data it is unknown.
    """
    return {
        field.name: data[field.name]
        for field in attrs.fields(cls)
        if field.name in data and field.name != "extra"
    }


def action_from(data: Plain) -> Action:
    """Build the action of a button.

    Raises:
        ValueError: The action's type is unknown.
        ValidationError: A limit is broken.
    """
    content = data.get("data") or {}
    confirm = within("confirm", _confirm, data["confirm"]) if "confirm" in data else None
    match data["type"]:
        case "open.url":
            urls = {"ios" if name == "iOS" else name: url for name, url in content.items()}
            return OpenUrl(**known_fields(urls, OpenUrl), confirm=confirm)
        case "invoke.function":
            return InvokeFunction(
                _required(content, "name"), owner=content.get("owner"), confirm=confirm
            )
        case "system.api":
            return SystemApi(_required(content, "api"), confirm=confirm)
        case "preview.url":
            return PreviewUrl(_required(content, "url"), confirm=confirm)
        case "copy":
            return CopyText(_required(content, "text"), confirm=confirm)
        case other:
            raise unknown_type("type", other, _ACTION_TYPES)


_ACTION_TYPES: Final = ("open.url", "invoke.function", "system.api", "preview.url", "copy")


def _required(content: Plain, name: str) -> Any:
    return within("data", lambda given: given[name], content)


def _confirm(data: Plain) -> Confirm:
    return Confirm(**known_fields(data, Confirm))


_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {})
_NULL: Final = (None,)
_MAY_BE_EMPTY: Final = frozenset(("slides", "arguments", "hint", "key"))


def _drop_empty(value: object, empty: tuple[Any, ...] = _EMPTY) -> Any:
    """Return the value without null and empty strings, lists and objects.

    Slides keep their empty strings, which are lines or cells, and the arguments of a button keep
    all that they have.
    """
    if isinstance(value, list | tuple):
        return [_drop_empty(item, empty) for item in value]
    if not isinstance(value, dict):
        return value
    kept: dict[Any, Any] = {}
    for key, item in value.items():
        dropped = _NULL if key in _MAY_BE_EMPTY else empty
        inner = item if key == "arguments" else _drop_empty(item, dropped)
        if inner not in dropped:
            kept[key] = inner
    return kept


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
