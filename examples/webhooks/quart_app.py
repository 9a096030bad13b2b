"""A webhook bot in Quart: `hypercorn examples.webhooks.quart_app:app`."""

from hypercorn.middleware import DispatcherMiddleware
from quart import Quart

from examples.webhooks.bot import bot

site = Quart(__name__)


@site.get("/")
async def home() -> str:
    """Serve the rest of the app."""
    return "the app"


app = DispatcherMiddleware({"/cliq": bot, "": site})
