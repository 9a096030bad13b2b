"""The HTTP responses: JSON, errors, a gateway's page, no response, a dropped connection."""

from typing import Any, Final

import msgspec
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from cliq_async.sandbox.errors import ApiFault

__all__ = [
    "DropConnection",
    "NoResponse",
    "bad_gateway",
    "error_response",
    "json_response",
    "server_error",
]

_FAILED: Final = "Cliq server encountered an error which prevents it from fulfilling the request."
_GATEWAY_PAGE: Final = (
    "<html><head><title>502 Bad Gateway</title></head>"
    "<body><center><h1>502 Bad Gateway</h1></center></body></html>"
)


class NoResponse(web.StreamResponse):
    """No response: the connection stays open until the client or the sandbox closes it."""

    @property
    def keep_alive(self) -> bool:
        """Always True, so that the connection waits like an idle one, without a task."""
        return True

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send no headers."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Send no body."""


class DropConnection(NoResponse):
    """A dropped connection instead of a response."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Drop the connection."""
        if request.transport is not None:
            request.transport.abort()
        return None


def json_response(status: int, body: dict[str, Any] | None) -> web.Response:
    """Return a response with a JSON body, or with an empty one for None."""
    if body is None:
        return web.Response(status=status)
    return web.Response(
        status=status, body=msgspec.json.encode(body), content_type="application/json"
    )


def error_response(fault: ApiFault) -> web.Response:
    """Return an error in Cliq's format."""
    body = {"message": fault.message}
    if fault.code is not None:
        body["code"] = fault.code
    return json_response(fault.status, body)


def server_error() -> web.Response:
    """Return Cliq's internal server error."""
    return json_response(500, {"message": _FAILED})


def bad_gateway() -> web.Response:
    """Return the HTML page of a gateway whose upstream server did not respond."""
    return web.Response(status=502, text=_GATEWAY_PAGE, content_type="text/html")
