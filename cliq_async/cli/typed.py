"""Errors in the words of the person who typed the command."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cliq_async.errors import ValidationError

__all__ = ["typed"]

_FIELD: Final = re.compile(r"(?:[A-Z]\w*\.)?(\w+)(?:\[(\d+)\])?")


@contextmanager
def typed(**names: str) -> Iterator[None]:
    """Have a ValidationError of the body name what was typed instead of a model's field.

    Args:
        **names: The options and arguments by the names of the fields. What is not among them
            stays as it is.

    Raises:
        ValidationError: The body raised it.
    """
    try:
        yield
    except ValidationError as error:
        found = _FIELD.match(error.field)
        if found is None or found[1] not in names:
            raise
        name = names[found[1]]
        if found[2] is not None:
            name += f" {int(found[2]) + 1}"
        raise ValidationError(name, error.limit, error.given) from None
