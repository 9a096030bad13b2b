"""A webhook bot in aiohttp: `python -m examples.webhooks.aiohttp_app`."""

import os

from aiohttp import web

from examples.webhooks.bot import bot


async def home(_request: web.Request) -> web.Response:
    """Serve the rest of the app."""
    return web.Response(text="the app")


app = web.Application()
app.add_routes([web.get("/", home), web.route("*", "/cliq", bot.aiohttp)])
app.cleanup_ctx.append(bot.running)

if __name__ == "__main__":
    web.run_app(app, port=int(os.environ.get("PORT", "8080")))
