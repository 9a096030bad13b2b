"""The access log: at DEBUG, a line for each request to the API or for an access token.

Only the path is logged, without the query, which may hold a key. Users have the names that the
report gives them. What the sandbox's own page asks for is left out: it asks all the time.
"""

import logging
from typing import Final

from aiohttp import web

from cliq_async.sandbox.responses import DropConnection, NoResponse

__all__ = ["USER", "is_on", "log_access"]

USER: Final = web.RequestKey("user", str)
"""The key under which a request keeps the name of its user."""

_log: Final = logging.getLogger("cliq_async.sandbox")


def is_on() -> bool:
    """Return whether the access log is on."""
    return _log.isEnabledFor(logging.DEBUG)


def log_access(
    request: web.BaseRequest, response: web.StreamResponse | None, took_s: float
) -> None:
    """Log a request that was answered; without a response, the client has gone."""
    match response:
        case None:
            ending = "aborted"
        case DropConnection():
            ending = "connection dropped"
        case NoResponse():
            ending = "no answer"
        case _:
            ending = str(response.status)
    user = request.get(USER)
    _log.debug(
        "%s %s: %s in %.0f ms%s",
        request.method,
        request.rel_url.raw_path,
        ending,
        took_s * 1e3,
        "" if user is None else f", {user}",
    )
