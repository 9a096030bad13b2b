"""Parser of messages in the API's plain form."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from cliq_async.models.button import Button
from cliq_async.models.card import Card, ModernInline, Poll, Prompt, Section
from cliq_async.models.chart import Graph, PercentageChart
from cliq_async.models.message import Message, Sender, Styles
from cliq_async.models.parsing.form import (
    Plain,
    action_from,
    check_object,
    known_fields,
    parse_object,
)
from cliq_async.models.parsing.places import each, names_of, unknown_type, within
from cliq_async.models.slide import BulletList, Images, Labels, Slide, TextBlock
from cliq_async.models.table import Table

__all__ = ["FIELDS", "message_from"]

FIELDS: Final = names_of(Message)


def message_from(data: object, *, allow_unknown: bool = False) -> Message:
    """Build a message from the API's plain form.

    Args:
        data: The API's plain form.
        allow_unknown: Put fields with anything that a message does not have into `extra`, as they
            are.

    Raises:
        ValidationError: The data is not in that form, has a field that a message does not have, or
            breaks a limit; the error names the place in the data.
    """
    plain = check_object(data, "message")
    return parse_object(plain, Message, _PARSERS, "message", allow_unknown=allow_unknown)


def _slides(data: Iterable[Plain]) -> list[Slide]:
    return each(_slide, data)


def _buttons(data: Iterable[Plain]) -> list[Button]:
    return each(_button, data)


def _references(data: Plain) -> dict[str, Button]:
    return {key: within(key, _reference, reference) for key, reference in data.items()}


def _reference(data: Plain) -> Button:
    return within("object", _button, data["object"])


def _sender(data: Plain) -> Sender:
    return Sender(**known_fields(data, Sender))


def _styles(data: Plain) -> Styles:
    return Styles(**known_fields(data, Styles))


def _button(data: Plain) -> Button:
    fields = known_fields(data, Button)
    fields["action"] = within("action", action_from, data["action"])
    return Button(**fields)


def _card(data: Plain) -> Card:
    title = data.get("title", "")
    match data.get("theme", ModernInline.theme):
        case "modern-inline":
            sections = within("sections", _sections, data.get("sections", ()))
            return ModernInline(title, thumbnail=data.get("thumbnail"), sections=sections)
        case "poll":
            return Poll(title, options=[option["text"] for option in data.get("options", ())])
        case "prompt":
            return Prompt(title)
        case other:
            themes = [card.theme for card in (ModernInline, Poll, Prompt)]
            raise unknown_type("theme", other, themes)


def _sections(data: Iterable[Plain]) -> list[Section]:
    return each(_section, data)


def _section(data: Plain) -> Section:
    fields = [(field.get("title", ""), field.get("value", "")) for field in data["fields"]]
    return Section(fields, title=data.get("title", ""))


def _slide(data: Plain) -> Slide:
    kind, content = data["type"], data["data"]
    if not isinstance(kind, str) or kind not in _SLIDES:
        raise unknown_type("type", kind, _SLIDES)
    buttons = within("buttons", _buttons, data.get("buttons", ()))
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
