"""The bot as an ASGI app: one path for requests, one for the server's lifespan."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Final

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

__all__ = ["serve"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_SIGNATURE: Final = SIGNATURE_HEADER.lower().encode()
_LOOK_S: Final = 0.01
"""How long a server may take to say that the client has hung up. Real seconds."""
_LOOK_TURNS: Final = 20
"""How many turns of the loop it may take at least: middleware passes a message on in several."""


async def serve(bot: "WebhookBot", scope: Scope, receive: Receive, send: Send) -> None:
    """Serve a connection.

    Raises:
        ValueError: The server speaks of something that is neither HTTP nor its lifespan.
    """
    if scope["type"] == "lifespan":
        await _live(bot, receive, send)
    elif scope["type"] == "http":
        await _send(await _respond(bot, scope, receive), send)
    else:
        raise ValueError(f"a webhook bot serves http, not {scope['type']}")


async def _live(bot: "WebhookBot", receive: Receive, send: Send) -> None:
    await receive()
    try:
        await bot.__aenter__()
    except Exception as error:
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        raise
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await bot.close()
    await send({"type": "lifespan.shutdown.complete"})


async def _respond(bot: "WebhookBot", scope: Scope, receive: Receive) -> HttpAnswer:
    if scope["method"] in ("GET", "HEAD"):
        return PROBED
    if scope["method"] != "POST":
        return METHOD_NOT_ALLOWED
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length[:20]) > bot.max_body:
        return BODY_TOO_LARGE
    body = await _read(receive, bot.max_body)
    if isinstance(body, HttpAnswer):
        return body
    signature = headers.get(_SIGNATURE)
    del headers  # many events at once would keep them while their handlers run
    return await bot.receive(
        body,
        None if signature is None else signature.decode("latin-1"),
        is_gone=lambda: _is_gone(receive),
    )


async def _read(receive: Receive, most: int) -> bytes | HttpAnswer:
    """Read the body, or return the refusal of one that is too long or was broken off."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return BODY_INCOMPLETE  # middleware wants an answer even so
        body += message.get("body", b"")
        if len(body) > most:
            return BODY_TOO_LARGE
        if not message.get("more_body", False):
            return bytes(body)


async def _is_gone(receive: Receive) -> bool:
    """Look whether the client has hung up; after the whole body, nothing else is received."""
    looking = asyncio.ensure_future(receive())
    try:
        await asyncio.wait((looking,), timeout=_LOOK_S)
        for _ in range(_LOOK_TURNS):  # a turn of a busy loop may take longer than the time above
            if looking.done():
                break
            await asyncio.sleep(0)
        return looking.done() and looking.result()["type"] == "http.disconnect"
    finally:
        looking.cancel()


async def _send(answer: HttpAnswer, send: Send) -> None:
    headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
