"""Slides: lists, labels, images and text below a message."""

import abc
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal, get_args

import attrs

from cliq_async.models import converters, validators
from cliq_async.models.base import Model
from cliq_async.models.button import Button
from cliq_async.models.extra import as_json_object, check_json_object

__all__ = ["BulletList", "Images", "Labels", "Slide", "TextBlock"]

ListStyle = Literal[
    "disc",
    "circle",
    "square",
    "decimal",
    "lower-alpha",
    "upper-alpha",
    "lower-roman",
    "upper-roman",
    "bulleted",
]
"""The last one is not among the documented values, but in the document's example."""


def _texts(value: str | Iterable[str]) -> tuple[str, ...]:
    return converters.as_texts(value)


def _urls(value: str | Iterable[str]) -> tuple[str, ...]:
    return converters.as_tuple(value)


def _pairs(
    value: Mapping[str, str | float] | Iterable[tuple[str, str | float]],
) -> tuple[tuple[str, str], ...]:
    return converters.as_pairs(value)


def _buttons(value: Button | Iterable[Button] | None) -> tuple[Button, ...]:
    return converters.as_tuple(value)


@attrs.frozen
class Slide(Model, abc.ABC):
    """The base of all slides.

    Attributes:
        title: Shown above the content.
        buttons: Buttons below the content.
        extra: Further fields of the slide in the API's form, sent as they are and at your own
            risk. They replace fields of the same name.
    """

    type: ClassVar[str]

    title: str = attrs.field(default="", kw_only=True, validator=validators.str_length())
    buttons: tuple[Button, ...] = attrs.field(
        default=(),
        kw_only=True,
        converter=_buttons,
        validator=validators.instances(Button, 0, None, "buttons"),
    )
    extra: dict[str, Any] = attrs.field(
        factory=dict,
        kw_only=True,
        converter=as_json_object,
        validator=check_json_object,
        hash=False,  # a dict is not hashable
    )

    @abc.abstractmethod
    def data(self) -> Any:
        """Return the slide's content in the API's form."""

    def styles(self) -> dict[str, Any]:
        """Return the styles beside the slide's content in the API's form."""
        return {}

    @property
    def size(self) -> int:
        """The number of characters in all its strings but those of buttons, keys included."""
        return converters.count_characters(attrs.astuple(self, recurse=False))


def _check_urls(_images: "Images", _attribute: object, value: tuple[str, ...]) -> None:
    for index, url in enumerate(value):
        validators.check_https(f"Images.urls[{index}]", url)


@attrs.frozen
class BulletList(Slide):
    """A bulleted list (the slide type `list`).

    Example:
        >>> todo = BulletList(["Look at the logs", "Call Ann"], title="To do")

    Attributes:
        items: At least one; numbers become text.
        style: The bullet or number before an item: `disc`, `circle`, `square`, `decimal`,
            `lower-alpha`, `upper-alpha`, `lower-roman`, `upper-roman` or `bulleted`. Sent as
            `styles.type`.
        title: Shown above the list.
        buttons: Buttons below the list.
        extra: Further fields, as for `Slide`.

    Raises:
        ValidationError: A field breaks its limit.
    """

    type: ClassVar[str] = "list"

    items: tuple[str, ...] = attrs.field(
        converter=_texts, validator=validators.strings(1, None, "items", each=(0, None))
    )
    style: ListStyle | None = attrs.field(
        default=None, kw_only=True, validator=validators.one_of(*get_args(ListStyle))
    )

    def data(self) -> list[str]:
        """Return the items in the API's form."""
        return list(self.items)

    def styles(self) -> dict[str, Any]:
        """Return the style of the list in the API's form."""
        return {"type": self.style} if self.style else {}


@attrs.frozen
class Labels(Slide):
    """Labels with their values, side by side (the slide type `label`).

    Example:
        >>> labels = Labels({"Host": "db-1", "Load": 93})

    Attributes:
        pairs: At least one pair of label and value; a mapping or pairs, numbers become text.
        keyed: True to send a pair as `{"Load": "93"}`, as Zoho's page on message content has it;
            by default it is `{"label": "Load", "value": "93"}`, as the page on bots has it.
        title: Shown above the labels.
        buttons: Buttons below the labels.
        extra: Further fields, as for `Slide`.

    Raises:
        ValidationError: A field breaks its limit.
    """

    type: ClassVar[str] = "label"

    pairs: tuple[tuple[str, str], ...] = attrs.field(
        converter=_pairs, validator=validators.text_pairs("pairs of a label and a value")
    )
    keyed: bool = attrs.field(default=False, kw_only=True, validator=validators.is_true_or_false)

    def data(self) -> list[dict[str, str]]:
        """Return the pairs in one of the API's two forms."""
        if self.keyed:
            return [{label: value} for label, value in self.pairs]
        return [{"label": label, "value": value} for label, value in self.pairs]


@attrs.frozen
class Images(Slide):
    """Images, side by side.

    Example:
        >>> chart = Images("https://example.com/chart.png")

    Attributes:
        urls: At least one HTTPS URL.
        title: Shown above the images.
        buttons: Buttons below the images.
        extra: Further fields, as for `Slide`.

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
        buttons: Buttons below the text.
        extra: Further fields, as for `Slide`.

    Raises:
        ValidationError: A field breaks its limit.
    """

    type: ClassVar[str] = "text"

    text: str = attrs.field(validator=validators.str_length(1))

    def data(self) -> str:
        """Return the text."""
        return self.text
