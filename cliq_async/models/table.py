"""Slides with a table."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

import attrs

from cliq_async.errors import ValidationError
from cliq_async.models import converters, validators
from cliq_async.models.slide import Slide

__all__ = ["Table"]

_PERCENT: Final = 100
_MAX_STICKY: Final = 2


def _texts(value: str | Iterable[str]) -> tuple[str, ...]:
    return converters.as_texts(value)


def _rows(
    value: Mapping[str, str | float] | Iterable[Mapping[str, str | float]],
) -> tuple[dict[str, str], ...]:
    return converters.as_rows(value)


def _widths(value: int | Iterable[int] | None) -> tuple[int, ...]:
    return converters.as_tuple(value)


def _check_rows(table: "Table", _attribute: object, value: tuple[dict[str, str], ...]) -> None:
    headers = set(table.headers)
    for index, row in enumerate(value):
        for header, cell in row.items():
            if header not in headers:
                raise ValidationError(f"Table.rows[{index}]", "keys that are headers", header)
            validators.check_text(f"Table.rows[{index}]", cell)


def _check_widths(table: "Table", _attribute: object, value: tuple[int, ...]) -> None:
    if not value:
        return
    for index, width in enumerate(value):
        # bool is a subclass of int
        if type(width) is not int or not 0 < width <= _PERCENT:
            raise ValidationError(f"Table.widths[{index}]", "an int from 1 to 100", width)
    columns = len(table.headers)
    if len(value) != columns:
        raise ValidationError("Table.widths", f"one width per column, {columns} in all", len(value))
    if sum(value) != _PERCENT:
        raise ValidationError("Table.widths", "adding up to 100", sum(value))


@attrs.frozen
class Table(Slide):
    """A table.

    Example:
        >>> table = Table(["Host", "Load"], rows=[{"Host": "db-1", "Load": 93}], widths=[70, 30])

    Attributes:
        headers: The column headers, at least one.
        rows: One mapping from header to cell per row; a row may lack a header, and numbers become
            text.
        widths: Empty, or one integer per column, in percent, adding up to 100. They are sent as
            `styles.width` inside the slide's data.
        sticky_rows: The number of rows that stay in sight while scrolling, 0 to 2.
        sticky_columns: The number of such columns, 0 to 2.
        title: Shown above the table.
        buttons: Buttons below the table.
        extra: Further fields, as for `Slide`.

    Raises:
        ValidationError: A field breaks its limit.
    """

    type: ClassVar[str] = "table"

    headers: tuple[str, ...] = attrs.field(
        converter=_texts, validator=validators.strings(1, None, "headers", each=(0, None))
    )
    rows: tuple[dict[str, str], ...] = attrs.field(
        kw_only=True,
        converter=_rows,
        validator=[validators.instances(dict, 0, None, "rows"), _check_rows],
        hash=False,  # dicts are not hashable
    )
    widths: tuple[int, ...] = attrs.field(
        default=(), kw_only=True, converter=_widths, validator=_check_widths
    )
    sticky_rows: int | None = attrs.field(
        default=None, kw_only=True, validator=validators.int_range(0, _MAX_STICKY)
    )
    sticky_columns: int | None = attrs.field(
        default=None, kw_only=True, validator=validators.int_range(0, _MAX_STICKY)
    )

    def data(self) -> dict[str, Any]:
        """Return the headers, the rows and their styles in the API's form."""
        data: dict[str, Any] = {"headers": list(self.headers), "rows": [dict(r) for r in self.rows]}
        styles: dict[str, Any] = {"width": list(self.widths)} if self.widths else {}
        sticky = {"rows": self.sticky_rows, "columns": self.sticky_columns}
        if given := {name: count for name, count in sticky.items() if count is not None}:
            styles["sticky"] = given
        return data | {"styles": styles} if styles else data
