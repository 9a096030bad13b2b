"""The errors that Cliq answers with, as exceptions."""

from typing import Final

__all__ = [
    "ApiFault",
    "bad_request",
    "bot_not_found",
    "forbidden",
    "not_authorized",
    "wrong_method",
    "wrong_url",
]

_NOT_AUTHORIZED: Final = "Request was rejected because of invalid AuthToken."
_FORBIDDEN: Final = (
    "The user does not have enough permission or possibly not an user of the respective "
    "organization to access the resource."
)
_WRONG_URL: Final = (
    "The URL you've sent is wrong. It's possible that the resource you've requested has been "
    "moved to another URL."
)
_WRONG_METHOD: Final = "The requested resource does not support the HTTP method used."


class ApiFault(Exception):  # noqa: N818 - it is an answer of the API, not an error of the sandbox
    """The request is answered with an error.

    Attributes:
        status: The HTTP status.
        message: The text for people.
        code: The error code; None where Cliq gives none.
    """

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code


def bad_request(message: str, code: str = "invalid_inputs") -> ApiFault:
    """The answer to a request that the documents do not allow."""
    return ApiFault(400, message, code)


def bot_not_found() -> ApiFault:
    """The answer where no bot has the id or unique name."""
    return ApiFault(404, "No bot has this id or unique name.", "bot_not_found")


def not_authorized(code: str | None = None) -> ApiFault:
    """The answer to a token that is missing or not accepted."""
    return ApiFault(401, _NOT_AUTHORIZED, code)


def forbidden() -> ApiFault:
    """The answer to a user who may not."""
    return ApiFault(403, _FORBIDDEN)


def wrong_url() -> ApiFault:
    """The answer where there is nothing of this name."""
    return ApiFault(404, _WRONG_URL)


def wrong_method() -> ApiFault:
    """The answer to a method that the URL does not know."""
    return ApiFault(405, _WRONG_METHOD)
