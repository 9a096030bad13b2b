"""Cliq's error responses, as exceptions."""

from typing import Final

__all__ = [
    "ApiFault",
    "bad_request",
    "bot_not_found",
    "cross_site",
    "forbidden",
    "not_authorized",
    "unknown_host",
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
_UNKNOWN_HOST: Final = (
    "The sandbox does not serve this host: use a loopback address, or allow the host's name with "
    "Sandbox(hosts=...) or cliq sandbox --allow-host."
)
_CROSS_SITE: Final = "The sandbox refuses requests that a web page of another site makes."
_WRONG_METHOD: Final = "The requested resource does not support the HTTP method used."


class ApiFault(Exception):  # noqa: N818 - an API response, not an error of the sandbox
    """An error response to a request.

    Attributes:
        status: The HTTP status.
        message: The human-readable message.
        code: The error code; None where Cliq sends no code.
    """

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code


def bad_request(message: str, code: str = "invalid_inputs") -> ApiFault:
    """Return the error for a request that violates the documentation."""
    return ApiFault(400, message, code)


def bot_not_found() -> ApiFault:
    """Return the error for an unknown bot id or unique name."""
    return ApiFault(404, "No bot has this id or unique name.", "bot_not_found")


def not_authorized(code: str | None = None) -> ApiFault:
    """Return the error for a missing or invalid token."""
    return ApiFault(401, _NOT_AUTHORIZED, code)


def forbidden() -> ApiFault:
    """Return the error for a user without permission."""
    return ApiFault(403, _FORBIDDEN)


def wrong_url() -> ApiFault:
    """Return the error for an unknown URL."""
    return ApiFault(404, _WRONG_URL)


def wrong_method() -> ApiFault:
    """Return the error for a method that the URL does not support."""
    return ApiFault(405, _WRONG_METHOD)


def unknown_host() -> ApiFault:
    """Return the error for a request addressed to another host."""
    # 421: the request has reached a server that does not answer for its host.
    return ApiFault(421, _UNKNOWN_HOST)


def cross_site() -> ApiFault:
    """Return the error for a request from a web page of another site."""
    return ApiFault(403, _CROSS_SITE)
