"""Exit statuses, and the errors that end a command with one line on stderr."""

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
    "FINISHED",
    "INTERRUPTED",
    "PARTLY",
    "QUOTA",
    "USAGE",
    "CliError",
    "cli_field_names",
    "exit_status_of",
    "to_cli_error",
]

FAILED: Final = 1
USAGE: Final = 2
QUOTA: Final = 3
PARTLY: Final = 4
FINISHED: Final = 5
INTERRUPTED: Final = 130


class CliError(Exception):
    """An error that ends a command with one line on stderr and an exit status.

    Attributes:
        status: The exit status.
    """

    def __init__(self, message: str, status: int = FAILED) -> None:
        super().__init__(clean(message))
        self.status = status


def exit_status_of(error: BaseException) -> int:
    """Return the exit status of an error."""
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


def to_cli_error(error: CliqError) -> CliError:
    """Turn an error of the package into one with a message for people."""
    text = str(error)
    if isinstance(error, ServerError) and _writes(error.endpoint):
        text += "; it may or may not have happened"
    return CliError(text, exit_status_of(error))


def _writes(endpoint: str) -> bool:
    from cliq_async.endpoints import ENDPOINTS  # noqa: PLC0415 - late: `cliq --help` needs no table

    return endpoint in ENDPOINTS and ENDPOINTS[endpoint].method != "GET"


_FIELD: Final = re.compile(r"(?:[A-Z]\w*\.)?(\w+)(?:\[(\d+)\])?")


@contextmanager
def cli_field_names(**names: str) -> Iterator[None]:
    """Make a ValidationError of the body name an option or an argument, not a model's field.

    Args:
        **names: The options and arguments by the names of the fields. Other names are kept.

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
