"""The debug log of requests to an accounts server: a line for each, and never a body."""

import re
import time
from typing import Final

from cliq_async.auth.oauth import json_object
from cliq_async.transport.base import NoAnswerError, Request, Response, SendPermit, Transport
from cliq_async.transport.request_log import DEBUG, logger

__all__ = ["send_logged"]

_ERROR: Final = re.compile(r"[a-z_]{3,40}")


async def send_logged(transport: Transport, request: Request, permit: SendPermit) -> Response:
    """Send a request to an accounts server, and log how it ended.

    Raises:
        NoAnswerError: As for `Transport.send`.
    """
    if not logger.isEnabledFor(DEBUG):
        return await transport.send(request, permit)
    began_at, ending = time.monotonic(), "cancelled"
    try:
        response = await transport.send(request, permit)
        ending = _ending(request, response)
    except NoAnswerError:
        ending = "no answer"
        raise
    finally:
        place = request.url.partition("://")[2]
        took_s = time.monotonic() - began_at
        logger.debug("%s %s: %s in %.0f ms", request.method, place, ending, took_s * 1e3)
    return response


def _ending(request: Request, response: Response) -> str:
    # Errors come with status 200, too. One that repeats what was sent could be a secret.
    error = json_object(response.body or b"").get("error")
    if not isinstance(error, str) or not _ERROR.fullmatch(error) or error.encode() in request.body:
        return str(response.status)
    return f"{response.status} ({error})"
