"""The bot in an app of aiohttp's server."""

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from cliq_async.webhooks.http import (
    BODY_INCOMPLETE,
    BODY_TOO_LARGE,
    METHOD_NOT_ALLOWED,
    PROBED,
    HttpAnswer,
)
from cliq_async.webhooks.signature import SIGNATURE_HEADER

if TYPE_CHECKING:
    from cliq_async.webhooks.bot import WebhookBot

__all__ = ["respond"]


async def respond(bot: "WebhookBot", request: web.Request) -> web.Response:
    """Handle a request."""
    answer = await _answer(bot, request)
    return web.Response(status=answer.status, body=answer.body, headers=answer.headers)


async def _answer(bot: "WebhookBot", request: web.Request) -> HttpAnswer:
    if request.method in ("GET", "HEAD"):
        return PROBED
    if request.method != "POST":
        return METHOD_NOT_ALLOWED
    if (request.content_length or 0) > bot.max_body:
        return BODY_TOO_LARGE
    body = await _read(request, bot.max_body)
    if isinstance(body, HttpAnswer):
        return body

    async def is_gone() -> bool:
        await asyncio.sleep(0)  # the loop reads what has come in
        return request.transport is None or request.transport.is_closing()

    return await bot.receive(body, request.headers.get(SIGNATURE_HEADER), is_gone=is_gone)


async def _read(request: web.Request, most: int) -> bytes | HttpAnswer:
    """Read the body, or return the refusal of one that is too long or was broken off."""
    body = bytearray()
    try:
        async for block in request.content.iter_any():  # not `read`, which has a limit of the app's
            body += block
            if len(body) > most:
                return BODY_TOO_LARGE
    except (ConnectionError, web.RequestPayloadError):
        return BODY_INCOMPLETE
    return bytes(body)
