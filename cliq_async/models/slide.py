"""Slides: tables, lists, labels, images and text below a message."""

import abc
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

import attrs

from cliq_async.errors import ValidationError
from cliq_async.models import converters, validators

__all__ = ["BulletList", "Images", "Labels", "Slide", "Table", "TextBlock"]

_PERCENT: Final = 100


def _texts(value: str | Iterable[str]) -> tuple[str, ...]:
    return tuple(converters.as_text(item) for item in converters.as_tuple(value))


def _urls(value: str | Iterable[str]) -> tuple[str, ...]:
    return converters.as_tuple(value)


def _rows(
    value: Mapping[str, str | float] | Iterable[Mapping[str, str | float]],
) -> tuple[dict[str, str], ...]:
    return converters.as_rows(value)


def _pairs(
    value: Mapping[str, str | float] | Iterable[tuple[str, str | float]],
) -> tuple[tuple[str, str], ...]:
    return converters.as_pairs(value)


def _widths(value: int | Iterable[int] | None) -> tuple[int, ...]:
    return converters.as_tuple(value)


@attrs.frozen
class Slide(abc.ABC):
    """The base of all slides: a type and an optional title."""

    type: ClassVar[str]

    title: str = attrs.field(default="", kw_only=True, validator=validators.str_length())

    @abc.abstractmethod
    def data(self) -> Any:
        """Return the slide's content in the API's form."""

    @property
    def size(self) -> int:
        """The number of characters in all its strings: title, content and keys of rows."""
        return converters.count_characters(attrs.astuple(self, recurse=False))


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


def _check_urls(_images: "Images", _attribute: object, value: tuple[str, ...]) -> None:
    for index, url in enumerate(value):
        validators.check_https(f"Images.urls[{index}]", url)


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
        title: Shown above the table.

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

    def data(self) -> dict[str, Any]:
        """Return the headers, the rows and the widths in the API's form."""
        data: dict[str, Any] = {"headers": list(self.headers), "rows": [dict(r) for r in self.rows]}
        if self.widths:
            data["styles"] = {"width": list(self.widths)}
        return data


@attrs.frozen
class BulletList(Slide):
    """A bulleted list (the slide type `list`).

    Example:
        >>> todo = BulletList(["Look at the logs", "Call Ann"], title="To do")

    Attributes:
        items: At least one; numbers become text.
        title: Shown above the list.

    Raises:
        ValidationError: A field breaks its limit.
    """

    type: ClassVar[str] = "list"

    items: tuple[str, ...] = attrs.field(
        converter=_texts, validator=validators.strings(1, None, "items", each=(0, None))
    )

    def data(self) -> list[str]:
        """Return the items in the API's form."""
        return list(self.items)


@attrs.frozen
class Labels(Slide):
    """Labels with their values, side by side (the slide type `label`).

    Example:
        >>> labels = Labels({"Host": "db-1", "Load": 93})

    Attributes:
        pairs: At least one pair of label and value; a mapping or pairs, numbers become text.
        title: Shown above the labels.

    Raises:
        ValidationError: A field breaks its limit.
    """

    type: ClassVar[str] = "label"

    pairs: tuple[tuple[str, str], ...] = attrs.field(
        converter=_pairs, validator=validators.text_pairs("pairs of a label and a value")
    )

    def data(self) -> list[dict[str, str]]:
        """Return the pairs in the API's form."""
        return [{"label": label, "value": value} for label, value in self.pairs]


@attrs.frozen
class Images(Slide):
    """Images, side by side.

    Example:
        >>> chart = Images("https://example.com/chart.png")

    Attributes:
        urls: At least one HTTPS URL.
        title: Shown above the images.

    Raises:
        ValidationError: A field breaks its limit.
    """

    type: ClassVar[str] = "images"

    urls: tuple[str, ...] = attrs.field(
        converter=_urls,
        validator=[validators.strings(1, None, "URLs", each=(1, None)), _check_urls],
    )

    def data(self) -> list[str]:
        """Return the URLs in the API's form."""
        return list(self.urls)


@attrs.frozen
class TextBlock(Slide):
    """A slide of text.

    Example:
        >>> note = TextBlock("Nothing to do tonight.", title="Note")

    Attributes:
        text: At least one character.
        title: Shown above the text.

    Raises:
        ValidationError: A field breaks its limit.
    """

    type: ClassVar[str] = "text"

    text: str = attrs.field(validator=validators.str_length(1))

    def data(self) -> str:
        """Return the text."""
        return self.text
