"""Errors of the API's plain form, and their places in it, such as `buttons[0].label`."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

import attrs

from cliq_async.errors import NOTHING, ValidationError, suggest
from cliq_async.models.button import Button, Confirm

__all__ = [
    "FIELDS_AT",
    "FormError",
    "LocatedError",
    "each",
    "names_of",
    "unknown_field",
    "unknown_type",
    "within",
]

T = TypeVar("T")


class FormError(ValidationError):
    """The data is not in the API's form. `allow_unknown` sends it as it is where it can."""


class LocatedError(ValueError):
    """Something in the data that is not valid, and its place.

    Attributes:
        place: The place, such as `[0].label`; grows on the way to the root of the data.
        limit: As for a ValidationError.
        given: As for a ValidationError.
        is_limit: True if a documented limit is broken, so that nothing could send it.
    """

    def __init__(
        self, place: str, limit: str, given: object = NOTHING, *, is_limit: bool = False
    ) -> None:
        super().__init__(limit)
        self.place = place
        self.limit = limit
        self.given = given
        self.is_limit = is_limit

    def at_root(self, noun: str) -> ValidationError:
        """Return the error to raise, whose field is the place, or the data if it is its root."""
        cls = ValidationError if self.is_limit else FormError
        return cls(self.place or noun, self.limit, self.given)


_MISSING: Final = re.compile(r"missing \d+ required .*?'(\w+)'")


def within(place: str, build: Callable[[Any], T], value: Any) -> T:
    """Build a part of a model from the value at a place in the data."""
    try:
        return build(value)
    except LocatedError as error:
        error.place = _join(place, error.place)
        raise
    except ValidationError as error:
        where = _join(place, _place_of(error.field))
        raise LocatedError(where, error.limit, error.given, is_limit=True) from None
    except KeyError as error:
        raise LocatedError(_join(place, str(error.args[0])), "this field is missing") from None
    except (AttributeError, TypeError, ValueError) as error:
        if (missing := _MISSING.search(str(error))) is not None:
            raise LocatedError(_join(place, missing[1]), "this field is missing") from None
        raise LocatedError(place, "not in the form of the API", value) from None


def each(build: Callable[[Any], T], items: Iterable[Any]) -> list[T]:
    """Build a part of a model from each item of a list."""
    return [within(f"[{index}]", build, item) for index, item in enumerate(items)]


def _join(place: str, rest: str) -> str:
    return f"{place}.{rest}" if place and rest and rest[0] != "[" else place + rest


_PLACES: Final = {
    **dict.fromkeys(("OpenUrl", "InvokeFunction", "SystemApi", "PreviewUrl", "CopyText"), "data."),
    "OpenUrl.ios": "data.iOS",
    "BulletList.items": "data",
    "BulletList.style": "styles.type",
    "Graph.categories": "data",
    "Graph": "styles.",
    "Images.urls": "data",
    "Labels.pairs": "data",
    "PercentageChart.preview": "styles.preview",
    "PercentageChart.segments": "data",
    "Table": "data.",
    "Table.sticky_columns": "data.styles.sticky.columns",
    "Table.sticky_rows": "data.styles.sticky.rows",
    "Table.widths": "data.styles.width",
    "TextBlock.text": "data",
}
"""The places of models' fields that have other places in the data; a dot ends a prefix."""
_SHARED: Final = ("title", "buttons")
"""The fields that a slide has beside its data."""


def _place_of(field: str) -> str:
    """Return the place in the data of a model's field, such as `Table.rows[0]`."""
    model, dot, rest = field.partition(".")
    if not dot or not model[:1].isupper():
        return "" if field[:1].isupper() else field
    name, bracket, index = rest.partition("[")
    place = _PLACES.get(f"{model}.{name}")
    if place is None:
        place = ("" if name in _SHARED else _PLACES.get(model, "")) + name
    return place + bracket + index


def names_of(cls: Any) -> tuple[str, ...]:
    """Return the names of the fields of a model in the API's form."""
    return tuple(field.name for field in attrs.fields(cls) if field.name != "extra")


FIELDS_AT: Final[Mapping[str, tuple[str, ...]]] = {
    "action": ("type", "data", "confirm"),
    "actions": ("label", "icon", "action"),
    "bot": ("name", "image"),
    "buttons": names_of(Button),
    "card": ("title", "theme", "thumbnail", "sections", "options"),
    "confirm": names_of(Confirm),
    "fields": ("title", "value"),
    "sections": ("title", "fields"),
    "slides": ("type", "title", "data", "styles", "buttons"),
}
"""The fields of the objects in the API's form, for hints, by the field that holds them."""


def unknown_field(place: str, known: Iterable[str]) -> LocatedError:
    """Return an error for a field; `known` are those of the root of the data."""
    *above, name = [part for part in re.split(r"[.\[]", place) if not part.endswith("]")]
    if above:
        known = FIELDS_AT.get(above[-1], ())
    hint = f"; {suggest(name, known)}" if known else ""
    end = "" if hint.endswith("?") else ";"
    return LocatedError(place, f"no such field{hint}{end} allow_unknown=True sends it as it is")


def unknown_type(place: str, kind: object, known: Iterable[str]) -> LocatedError:
    """Return an error for a type or a theme that the models do not have."""
    return LocatedError(
        place, f"one of {', '.join(known)} (allow_unknown=True sends others as they are)", kind
    )
