"""A message from a JSON file, in the form that the API takes.

Built from the models, so that every limit is checked before anything is sent. What the models
would send is then compared with what the file says: nothing in it is left out without a word.
"""

import json
import textwrap
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from cliq_async.cli.failures import USAGE, Failure
from cliq_async.converter import to_plain
from cliq_async.errors import ValidationError
from cliq_async.models.button import (
    Action,
    Button,
    Confirm,
    CopyText,
    InvokeFunction,
    OpenUrl,
    PreviewUrl,
    SystemApi,
)
from cliq_async.models.card import Card, ModernInline, Poll, Prompt, Section
from cliq_async.models.message import Message, Sender, Styles
from cliq_async.models.slide import BulletList, Images, Labels, Slide, Table, TextBlock

__all__ = ["FIELDS_HELP", "message_from", "read_message"]

FIELDS: Final = tuple(field.name for field in attrs.fields(Message))
FIELDS_HELP: Final = "\n".join(
    (
        "A message file is a JSON object in the form of the API, with these fields:",
        *textwrap.wrap(", ".join(FIELDS), 74, initial_indent="  ", subsequent_indent="  "),
    )
)

_RECIPIENTS: Final = frozenset({"user_ids", "broadcast", "channel_unique_name"})

Plain = Mapping[str, Any]


def read_message(path: Path) -> Message:
    """The message in a JSON file.

    Raises:
        Failure: The file cannot be read, or it is not a message in the API's form.
        ValidationError: The message breaks a limit.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}", USAGE) from None
    except UnicodeDecodeError:
        raise Failure(f"{path}: not UTF-8", USAGE) from None
    except (ValueError, RecursionError) as error:
        raise Failure(f"{path}: not JSON: {error}", USAGE) from None
    try:
        return message_from(data)
    except ValidationError:
        raise  # it names the field
    except ValueError as error:
        raise Failure(f"{path}: {error}", USAGE) from None


def message_from(data: object) -> Message:
    """The message that the API's plain form describes.

    Raises:
        ValueError: It is not of that form, or has something that no message has.
        ValidationError: The message breaks a limit.
    """
    if not isinstance(data, dict):
        raise ValueError("a message is a JSON object")  # noqa: TRY004 - the file's fault
    if found := sorted(_RECIPIENTS & data.keys()):
        raise ValueError(f"{found[0]}: recipients are given on the command line")
    if unknown := sorted(data.keys() - set(FIELDS)):
        raise ValueError(f"{unknown[0]}: no message has this")
    given = _dense(data)
    try:
        message = _message(given)
    except ValidationError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"not in the form of the API: {reason}") from None
    if (lost := _lost(given, _dense(to_plain(message)), "")) is not None:
        raise ValueError(f"{lost}: no message has this")
    return message


def _message(data: Plain) -> Message:
    return Message(
        **{
            name: _PARTS[name](data[name]) if name in _PARTS else data[name]
            for name in FIELDS
            if name in data
        }
    )


def _slides(data: Iterable[Plain]) -> list[Slide]:
    return [_slide(slide) for slide in data]


def _buttons(data: Iterable[Plain]) -> list[Button]:
    return [_button(button) for button in data]


def _references(data: Plain) -> dict[str, Button]:
    return {key: _button(reference["object"]) for key, reference in data.items()}


def _sender(data: Plain) -> Sender:
    return Sender(**_only(data, Sender))


def _styles(data: Plain) -> Styles:
    return Styles(**_only(data, Styles))


def _button(data: Plain) -> Button:
    fields = _only(data, Button)
    fields["action"] = _action(data["action"])
    return Button(**fields)


def _action(data: Plain) -> Action:
    content = data.get("data") or {}
    confirm = Confirm(**_only(data["confirm"], Confirm)) if "confirm" in data else None
    match data["type"]:
        case "open.url":
            urls = {"ios" if name == "iOS" else name: url for name, url in content.items()}
            return OpenUrl(**_only(urls, OpenUrl), confirm=confirm)
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


def _card(data: Plain) -> Card:
    title = data.get("title", "")
    match data.get("theme"):
        case "modern-inline":
            sections = [_section(section) for section in data.get("sections", ())]
            return ModernInline(title, thumbnail=data.get("thumbnail"), sections=sections)
        case "poll":
            return Poll(title, options=[option["text"] for option in data.get("options", ())])
        case "prompt":
            return Prompt(title)
        case other:
            raise ValueError(f"card theme {other!r}")


def _section(data: Plain) -> Section:
    fields = [(field.get("title", ""), field.get("value", "")) for field in data["fields"]]
    return Section(fields, title=data.get("title", ""))


def _slide(data: Plain) -> Slide:
    content, title = data["data"], data.get("title", "")
    match data["type"]:
        case "table":
            widths = content.get("styles", {}).get("width", ())
            rows = content.get("rows", ())
            return Table(content["headers"], rows=rows, widths=widths, title=title)
        case "label":
            pairs = [(label.get("label", ""), label.get("value", "")) for label in content]
            return Labels(pairs, title=title)
        case str(kind) if kind in _SIMPLE:
            return _SIMPLE[kind](content, title=title)
        case other:
            raise ValueError(f"slide type {other!r}")


_PARTS: Final[dict[str, Callable[[Any], Any]]] = {
    "card": _card,
    "slides": _slides,
    "buttons": _buttons,
    "bot": _sender,
    "styles": _styles,
    "references": _references,
}
_SIMPLE: Final[dict[str, Callable[..., Slide]]] = {
    "list": BulletList,
    "images": Images,
    "text": TextBlock,
}


def _only(data: Plain, cls: type[attrs.AttrsInstance]) -> dict[str, Any]:
    """What of it a class takes; the rest is found by the comparison afterwards."""
    return {field.name: data[field.name] for field in attrs.fields(cls) if field.name in data}


def _dense(value: object) -> Any:
    """The value without what means nothing in it: null, empty texts, lists and objects."""
    if isinstance(value, dict):
        items = ((key, _dense(item)) for key, item in value.items())
        return {key: item for key, item in items if item not in (None, "", [], {})}
    if isinstance(value, list | tuple):
        return [_dense(item) for item in value]
    return value


def _lost(given: Any, sent: Any, path: str) -> str | None:
    """Where the message to send has less than what was given; None if it has all of it."""
    if isinstance(given, dict) and isinstance(sent, dict):
        for key, item in given.items():
            inner = f"{path}.{key}" if path else str(key)
            if key not in sent:
                return inner
            if (lost := _lost(item, sent[key], inner)) is not None:
                return lost
        return None
    if isinstance(given, list) and isinstance(sent, list) and len(given) == len(sent):
        pairs = enumerate(zip(given, sent, strict=True))
        found = (_lost(one, other, f"{path}[{index}]") for index, (one, other) in pairs)
        return next((lost for lost in found if lost is not None), None)
    same = given == sent or (not isinstance(given, bool) and str(given) == str(sent))
    return None if same else path
