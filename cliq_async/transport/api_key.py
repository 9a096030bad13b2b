"""API keys: how they get into a request's URL. Secrets: how they stay out of all that is shown."""

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from msgspec.structs import replace

from cliq_async.transport.base import Response

if TYPE_CHECKING:
    from yarl import URL

__all__ = ["UrlWithKey", "without", "without_key"]

_PARAMETER: Final = "zapikey"
_SHORTEST: Final = 8
"""A shorter key may be a part of any word."""


class UrlWithKey:
    """A URL for aiohttp that has its key in the first line of the request, and nowhere else.

    aiohttp shows its URLs in errors, in logs and in the repr of answers.
    """

    __slots__ = ("_key", "_url")

    def __init__(self, url: "URL", key: str) -> None:
        self._url = url
        self._key = key

    def __getattr__(self, name: str) -> Any:
        return getattr(self._url, name)

    def __repr__(self) -> str:
        return repr(self._url)

    def __str__(self) -> str:
        return str(self._url)

    @property
    def raw_path_qs(self) -> str:
        """The path and the query, with the key."""
        separator = "&" if self._url.raw_query_string else "?"
        return f"{self._url.raw_path_qs}{separator}{_PARAMETER}={_quoted(self._key)}"


def without_key(response: Response, key: str) -> Response:
    """Return an answer whose body does not repeat the key, as gateways repeat a request's URL."""
    body = response.body
    if not body or len(key) < _SHORTEST:
        return response
    for form in (key, _quoted(key)):
        body = body.replace(form.encode(), "…".encode())
    return replace(response, body=body)


def without(secret: str, text: str) -> str:
    """Return a text without a secret that it may repeat, as it is or quoted for a URL."""
    if len(secret) < _SHORTEST:
        return text
    for form in (secret, _quoted(secret)):
        text = text.replace(form, "…")
    return text


def _quoted(key: str) -> str:
    return quote(key, safe="")
