"""The requests of events: HTTP POST to a bot, with a bounded response."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from ipaddress import ip_address
from typing import Final, Protocol
from urllib.parse import urlsplit

import aiohttp

__all__ = [
    "MAX_RESPONSE",
    "STOPPED",
    "HttpPost",
    "Post",
    "ResponseTooLargeError",
    "is_loopback_url",
]

MAX_RESPONSE: Final = 1024**2
"""The limit of a response's body in bytes."""
STOPPED: Final = "the sandbox has stopped"

_PIECES: Final = 8


class ResponseTooLargeError(Exception):
    """The response's body is larger than 1 MiB."""


class Post(Protocol):
    """A function that sends a POST request and returns the status and body of the response."""

    def __call__(
        self, url: str, body: bytes, headers: Mapping[str, str], *, slow_s: float = 0.0
    ) -> Awaitable[tuple[int, bytes]]:
        """Send a request; with `slow_s`, its body takes this many real seconds."""
        ...


def is_loopback_url(url: str) -> bool:
    """Return whether a URL names this machine by a loopback address or as `localhost`."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class HttpPost:
    """The `Post` of real events, over HTTP. It follows no redirects and uses no proxy."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def __call__(
        self, url: str, body: bytes, headers: Mapping[str, str], *, slow_s: float = 0.0
    ) -> tuple[int, bytes]:
        """Send a request; see `Post`.

        Raises:
            OSError, aiohttp.ClientError, ValueError: There is no valid response.
            ResponseTooLargeError: The response's body is too large.
        """
        if self._closed:
            raise aiohttp.ClientConnectionError(STOPPED)
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
                # A bot that was restarted must not get events on connections to its predecessor.
                connector=aiohttp.TCPConnector(limit=0, force_close=True),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        headers = {**headers, "Content-Length": str(len(body))}
        data = _trickle(body, slow_s) if slow_s else body
        async with self._session.post(
            url, data=data, headers=headers, allow_redirects=False
        ) as response:
            pieces, size = [], 0
            async for piece in response.content.iter_any():
                size += len(piece)
                if size > MAX_RESPONSE:
                    raise ResponseTooLargeError
                pieces.append(piece)
            return response.status, b"".join(pieces)

    async def close(self) -> None:
        """Close the connections, and open no others."""
        self._closed = True
        if self._session is not None:
            await self._session.close()
            self._session = None


async def _trickle(body: bytes, seconds: float) -> AsyncIterator[bytes]:
    step = len(body) // _PIECES + 1
    for start in range(0, len(body), step):
        yield body[start : start + step]
        await asyncio.sleep(seconds / _PIECES)
