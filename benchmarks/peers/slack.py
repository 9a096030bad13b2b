"""slack_sdk: dictionaries, on aiohttp, with a session that is kept."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from answering import Answer

from .model import Client, Peer

_SENT = {
    "ok": True,
    "channel": "C0123456789",
    "ts": "1755000000.000100",
    "message": {
        "user": "U0123456789",
        "type": "message",
        "ts": "1755000000.000100",
        "bot_id": "B0123456789",
        "app_id": "A0123456789",
        "text": "Hello",
        "team": "T0123456789",
    },
}
_CHANNEL = {
    "name": "general",
    "is_channel": True,
    "is_group": False,
    "is_im": False,
    "is_mpim": False,
    "is_private": False,
    "created": 1449252889,
    "is_archived": False,
    "is_general": True,
    "unlinked": 0,
    "name_normalized": "general",
    "is_shared": False,
    "is_org_shared": False,
    "is_pending_ext_shared": False,
    "context_team_id": "T0123456789",
    "updated": 1678229664302,
    "creator": "U0123456789",
    "is_ext_shared": False,
    "shared_team_ids": ["T0123456789"],
    "is_member": True,
    "topic": {"value": "Work matters", "creator": "U0123456789", "last_set": 1449709364},
    "purpose": {"value": "For everybody", "creator": "U0123456789", "last_set": 1449709364},
    "previous_names": [],
    "num_members": 4,
}
_CHANNELS = [_CHANNEL | {"id": f"C{number:010}"} for number in range(50)]


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Client]:
    import aiohttp  # noqa: PLC0415 - with the peer or not at all
    from slack_sdk.web.async_client import AsyncWebClient  # noqa: PLC0415

    # Without a session it opens one, and a connection, for each request.
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        client = AsyncWebClient("token", base_url=f"{url}/slack/", session=session)

        async def send() -> object:
            return await client.chat_postMessage(channel="C0123456789", text="Hello")

        async def page() -> object:
            return (await client.conversations_list(limit=50))["channels"]

        yield Client(send, page)


SLACK_SDK = Peer(
    name="slack_sdk",
    result="untyped",
    pages="conversations, untyped",
    send="POST /slack/chat.postMessage",
    page="GET /slack/conversations.list",
    answers={
        "POST /slack/chat.postMessage": Answer(_SENT),
        "GET /slack/conversations.list": Answer(
            {"ok": True, "channels": _CHANNELS, "response_metadata": {"next_cursor": ""}}
        ),
    },
    opened=_opened,
)
