"""Parser of messages in the API's plain form."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import attrs

from cliq_async.models.button import Button
from cliq_async.models.card import Card, ModernInline, Poll, Prompt, Section
from cliq_async.models.message import Message, Sender, Styles
from cliq_async.models.parsing.form import Plain, action_from, known_fields, parse_strict
from cliq_async.models.slide import BulletList, Images, Labels, Slide, Table, TextBlock

__all__ = ["FIELDS", "message_from"]

FIELDS: Final = tuple(field.name for field in attrs.fields(Message))
_RECIPIENTS: Final = frozenset({"user_ids", "broadcast", "channel_unique_name"})


def message_from(data: object) -> Message:
    """Build a message from the API's plain form.

    Raises:
        ValueError: The data is not in that form, or has a field that a message does not have.
        ValidationError: The message breaks a limit.
    """
    if not isinstance(data, dict):
        raise ValueError("a message is a JSON object")  # noqa: TRY004 - invalid data, not a programming error
    if recipients := sorted(_RECIPIENTS & data.keys()):
        raise ValueError(f"{recipients[0]}: recipients are given separately, not in the message")
    if unknown := sorted(data.keys() - set(FIELDS)):
        raise ValueError(f"{unknown[0]}: unknown message field")
    return parse_strict(data, _message, "message")


def _message(data: Plain) -> Message:
    return Message(
        **{
            name: _PARSERS[name](data[name]) if name in _PARSERS else data[name]
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
    return Sender(**known_fields(data, Sender))


def _styles(data: Plain) -> Styles:
    return Styles(**known_fields(data, Styles))


def _button(data: Plain) -> Button:
    fields = known_fields(data, Button)
    fields["action"] = action_from(data["action"])
    return Button(**fields)


def _card(data: Plain) -> Card:
    title = data.get("title", "")
    match data.get("theme", ModernInline.theme):
        case "modern-inline":
            sections = [_section(section) for section in data.get("sections", ())]
            return ModernInline(title, thumbnail=data.get("thumbnail"), sections=sections)
        case "poll":
            return Poll(title, options=[option["text"] for option in data.get("options", ())])
        case "prompt":
            return Prompt(title)
        case other:
            raise ValueError(f"unknown card theme {other!r}")


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
            raise ValueError(f"unknown slide type {other!r}")


_PARSERS: Final[dict[str, Callable[[Any], Any]]] = {
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
