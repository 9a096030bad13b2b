"""The receivers of events that are compared: ours, the same work by hand, and other frameworks."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import attrs
from aiohttp import web
from installed import version_of
from webhook_by_hand import (
    PATH,
    aiohttp_by_hand,
    bare_aiohttp,
    bare_asgi,
    bare_starlette,
    starlette_app,
    starlette_by_hand,
)
from webhook_peers import aiogram, bolt, fastapi

from cliq_async.webhooks import MessageEvent, WebhookBot

Serve = Callable[[socket.socket], Awaitable[object]]


@attrs.frozen
class Receiver:
    """One of them.

    Attributes:
        name: What it is.
        serve: Serves on a socket for ever.
        packages: The distributions it needs besides those of cliq_async.
        events: Whose events it takes: `cliq`, `slack` or `telegram`.
        checks: It refuses the events of others.
        over: The receiver with which it is compared.
        bar: How many times the CPU of that one it may take; None for no limit.
    """

    name: str
    serve: Serve
    packages: tuple[str, ...] = ()
    events: str = "cliq"
    checks: bool = True
    over: str = ""
    bar: float | None = None

    @property
    def installed(self) -> bool:
        """Whether it can take part."""
        return all(version_of(package) is not None for package in self.packages)


# --- servers --------------------------------------------------------------------------------


async def _uvicorn(made: Callable[[], Any], listening: socket.socket, *, http: str = "h11") -> None:
    import uvicorn  # noqa: PLC0415 - not everywhere

    config = uvicorn.Config(made(), http=http, loop="asyncio", log_level="warning")
    await uvicorn.Server(config).serve(sockets=[listening])


async def _aiohttp(made: Callable[[], web.Application], listening: socket.socket) -> None:
    runner = web.AppRunner(made(), access_log=None)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    await asyncio.Event().wait()


# --- ours -----------------------------------------------------------------------------------


def _bot() -> WebhookBot:
    bot = WebhookBot(os.environ["CLIQ_PUBLIC_KEY"])

    @bot.message
    async def greet(event: MessageEvent) -> str:
        return f"Hi {event.user.first_name}"

    return bot


def _ours_in_starlette() -> Any:
    bot = _bot()

    @asynccontextmanager
    async def lifespan(_app: Any):
        async with bot:
            yield

    return starlette_app(bot, lifespan)


def _ours_on_aiohttp() -> web.Application:
    bot, app = _bot(), web.Application()
    app.add_routes([web.route("*", PATH, bot.aiohttp)])
    app.cleanup_ctx.append(bot.running)
    return app


# --- the table ------------------------------------------------------------------------------


_H11 = ("starlette", "uvicorn")
_STARLETTE = "Starlette, the same checks by hand"
_ASGI = "bare ASGI, signature by hand"
_AIOHTTP = "bare aiohttp, signature by hand"
_OURS_STARLETTE = "cliq_async in Starlette"
_OURS_AIOHTTP = "cliq_async on aiohttp"
_HTTPTOOLS = " (httptools)"

RECEIVERS = {
    each.name: each
    for each in [
        Receiver("bare Starlette", partial(_uvicorn, bare_starlette), _H11, checks=False),
        Receiver(_STARLETTE, partial(_uvicorn, starlette_by_hand), _H11),
        Receiver(
            _OURS_STARLETTE, partial(_uvicorn, _ours_in_starlette), _H11, over=_STARLETTE, bar=1.35
        ),
        Receiver(_ASGI, partial(_uvicorn, bare_asgi), ("uvicorn",)),
        Receiver(
            "cliq_async alone on uvicorn",
            partial(_uvicorn, _bot),
            ("uvicorn",),
            over=_ASGI,
            bar=1.5,
        ),
        Receiver("bare aiohttp", partial(_aiohttp, bare_aiohttp), checks=False),
        Receiver(_AIOHTTP, partial(_aiohttp, aiohttp_by_hand)),
        Receiver(_OURS_AIOHTTP, partial(_aiohttp, _ours_on_aiohttp), over=_AIOHTTP, bar=1.6),
        Receiver(
            _ASGI + _HTTPTOOLS,
            partial(_uvicorn, bare_asgi, http="httptools"),
            ("uvicorn", "httptools"),
        ),
        Receiver(
            "cliq_async alone on uvicorn" + _HTTPTOOLS,
            partial(_uvicorn, _bot, http="httptools"),
            ("uvicorn", "httptools"),
            over=_ASGI + _HTTPTOOLS,
        ),
        Receiver(
            "FastAPI and pydantic, signature by hand",
            partial(_uvicorn, fastapi),
            ("fastapi", "uvicorn"),
            over=_OURS_STARLETTE,
        ),
        Receiver(
            "Slack's Bolt in Starlette, HMAC",
            partial(_uvicorn, bolt),
            ("slack-bolt", *_H11),
            events="slack",
            over=_OURS_STARLETTE,
        ),
        Receiver(
            "aiogram on aiohttp, secret header",
            partial(_aiohttp, aiogram),
            ("aiogram",),
            events="telegram",
            over=_OURS_AIOHTTP,
        ),
    ]
}
