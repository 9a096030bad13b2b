"""Cards: the framed part of a message, one class per theme."""

import abc
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import attrs

from cliq_async.models import converters, validators
from cliq_async.models.base import Model
from cliq_async.models.extra import as_json_object, check_json_object

__all__ = ["Card", "ModernInline", "Poll", "Prompt", "Section"]


def _sections(value: "Section | Iterable[Section] | None") -> "tuple[Section, ...]":
    return converters.as_tuple(value)


def _options(value: str | Iterable[str]) -> tuple[str, ...]:
    return converters.as_tuple(value)


def _fields(value: Mapping[str, str] | Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return converters.as_pairs(value)


@attrs.frozen
class Card(Model, abc.ABC):
    """The base of all cards.

    Attributes:
        title: At most 200 characters.
        extra: Further fields of the card in the API's form, sent as they are and at your own
            risk. They replace fields of the same name.
    """

    theme: ClassVar[str]

    title: str = attrs.field(default="", validator=validators.str_length(0, 200))
    extra: dict[str, Any] = attrs.field(
        factory=dict,
        kw_only=True,
        converter=as_json_object,
        validator=check_json_object,
        hash=False,  # a dict is not hashable
    )

    @abc.abstractmethod
    def content(self) -> dict[str, Any]:
        """Return the fields other than theme and title in the API's form."""


@attrs.frozen
class Section(Model):
    """A group of fields in a `ModernInline` card.

    Example:
        >>> Section({"CPU": "93 %", "Host": "db-1"}, title="Load").fields
        (('CPU', '93 %'), ('Host', 'db-1'))

    Attributes:
        fields: At least one pair of title and value; a mapping or pairs, numbers become text.
        title: Shown above the fields.

    Raises:
        ValidationError: A field breaks its limit.
    """

    fields: tuple[tuple[str, str], ...] = attrs.field(
        converter=_fields, validator=validators.text_pairs("fields of a title and a value")
    )
    title: str = attrs.field(default="", kw_only=True, validator=validators.str_length())


@attrs.frozen
class ModernInline(Card):
    """A card of the theme `modern-inline`, the most common one.

    Example:
        >>> card = ModernInline("Load", sections=Section({"CPU": "93 %"}))

    Attributes:
        title: At most 200 characters.
        thumbnail: An HTTPS URL.
        sections: One section or several.
        extra: Further fields, as for `Card`.

    Raises:
        ValidationError: A field breaks its limit.
    """

    theme: ClassVar[str] = "modern-inline"

    thumbnail: str | None = attrs.field(default=None, kw_only=True, validator=validators.https_url)
    sections: tuple[Section, ...] = attrs.field(
        default=(),
        kw_only=True,
        converter=_sections,
        validator=validators.instances(Section, 0, None, "sections"),
    )

    def content(self) -> dict[str, Any]:
        """Return the thumbnail and the sections in the API's form."""
        content: dict[str, Any] = {}
        if self.thumbnail:
            content["thumbnail"] = self.thumbnail
        if self.sections:
            content["sections"] = [
                ({"title": section.title} if section.title else {})
                | {"fields": [{"title": title, "value": value} for title, value in section.fields]}
                for section in self.sections
            ]
        return content


@attrs.frozen
class Poll(Card):
    """A card of the theme `poll`: a question and its options.

    Example:
        >>> poll = Poll("Lunch?", options=["Pizza", "Salad"])

    Attributes:
        title: The question, at most 200 characters.
        options: 2 to 10, of 1 to 100 characters each.
        extra: Further fields, as for `Card`.

    Raises:
        ValidationError: A field breaks its limit.
    """

    theme: ClassVar[str] = "poll"

    options: tuple[str, ...] = attrs.field(
        kw_only=True,
        converter=_options,
        validator=validators.strings(2, 10, "options", each=(1, 100)),
    )

    def content(self) -> dict[str, Any]:
        """Return the options in the API's form."""
        return {"options": [{"text": option} for option in self.options]}


@attrs.frozen
class Prompt(Card):
    """A card of the theme `prompt`: a question answered by the message's buttons.

    The message needs at least one button; `Message` checks that.

    Example:
        >>> prompt = Prompt("Deploy release 3.6 to production?")

    Attributes:
        title: At most 200 characters.
        extra: Further fields, as for `Card`.

    Raises:
        ValidationError: A field breaks its limit.
    """

    theme: ClassVar[str] = "prompt"

    def content(self) -> dict[str, Any]:
        """Return an empty dict: a prompt has only a theme and a title."""
        return {}
