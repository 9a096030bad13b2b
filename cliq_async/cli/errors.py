"""Exit statuses, and errors as the plain lines that people read."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cliq_async.cli.text import clean
from cliq_async.errors import (
    CliqError,
    OutcomeUnknownError,
    QuotaWaitError,
    ServerError,
    ThrottledError,
    ValidationError,
)

__all__ = [
    "FAILED",
    "INTERRUPTED",
    "PARTLY",
    "QUOTA",
    "USAGE",
    "CliError",
    "cli_field_names",
    "failure",
    "status_of",
]

FAILED: Final = 1
USAGE: Final = 2
QUOTA: Final = 3
PARTLY: Final = 4
INTERRUPTED: Final = 130


class CliError(Exception):
    """Something that went wrong outside this program: one line on stderr, and an exit status.

    Attributes:
        status: The exit status.
    """

    def __init__(self, message: str, status: int = FAILED) -> None:
        super().__init__(clean(message))
        self.status = status


def status_of(error: BaseException) -> int:
    """The exit status that an error stands for."""
    match error:
        case CliError():
            return error.status
        case ValidationError():
            return USAGE
        case QuotaWaitError() | ThrottledError():
            return QUOTA
        case OutcomeUnknownError():
            return PARTLY
        case ServerError() if _writes(error.endpoint):
            return PARTLY
        case _:
            return FAILED


def failure(error: CliqError) -> CliError:
    """One of the package's errors, for people."""
    text = str(error)
    if isinstance(error, ServerError) and _writes(error.endpoint):
        text += "; it may or may not have happened"
    return CliError(text, status_of(error))


def _writes(endpoint: str) -> bool:
    from cliq_async.endpoints import ENDPOINTS  # noqa: PLC0415 - late: `cliq --help` needs no table

    return endpoint in ENDPOINTS and ENDPOINTS[endpoint].method != "GET"


_FIELD: Final = re.compile(r"(?:[A-Z]\w*\.)?(\w+)(?:\[(\d+)\])?")


@contextmanager
def cli_field_names(**names: str) -> Iterator[None]:
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
