"""A webhook bot in Litestar: `uvicorn examples.webhooks.litestar_app:app`."""

from litestar import Litestar, get
from litestar.handlers import asgi

from examples.webhooks.bot import bot


@get("/")
async def home() -> str:
    """Serve the rest of the app."""
    return "the app"


app = Litestar([home, asgi("/cliq", is_mount=True, copy_scope=True)(bot)], lifespan=[bot])
