"""python-telegram-bot: typed, on httpx."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from answering import Answer

from .model import Client, Peer

_TOKEN = "1:token"
_BASE = "/telegram/bot"
_USER = {
    "id": 123456789,
    "is_bot": True,
    "first_name": "Support",
    "username": "support_bot",
}
_MESSAGE = {
    "message_id": 17,
    "from": _USER,
    "chat": {
        "id": 55743307,
        "first_name": "Mason",
        "last_name": "Miller",
        "username": "mason",
        "type": "private",
    },
    "date": 1755000000,
    "text": "Hello",
}
_UPDATES = [
    {"update_id": 646911460 + number, "message": _MESSAGE | {"message_id": 17 + number}}
    for number in range(50)
]


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Client]:
    import telegram  # noqa: PLC0415 - with the peer or not at all

    async with telegram.Bot(_TOKEN, base_url=url + _BASE) as bot:

        async def send() -> object:
            return await bot.send_message(55743307, "Hello")

        async def page() -> object:
            return await bot.get_updates(limit=50)

        yield Client(send, page)


TELEGRAM_BOT = Peer(
    name="python-telegram-bot",
    result="typed",
    pages="updates, typed",
    send=f"POST {_BASE}{_TOKEN}/sendMessage",
    page=f"POST {_BASE}{_TOKEN}/getUpdates",
    answers={
        f"POST {_BASE}{_TOKEN}/sendMessage": Answer({"ok": True, "result": _MESSAGE}),
        f"POST {_BASE}{_TOKEN}/getUpdates": Answer({"ok": True, "result": _UPDATES}),
        f"POST {_BASE}{_TOKEN}/getMe": Answer({"ok": True, "result": _USER}),
    },
    opened=_opened,
)
