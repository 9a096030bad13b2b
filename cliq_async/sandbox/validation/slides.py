"""The checks of slides: tables, lists, labels, images, texts, charts and graphs."""

import re
from collections.abc import Mapping
from typing import Any, Final

from cliq_async.sandbox.errors import bad_request
from cliq_async.sandbox.validation.actions import BUTTON
from cliq_async.sandbox.validation.checks import (
    Check,
    array_of,
    by_field,
    integer,
    map_of,
    matching,
    number,
    object_with,
    one_of,
    scalar,
    string,
)

__all__ = ["HTTPS", "SLIDES", "count_characters"]

HTTPS: Final = matching(r"https://\S+", "an https:// URL", re.IGNORECASE)

_FULL_WIDTH: Final = 100
_UNCOUNTED: Final = ("type", "buttons")
_ANY_TEXT: Final = string()
_SHORT: Final = string(20)

# Tables.

_PERCENTS: Final = array_of(integer(1, _FULL_WIDTH))


def _width(value: Any, path: str) -> None:
    _PERCENTS(value, path)
    if sum(value) != _FULL_WIDTH:
        raise bad_request(f"'{path}' does not add up to {_FULL_WIDTH}.")


_STICKY: Final = object_with({}, {"rows": integer(0, 2), "columns": integer(0, 2)})
_TABLE: Final = object_with(
    {"headers": array_of(_ANY_TEXT, min_items=1), "rows": array_of(map_of(scalar))},
    {"styles": object_with({}, {"width": _width, "sticky": _STICKY})},
)


def _table(value: Any, path: str) -> None:
    _TABLE(value, path)
    width = value.get("styles", {}).get("width")
    if width is not None and len(width) != len(value["headers"]):
        raise bad_request(f"'{path}.styles.width' does not have one entry per column.")
    for index, row in enumerate(value["rows"]):
        for key in row:
            if key not in value["headers"]:
                raise bad_request(f"'{path}.rows[{index}].{key}' is not a column.")


# Labels. The documents have them in two forms.

_NAMED_LABEL: Final = object_with({"label": _ANY_TEXT, "value": _ANY_TEXT})
_PAIR: Final = map_of(_ANY_TEXT)


def _label(value: Any, path: str) -> None:
    is_pair = isinstance(value, dict) and len(value) == 1 and not {"label", "value"} & value.keys()
    (_PAIR if is_pair else _NAMED_LABEL)(value, path)


# Lists, charts and graphs.

_LIST_STYLES: Final = object_with(
    {},
    {
        "type": one_of(
            *("disc", "circle", "square", "decimal", "lower-alpha", "upper-alpha"),
            *("lower-roman", "upper-roman"),
            "bulleted",  # not among the documented values, but in the documents' example
        )
    },
)
_POINT: Final = object_with({"label": _SHORT, "value": number})
_CHART_STYLES: Final = object_with({}, {"preview": one_of("pie", "doughnut", "semi_doughnut")})
_GRAPH_STYLES: Final = object_with(
    {},
    {
        "preview": one_of("vertical_bar", "vertical_stacked_bar", "trend"),
        "x_axis": _SHORT,
        "y_axis": _SHORT,
    },
)
_CATEGORY: Final = object_with(
    {"category": _SHORT, "values": array_of(_POINT, max_items=20, min_items=1)}
)


def _slide(kind: str, data: Check, styles: Mapping[str, Check] | None = None) -> Check:
    optional = {"title": _ANY_TEXT, "buttons": array_of(BUTTON)} | dict(styles or {})
    return object_with({"type": one_of(kind), "data": data}, optional)


_IMAGES: Final = array_of(HTTPS, min_items=1)
SLIDES: Final = array_of(
    by_field(
        "type",
        {
            "table": _slide("table", _table),
            "list": _slide("list", array_of(_ANY_TEXT, min_items=1), {"styles": _LIST_STYLES}),
            "label": _slide("label", array_of(_label, min_items=1)),
            "images": _slide("images", _IMAGES),
            "image": _slide("image", _IMAGES),  # the same, in another of the documents
            "text": _slide("text", string(min_length=1)),
            "percentage_chart": _slide(
                "percentage_chart",
                array_of(_POINT, max_items=5, min_items=1),
                {"styles": _CHART_STYLES},
            ),
            "graph": _slide(
                "graph",
                array_of(_CATEGORY, max_items=5, min_items=1),
                {"styles": _GRAPH_STYLES},
            ),
        },
    ),
    max_items=20,
)


def count_characters(value: Any) -> int:
    """Count the characters of all strings in slides, except their types and buttons."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(count_characters(each) for key, each in value.items() if key not in _UNCOUNTED)
    return sum(map(count_characters, value)) if isinstance(value, list) else 0
