"""The bot that the other examples mount. Alone: `uvicorn examples.webhooks.bot:bot`."""

import os

from cliq_async.webhooks import Banner, MenuEvent, MessageEvent, WebhookBot

bot = WebhookBot(os.environ["CLIQ_PUBLIC_KEY"])


@bot.message
async def answer(event: MessageEvent) -> str:
    """Greet the user."""
    return f"Hi {event.user.first_name}, you said {event.text!r}"


@bot.menu("Raise ticket", icon="wand/627282")
async def ticket(_event: MenuEvent) -> Banner:
    """Raise a ticket."""
    return Banner("Ticket raised")
