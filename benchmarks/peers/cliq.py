"""cliq_async itself: what all others are beside."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from answering import Answer

from cliq_async import CliqClient, Limit, MemoryStore

from .model import Client, Peer

_BOT = {
    "unique_name": "supportbot",
    "name": "Support Bot",
    "description": "Handles support workflows",
    "scope": "organization",
    "channel_participation": ["listen_message", "send_message", "auto_follow_thread"],
    "handlers": [
        {
            "type": "menu_handler",
            "id": "53719000001878017",
            "name": "Action",
            "icon": "wand/627282",
            "position": 1,
            "sub_actions": [{"name": "Sub Action", "icon": "wand/627282"}],
        }
    ],
    "creator": {"name": "James", "id": "65113112"},
    "execution_type": "deluge",
    "status": "enabled",
    "type": "custom",
    "default": False,
    "subscriber_count": 1,
    "calls": "disabled",
}
_BOTS = [_BOT | {"id": str(53719000001878011 + number)} for number in range(50)]

# More than 64, and back by the time of the next: a bucket in use that nobody waits for.
QUICK = {"limits": dict.fromkeys(("send_message", "list_bots"), Limit(100, 1e-5)), "margin_s": 0.0}


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Client]:
    async with CliqClient("token", base_url=url, quota=MemoryStore(), **QUICK) as client:

        async def send() -> object:
            return await client.messages.send("supportbot", "Hello", user_ids="55743307")

        async def page() -> object:
            return await client.bots.list(limit=50)

        yield Client(send, page)


CLIQ = Peer(
    name="cliq_async",
    result="typed",
    pages="bots, typed",
    send="POST /api/v3/bots/supportbot/message",
    page="GET /api/v3/bots",
    answers={
        "POST /api/v3/bots/supportbot/message": Answer(),
        "GET /api/v3/bots": Answer({"url": "/api/v3/bots", "type": "bot", "data": _BOTS}),
    },
    opened=_opened,
)
