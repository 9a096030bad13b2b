"""The answers that are no endpoint's own: errors, a gateway's page, silence, a broken line."""

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
    """Sends nothing and leaves the connection open, until the client or the sandbox ends it."""

    @property
    def keep_alive(self) -> bool:
        """Always: the connection then waits as an idle one does, with no task of its own."""
        return True

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send no headers."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Send no body."""


class DropConnection(NoResponse):
    """Breaks the connection in place of an answer."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Break the connection."""
        if request.transport is not None:
            request.transport.abort()
        return None


def json_response(status: int, body: dict[str, Any] | None) -> web.Response:
    """An answer with a JSON body, or with none."""
    if body is None:
        return web.Response(status=status)
    return web.Response(
        status=status, body=msgspec.json.encode(body), content_type="application/json"
    )


def error_response(refused: ApiFault) -> web.Response:
    """An error in Cliq's form."""
    body = {"message": refused.message}
    if refused.code is not None:
        body["code"] = refused.code
    return json_response(refused.status, body)


def server_error() -> web.Response:
    """Cliq's own failure."""
    return json_response(500, {"message": _FAILED})


def bad_gateway() -> web.Response:
    """The page of a gateway that got no answer from behind it."""
    return web.Response(status=502, text=_GATEWAY_PAGE, content_type="text/html")
