"""Exit statuses, and errors as the plain lines that people read."""

from typing import Final

from cliq_async.cli.outputs.console import clean
from cliq_async.endpoints import ENDPOINTS
from cliq_async.errors import (
    CliqError,
    OutcomeUnknownError,
    QuotaWaitError,
    ServerError,
    ThrottledError,
    ValidationError,
)

__all__ = ["FAILED", "INTERRUPTED", "PARTLY", "QUOTA", "USAGE", "Failure", "failure", "status_of"]

FAILED: Final = 1
USAGE: Final = 2
QUOTA: Final = 3
PARTLY: Final = 4
INTERRUPTED: Final = 130


class Failure(Exception):  # noqa: N818 - a word for people: it can stand in a report
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
        case Failure():
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


def failure(error: CliqError) -> Failure:
    """One of the package's errors, for people."""
    text = str(error)
    if isinstance(error, ServerError) and _writes(error.endpoint):
        text += "; it may or may not have happened"
    return Failure(text, status_of(error))


def _writes(endpoint: str) -> bool:
    return endpoint in ENDPOINTS and ENDPOINTS[endpoint].method != "GET"
