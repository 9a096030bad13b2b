"""The bot that real servers run in tests: a handler that takes as long as the message says.

uvicorn support.webhook_app:bot
uvicorn --factory support.webhook_app:behind_middleware
python -m support.webhook_app  # aiohttp
"""

import asyncio
import os
from contextlib import asynccontextmanager

from aiohttp import web

from cliq_async.webhooks import MessageEvent, WebhookBot

bot = WebhookBot(
    os.environ["CLIQ_PUBLIC_KEY"],
    time_scale=float(os.environ.get("TIME_SCALE", "10")),
    max_in_flight=int(os.environ.get("IN_FLIGHT", "1000")),
    response_hosts=[os.environ["RESPONSE_HOST"]],
)


@bot.message
async def wait(event: MessageEvent) -> str:
    """Take as many real seconds as the message says."""
    print("at work", flush=True)  # noqa: T201 - the test reads it
    await asyncio.sleep(float(event.text))
    return event.text


def behind_middleware():
    """The bot behind Starlette's middleware for HTTP."""
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.base import BaseHTTPMiddleware
    from starlette.routing import Route

    @asynccontextmanager
    async def lifespan(_app):
        async with bot:
            yield

    async def pass_on(request, call_next):
        return await call_next(request)

    return Starlette(
        routes=[Route("/cliq", bot)],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=pass_on)],
        lifespan=lifespan,
    )


if __name__ == "__main__":
    app = web.Application()
    app.add_routes([web.route("*", "/cliq", bot.aiohttp)])
    app.cleanup_ctx.append(bot.running)
    web.run_app(app, host="127.0.0.1", port=0, backlog=2048)
