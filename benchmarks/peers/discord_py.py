"""discord.py: typed, on aiohttp."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .discord import CHANNEL, answers
from .model import Client, Peer

_BASE = "/discord.py"
_MESSAGES = f"{_BASE}/channels/{CHANNEL}/messages"


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Client]:
    import discord  # noqa: PLC0415 - with the peer or not at all

    discord.http.Route.BASE = url + _BASE
    async with discord.Client(intents=discord.Intents.none()) as client:
        await client.login("token")
        channel = client.get_partial_messageable(CHANNEL)

        async def send() -> object:
            return await channel.send("Hello")

        async def page() -> object:
            return [message async for message in channel.history(limit=50)]

        yield Client(send, page)


DISCORD_PY = Peer(
    name="discord.py",
    result="typed",
    pages="messages, typed",
    send=f"POST {_MESSAGES}",
    page=f"GET {_MESSAGES}",
    answers=answers(_BASE),
    opened=_opened,
)
