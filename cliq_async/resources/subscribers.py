"""Subscribers: who gets a bot's messages."""

from collections.abc import AsyncIterator, Awaitable, Callable

from cliq_async.endpoints import ENDPOINTS
from cliq_async.models.identifiers import page_limit, path_segment, query_text
from cliq_async.models.page import Page
from cliq_async.models.subscriber import Subscriber
from cliq_async.resources.paging import follow, read_page
from cliq_async.transport.protocol import ApiCall

__all__ = ["Subscribers"]


class Subscribers:
    """`client.subscribers`: the users who have subscribed to a bot.

    Only the bot's creator and the organisation's admins may ask.
    Source: "List all subscribers of a specific bot" of the Bots API. 100 requests a minute, scope
    ZohoCliq.Bots.READ.
    """

    def __init__(self, send: Callable[[ApiCall], Awaitable[object]]) -> None:
        self._send = send

    async def list(
        self,
        bot: str,
        *,
        limit: int | None = None,
        next_token: str | None = None,
        sync_token: str | None = None,
        extension_key: str | None = None,
    ) -> Page[Subscriber]:
        """One page of subscribers.

        Args:
            bot: The bot's id or its unique name.
            limit: Subscribers in the page, 1 to 50.
            next_token: From the page before, as it came.
            sync_token: From an earlier listing: only what changed since.
            extension_key: Of the extension that the bot belongs to, if it does.

        Raises:
            ValidationError: The limit is out of range, or the bot's name is none.
            ApiError: Cliq refused it, or its answer cannot be read.
        """
        endpoint = ENDPOINTS["list_subscribers"]
        path = {"bot_id_or_unique_name": path_segment("bot", bot)}
        query = {
            "limit": page_limit(limit),
            "next_token": query_text("next_token", next_token),
            "sync_token": query_text("sync_token", sync_token),
            "extension_key": query_text("extension_key", extension_key),
        }
        return read_page(endpoint, await self._send(ApiCall(endpoint, path, query)), Subscriber)

    def iter(
        self, bot: str, *, limit: int | None = 50, extension_key: str | None = None
    ) -> AsyncIterator[Subscriber]:
        """All subscribers, page after page.

        Example:
            ```python
            ids = [subscriber.user_id async for subscriber in client.subscribers.iter("supportbot")]
            ```

        Args:
            bot: The bot's id or its unique name.
            limit: Subscribers in a page, 1 to 50.
            extension_key: Of the extension that the bot belongs to, if it does.
        """
        return follow(
            ENDPOINTS["list_subscribers"],
            lambda token: self.list(
                bot, limit=limit, next_token=token, extension_key=extension_key
            ),
        )
