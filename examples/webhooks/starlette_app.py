"""A webhook bot in Starlette: `uvicorn examples.webhooks.starlette_app:app`."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from examples.webhooks.bot import bot


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
    """Open the bot, and wait for its late answers at the end."""
    async with bot:
        yield


async def home(_request: Request) -> PlainTextResponse:
    """Serve the rest of the app."""
    return PlainTextResponse("the app")


app = Starlette(routes=[Route("/", home), Route("/cliq", bot)], lifespan=lifespan)
