"""Parser of messages in the API's plain form."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import attrs

from cliq_async.models.button import Button
from cliq_async.models.card import Card, ModernInline, Poll, Prompt, Section
from cliq_async.models.chart import Graph, PercentageChart
from cliq_async.models.extra import RECIPIENT_KEYS
from cliq_async.models.message import Message, Sender, Styles
from cliq_async.models.parsing.form import (
    Plain,
    action_from,
    known_fields,
    parse_object,
    unknown_type,
)
from cliq_async.models.slide import BulletList, Images, Labels, Slide, TextBlock
from cliq_async.models.table import Table

__all__ = ["FIELDS", "message_from"]

FIELDS: Final = tuple(field.name for field in attrs.fields(Message) if field.name != "extra")


def message_from(data: object, *, allow_unknown: bool = False) -> Message:
    """Build a message from the API's plain form.

    Args:
        data: The API's plain form.
        allow_unknown: Put fields with anything that a message does not have into `extra`, as they
            are.

    Raises:
        ValueError: The data is not in that form, or has a field that a message does not have.
        ValidationError: The message breaks a limit.
    """
    if not isinstance(data, dict):
        raise ValueError("a message is a JSON object")  # noqa: TRY004 - invalid data, not a programming error
    if recipients := sorted(key for key in data if key.lower() in RECIPIENT_KEYS):
        raise ValueError(f"{recipients[0]}: recipients are given separately, not in the message")
    return parse_object(data, Message, _PARSERS, "message", allow_unknown=allow_unknown)


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
            raise unknown_type("card theme", other)


def _section(data: Plain) -> Section:
    fields = [(field.get("title", ""), field.get("value", "")) for field in data["fields"]]
    return Section(fields, title=data.get("title", ""))


def _slide(data: Plain) -> Slide:
    kind, content = data["type"], data["data"]
    if not isinstance(kind, str) or kind not in _SLIDES:
        raise unknown_type("slide type", kind)
    buttons = _buttons(data.get("buttons", ()))
    build = _SLIDES[kind]
    return build(content, data.get("styles", {}), title=data.get("title", ""), buttons=buttons)


def _table(content: Plain, _styles: Plain, **common: Any) -> Table:
    styles = content.get("styles", {})
    sticky = styles.get("sticky", {})
    return Table(
        content["headers"],
        rows=content.get("rows", ()),
        widths=styles.get("width", ()),
        sticky_rows=sticky.get("rows"),
        sticky_columns=sticky.get("columns"),
        **common,
    )


def _list(content: list[str], styles: Plain, **common: Any) -> BulletList:
    return BulletList(content, style=styles.get("type"), **common)


def _labels(content: list[Plain], _styles: Plain, **common: Any) -> Labels:
    if all(len(each) == 1 and not _LABEL_KEYS & each.keys() for each in content):
        pairs = [pair for each in content for pair in each.items()]
        return Labels(pairs, keyed=True, **common)
    return Labels([(each.get("label", ""), each.get("value", "")) for each in content], **common)


def _chart(content: list[Plain], styles: Plain, **common: Any) -> PercentageChart:
    return PercentageChart(_points(content), preview=styles.get("preview"), **common)


def _graph(content: list[Plain], styles: Plain, **common: Any) -> Graph:
    categories = [(each.get("category", ""), _points(each["values"])) for each in content]
    return Graph(categories, **known_fields(styles, Graph), **common)


def _points(content: list[Plain]) -> list[tuple[str, Any]]:
    return [(point.get("label", ""), point["value"]) for point in content]


_PARSERS: Final[dict[str, Callable[[Any], Any]]] = {
    "card": _card,
    "slides": _slides,
    "buttons": _buttons,
    "bot": _sender,
    "styles": _styles,
    "references": _references,
}
_LABEL_KEYS: Final = frozenset(("label", "value"))
_SLIDES: Final[dict[str, Callable[..., Slide]]] = {
    "table": _table,
    "list": _list,
    "label": _labels,
    "images": lambda content, _styles, **common: Images(content, **common),
    "text": lambda content, _styles, **common: TextBlock(content, **common),
    "percentage_chart": _chart,
    "graph": _graph,
}
