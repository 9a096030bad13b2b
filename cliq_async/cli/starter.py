"""The files of a new bot: its code, its test and its settings."""

from typing import Final

__all__ = ["FILES"]

_BOT: Final = '''\
"""A bot for Zoho Cliq. Run it with a sandbox: cliq sandbox --bot bot:bot"""

import os

from cliq_async.webhooks import (
    Banner,
    ContextEvent,
    MenuEvent,
    MessageEvent,
    Question,
    Reply,
    WebhookBot,
)

bot = WebhookBot(os.environ.get("CLIQ_PUBLIC_KEY"))  # the key that Cliq shows for the bot


@bot.message
async def answer(event: MessageEvent) -> str | Reply:
    if event.text == "order":
        return Reply("Gladly!", ask=[Question("drink", "Tea or coffee?")], context="order")
    return f"{event.user.first_name} wrote: {event.text}"


@bot.context("order")
async def order(event: ContextEvent) -> str:
    return f"One {event.answers['drink']} for {event.user.first_name}."


@bot.menu("Ping")
async def ping(event: MenuEvent) -> Banner:
    return Banner("Pong")
'''

_TEST: Final = """\
import asyncio

from cliq_async.testing import FakeCliq

from bot import bot


def test_the_bot_answers():
    answer = asyncio.run(FakeCliq().say("hi").to(bot))
    assert answer == {"output": {"text": "Ann wrote: hi"}}
"""

_SETTINGS: Final = """\
# `cliq bots apply` makes the bot like this: BOT_URL is the address at which Cliq finds it.
[bots.NAME]
app = "bot:bot"
name = "NAME"
description = "Answers messages"
execution_url = "${BOT_URL}"
"""

FILES: Final = {"bot.py": _BOT, "test_bot.py": _TEST, "cliq.toml": _SETTINGS}
"""The contents by file name; `NAME` stands for the bot's name."""
