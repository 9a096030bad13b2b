"""The debug log: a line for each request, and its bodies if they are asked for.

Bodies hold messages and names of people, so they have a logger of their own, which is off even
where `cliq_async` logs at DEBUG. No header of a request is logged, and no body of a request for an
access token (see `auth.request_log`).
"""

import logging
from typing import Final

from cliq_async.errors import REQUEST_IDS
from cliq_async.transport.api_key import without
from cliq_async.transport.base import Request, Response
from cliq_async.transport.protocol import ApiResponse
from cliq_async.transport.retry import NoResponse

__all__ = ["DEBUG", "log_request", "logger"]

DEBUG: Final = logging.DEBUG
logger: Final = logging.getLogger("cliq_async")
_bodies: Final = logging.getLogger("cliq_async.bodies")
if _bodies.level == logging.NOTSET:  # else the program has chosen one before this import
    _bodies.setLevel(logging.WARNING)

_SHOWN_CHARS: Final = 2_000
_LONGEST_ID: Final = 200


def log_request(
    request: Request,
    response: Response | None,
    answer: ApiResponse | NoResponse | None,
    *,
    path: str,
    took_s: float,
    secret: str,
) -> None:
    """Log a request that has ended.

    Args:
        request: The request.
        response: What came, or None.
        answer: Its meaning; None if the call was cancelled.
        path: The path and the query.
        took_s: From connecting to the end of the answer, in real seconds.
        secret: The access token or key, which is not logged, even if the answer repeats it.
    """
    line = f"{request.method} {path}: {_ending(answer)} in {took_s * 1e3:.0f} ms"
    if response is not None and (request_id := _request_id(response)):
        line += f", request id {request_id}"
    logger.debug("%s", without(secret, " ".join(line.split())))
    if _bodies.isEnabledFor(DEBUG):
        _log_body("sent", request.body, secret)
        _log_body("received", b"" if response is None else response.body or b"", secret)


def _ending(answer: ApiResponse | NoResponse | None) -> str:
    match answer:
        case None:
            return "cancelled"
        case NoResponse():
            return f"{'no answer' if answer.sent else 'not sent'} ({answer.reason})"
        case ApiResponse(outcome="done"):
            return str(answer.status)
        case _:
            return f"{answer.status} ({answer.outcome})"


def _request_id(response: Response) -> str:
    headers = {name.lower(): value for name, value in response.headers.items()}
    found = next((headers[name] for name in REQUEST_IDS if headers.get(name)), "")
    return found[:_LONGEST_ID]


def _log_body(what: str, body: bytes, secret: str) -> None:
    if body:
        start = without(secret, body[: _SHOWN_CHARS + len(secret)].decode(errors="replace"))
        more = f"… ({len(body):,} bytes)" if len(body) > _SHOWN_CHARS else ""
        _bodies.debug("%s %s%s", what, start[:_SHOWN_CHARS], more)
