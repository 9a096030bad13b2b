"""The feed of a page: a snapshot, then changes, as server-sent events.

A stream looks at the state a few times a second. So changes cost nothing where no page looks, and a
broadcast to thousands of people is a few numbers and the last hundred items.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any, Final

import attrs
import msgspec
from aiohttp import web

from cliq_async.sandbox.events.chats import Chat
from cliq_async.sandbox.events.views import SHOWN, Cursor, Views

__all__ = ["Feed"]

_TICK_S: Final = 0.15
_KEEP_ALIVE_S: Final = 15.0
_RETRY: Final = b"retry: 1000\n"
"""How long a page waits until it connects again, in milliseconds."""


class Feed:
    """The streams of all pages.

    Args:
        views: The views of the sandbox.
    """

    def __init__(self, views: Views) -> None:
        self._views = views
        self._run = secrets.token_hex(4)
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """End all streams."""
        self._stopped.set()

    async def respond(
        self, request: web.BaseRequest, chat: Chat | None, *, bot: str | None
    ) -> web.StreamResponse:
        """Stream the feed until the client disconnects or the sandbox stops.

        Args:
            request: The request; its `Last-Event-ID` is the position to go on from.
            chat: The chat that is shown; None for no chat.
            bot: The bot whose subscribers come first among the people.
        """
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await response.prepare(request)
        await response.write(_RETRY)
        last_id = request.headers.get("Last-Event-ID", "")
        try:
            async for piece in self._pieces(last_id, chat, bot):
                await response.write(piece)
        except ConnectionError:
            pass  # the page was closed
        return response

    async def _pieces(
        self, last_id: str, chat: Chat | None, bot: str | None
    ) -> AsyncIterator[bytes]:
        """Yield the bytes of the stream."""
        views, loop = self._views, asyncio.get_running_loop()
        sent = _Sent()
        cursor = self._parse(last_id)
        if cursor is None:
            cursor = views.cursor()
            yield self._encode("snapshot", self._snapshot(chat, bot, sent), cursor)
        quiet_since = loop.time()
        while not self._stopped.is_set():
            now = views.cursor()
            changes = self._changes(cursor, now, chat, sent)
            for index, (kind, data) in enumerate(changes, 1):
                # A page that loses the connection in between gets all of them again.
                yield self._encode(kind, data, now if index == len(changes) else cursor)
                quiet_since = loop.time()
            cursor = now
            if loop.time() - quiet_since > _KEEP_ALIVE_S:
                yield b": still here\n\n"
                quiet_since = loop.time()
            try:
                async with asyncio.timeout(_TICK_S):
                    await self._stopped.wait()
            except TimeoutError:
                continue

    def _snapshot(self, chat: Chat | None, bot: str | None, sent: "_Sent") -> dict[str, Any]:
        views = self._views
        sent.bots_revision = views.bots_revision()
        sent.counts = views.counts()
        quota = views.quota()
        sent.gauges = quota["gauges"]
        sent.chat_state = None if chat is None else views.chat_state(chat)
        return {
            "bots": views.bots(),
            "channels": views.channels(),
            "people": views.people(bot=bot),
            "chat": None if chat is None else views.chat(chat),
            "deliveries": views.deliveries(),
            "quota": quota,
            "counts": sent.counts,
        }

    def _changes(
        self, cursor: Cursor, now: Cursor, chat: Chat | None, sent: "_Sent"
    ) -> list[tuple[str, Any]]:
        """Return the changes between two positions: the kinds of events and their data."""
        views, changes = self._views, list[tuple[str, Any]]()
        if sent.bots_revision != (revision := views.bots_revision()):
            sent.bots_revision = revision
            changes.append(("bots", {"bots": views.bots(), "channels": views.channels()}))
        if chat is not None and (now.message, now.entry) != (cursor.message, cursor.entry):
            items = views.chat_since(chat, cursor)
            if items:
                missed = max(len(items) - SHOWN, 0)
                changes.append(("chat", {"items": items[-SHOWN:], "missed": missed}))
        if chat is not None and sent.chat_state != (state := views.chat_state(chat)):
            sent.chat_state = state
            changes.append(("chat_state", state))
        if now.delivery != cursor.delivery:
            changes.append(("deliveries", views.deliveries_since(cursor)))
        if sent.gauges != (quota := views.quota())["gauges"]:
            sent.gauges = quota["gauges"]
            changes.append(("quota", quota))
        if sent.counts != (counts := views.counts()):
            sent.counts = counts
            changes.append(("counts", counts))
        return changes

    def _encode(self, kind: str, data: Any, cursor: Cursor) -> bytes:
        number = f"{self._run}-{cursor.message}-{cursor.entry}-{cursor.delivery}"
        return b"id: %s\nevent: %s\ndata: %s\n\n" % (
            number.encode(),
            kind.encode(),
            msgspec.json.encode(data),
        )

    def _parse(self, last_id: str) -> Cursor | None:
        """Return the position of an id; None if it is not one of this run."""
        run, _, rest = last_id.partition("-")
        numbers = rest.split("-")
        if run != self._run or not all(n.isdecimal() and len(n) < 20 for n in numbers):  # noqa: PLR2004
            return None
        try:
            cursor = Cursor(*map(int, numbers))
        except TypeError:
            return None
        now = self._views.cursor()
        is_past = (
            cursor.message <= now.message
            and cursor.entry <= now.entry
            and cursor.delivery <= now.delivery
        )
        return cursor if is_past else None


@attrs.define
class _Sent:
    """The last state that a stream has sent."""

    bots_revision: tuple[int, int] | None = None
    chat_state: dict[str, Any] | None = None
    gauges: list[dict[str, Any]] | None = None
    counts: dict[str, int] | None = None
