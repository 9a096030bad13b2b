"""A webhook bot in FastAPI: `uvicorn examples.webhooks.fastapi_app:app`."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.routing import Route

from examples.webhooks.bot import bot


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
    """Open the bot, and wait for its late answers at the end."""
    async with bot:
        yield


app = FastAPI(lifespan=lifespan)
app.router.routes.append(Route("/cliq", bot))


@app.get("/")
async def home() -> str:
    """Serve the rest of the app."""
    return "the app"
