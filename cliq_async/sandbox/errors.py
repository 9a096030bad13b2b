"""Cliq's error responses, as exceptions."""

from collections.abc import Iterable
from typing import Final

__all__ = [
    "ApiFault",
    "bad_request",
    "bot_not_found",
    "channel_not_found",
    "cross_site",
    "forbidden",
    "missing_scope",
    "not_authorized",
    "param_missing",
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
        live: The status and code that the live service was seen to send instead; None where they
            are the documented ones.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        *,
        live: tuple[int, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.live = live

    def with_code(self, code: str) -> "ApiFault":
        """Return the error with another documented code."""
        return ApiFault(self.status, self.message, code, live=self.live)

    def as_live(self) -> "ApiFault":
        """Return the error as the live service sends it."""
        return self if self.live is None else ApiFault(self.live[0], self.message, self.live[1])


def bad_request(message: str, code: str = "invalid_inputs", *, live: str | None = None) -> ApiFault:
    """Return the error for a request that violates the documentation.

    Args:
        message: The human-readable message.
        code: The documented code.
        live: The code that the live service was seen to send instead.
    """
    return ApiFault(400, message, code, live=None if live is None else (400, live))


def param_missing(path: str) -> ApiFault:
    """Return the error for a required field that a body lacks."""
    return bad_request(f"'{path}' is missing.", live="param_missing")


def bot_not_found() -> ApiFault:
    """Return the error for an unknown bot id or unique name."""
    return ApiFault(404, "No bot has this id or unique name.", "bot_not_found")


def not_authorized(code: str | None = None) -> ApiFault:
    """Return the error for a missing or invalid token."""
    return ApiFault(401, _NOT_AUTHORIZED, code)


def forbidden() -> ApiFault:
    """Return the error for a user without permission."""
    return ApiFault(403, _FORBIDDEN)


def missing_scope(scopes: Iterable[str]) -> ApiFault:
    """Return the error for a token that has none of an endpoint's OAuth scopes."""
    text = f"The access token does not have the scope {' or '.join(scopes)}."
    code = "oauthtoken_scope_invalid"
    return ApiFault(403, text, code, live=(401, code))


def wrong_url(live_status: int = 400) -> ApiFault:
    """Return the error for an unknown URL, which the live service sends with several statuses."""
    return ApiFault(404, _WRONG_URL, live=(live_status, "request_url_invalid"))


def channel_not_found() -> ApiFault:
    """Return the error for an unknown channel."""
    return ApiFault(404, _WRONG_URL)


def wrong_method() -> ApiFault:
    """Return the error for a method that the URL does not support."""
    return ApiFault(405, _WRONG_METHOD, live=(405, "request_method_invalid"))


def unknown_host() -> ApiFault:
    """Return the error for a request addressed to another host."""
    # 421: the request has reached a server that does not answer for its host.
    return ApiFault(421, _UNKNOWN_HOST)


def cross_site() -> ApiFault:
    """Return the error for a request from a web page of another site."""
    return ApiFault(403, _CROSS_SITE)
