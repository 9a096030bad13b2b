"""hikari: attrs models, on aiohttp; its client of the REST interface alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .discord import CHANNEL, answers
from .model import Client, Peer

_BASE = "/hikari"
_MESSAGES = f"{_BASE}/channels/{CHANNEL}/messages"


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Client]:
    import hikari  # noqa: PLC0415 - with the peer or not at all

    app = hikari.RESTApp(url=url + _BASE)
    await app.start()
    try:
        async with app.acquire("token", "Bot") as client:

            async def send() -> object:
                return await client.create_message(CHANNEL, "Hello")

            async def page() -> object:
                return await client.fetch_messages(CHANNEL).limit(50)

            yield Client(send, page)
    finally:
        await app.close()


HIKARI = Peer(
    name="hikari",
    result="typed",
    pages="messages, typed",
    send=f"POST {_MESSAGES}",
    page=f"GET {_MESSAGES}",
    answers=answers(_BASE),
    opened=_opened,
)
