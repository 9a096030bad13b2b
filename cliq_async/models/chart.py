"""Slides that draw numbers: percentage charts and graphs."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final, Literal, get_args

import attrs

from cliq_async.errors import ValidationError
from cliq_async.models import converters, validators
from cliq_async.models.slide import Slide

__all__ = ["Graph", "PercentageChart"]

ChartPreview = Literal["pie", "doughnut", "semi_doughnut"]
GraphPreview = Literal["vertical_bar", "vertical_stacked_bar", "trend"]
Number = int | float
Pairs = Mapping[str, Number] | Iterable[tuple[str, Number]]

_MAX_SEGMENTS: Final = 5
_MAX_CATEGORIES: Final = 5
_MAX_POINTS: Final = 20
_LABEL_CHARS: Final = 20
_MAX_INT: Final = 2**63
_PAIR: Final = 2


def _points(value: Pairs) -> tuple[tuple[str, Number], ...]:
    items = converters.as_tuple(value.items() if isinstance(value, Mapping) else value)
    return tuple(tuple(item) if isinstance(item, list) else item for item in items)


def _categories(
    value: Mapping[str, Pairs] | Iterable[tuple[str, Pairs]],
) -> tuple[tuple[str, tuple[tuple[str, Number], ...]], ...]:
    items: Any = converters.as_tuple(value.items() if isinstance(value, Mapping) else value)
    return tuple(_category(item) for item in items)


def _category(item: Any) -> Any:
    is_pair = isinstance(item, list | tuple) and len(item) == _PAIR
    return (item[0], _points(item[1])) if is_pair else item


def _check_points(field: str, value: tuple[Any, ...], maximum: int) -> None:
    validators.check_count(field, value, 1, maximum, "pairs of a label and a number")
    for index, item in enumerate(value):
        if not isinstance(item, tuple) or len(item) != _PAIR:
            raise ValidationError(f"{field}[{index}]", "a pair of a label and a number", item)
        label, number = item
        validators.check_text(f"{field}[{index}]", label, 0, _LABEL_CHARS)
        # bool is a subclass of int; JSON has no infinity, and ints of 64 bits
        fits = type(number) is int and abs(number) < _MAX_INT
        if not fits and not (type(number) is float and math.isfinite(number)):
            raise ValidationError(f"{field}[{index}]", "an int or a finite float", number)


def _check_segments(_chart: object, _attribute: object, value: tuple[Any, ...]) -> None:
    _check_points("PercentageChart.segments", value, _MAX_SEGMENTS)


def _check_categories(_graph: object, _attribute: object, value: tuple[Any, ...]) -> None:
    field = "Graph.categories"
    validators.check_count(field, value, 1, _MAX_CATEGORIES, "categories")
    for index, item in enumerate(value):
        if not isinstance(item, tuple) or len(item) != _PAIR:
            raise ValidationError(f"{field}[{index}]", "a pair of a name and its points", item)
        validators.check_text(f"{field}[{index}]", item[0], 0, _LABEL_CHARS)
        _check_points(f"{field}[{index}]", item[1], _MAX_POINTS)


def _to_json(points: Iterable[tuple[str, Number]]) -> list[dict[str, Any]]:
    return [{"label": label, "value": number} for label, number in points]


@attrs.frozen
class PercentageChart(Slide):
    """A chart of shares (the slide type `percentage_chart`).

    Example:
        >>> chart = PercentageChart({"Social Media": 40, "Growth": 25}, preview="pie")

    Attributes:
        segments: 1 to 5 pairs of a label, at most 20 characters, and a number; a mapping or pairs.
        preview: `pie`, `doughnut` or `semi_doughnut`.
        title: Shown above the chart.
        buttons: Buttons below the chart.
        extra: Further fields, as for `Slide`.

    Raises:
        ValidationError: A field breaks its limit.
    """

    type: ClassVar[str] = "percentage_chart"

    segments: tuple[tuple[str, Number], ...] = attrs.field(
        converter=_points, validator=_check_segments
    )
    preview: ChartPreview | None = attrs.field(
        default=None, kw_only=True, validator=validators.one_of(*get_args(ChartPreview))
    )

    def data(self) -> list[dict[str, Any]]:
        """Return the segments in the API's form."""
        return _to_json(self.segments)

    def styles(self) -> dict[str, Any]:
        """Return the kind of chart in the API's form."""
        return {"preview": self.preview} if self.preview else {}


@attrs.frozen
class Graph(Slide):
    """A graph with bars or lines (the slide type `graph`).

    Example:
        >>> usage = {"Asana": {"Jan": 9, "Feb": 6}, "BitBucket": {"Jan": 12, "Feb": 18}}
        >>> graph = Graph(usage, preview="trend", x_axis="Months", y_axis="Usage count")

    Attributes:
        categories: 1 to 5 pairs of a name and its points. The points are 1 to 20 pairs of a label
            and a number. Both may be mappings. Names and labels have at most 20 characters.
        preview: `vertical_bar`, `vertical_stacked_bar` or `trend`.
        x_axis: The label of the x-axis, at most 20 characters.
        y_axis: The label of the y-axis, at most 20 characters.
        title: Shown above the graph.
        buttons: Buttons below the graph.
        extra: Further fields, as for `Slide`.

    Raises:
        ValidationError: A field breaks its limit.
    """

    type: ClassVar[str] = "graph"

    categories: tuple[tuple[str, tuple[tuple[str, Number], ...]], ...] = attrs.field(
        converter=_categories, validator=_check_categories
    )
    preview: GraphPreview | None = attrs.field(
        default=None, kw_only=True, validator=validators.one_of(*get_args(GraphPreview))
    )
    x_axis: str = attrs.field(
        default="", kw_only=True, validator=validators.str_length(0, _LABEL_CHARS)
    )
    y_axis: str = attrs.field(
        default="", kw_only=True, validator=validators.str_length(0, _LABEL_CHARS)
    )

    def data(self) -> list[dict[str, Any]]:
        """Return the categories in the API's form."""
        return [{"category": name, "values": _to_json(points)} for name, points in self.categories]

    def styles(self) -> dict[str, Any]:
        """Return the kind of graph and its axes in the API's form."""
        styles = {"preview": self.preview, "x_axis": self.x_axis, "y_axis": self.y_axis}
        return {name: value for name, value in styles.items() if value}
