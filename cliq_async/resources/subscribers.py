"""Subscribers: the users who receive a bot's broadcasts."""

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

    Only the bot's creator and the organization's admins may list them.
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
        """List one page of subscribers.

        Args:
            bot: The bot's id or its unique name.
            limit: The most subscribers in the page, 1 or more. The API documents no maximum; for
                bots it is 50.
            next_token: The token from the previous page, unchanged.
            sync_token: The token from an earlier listing, to get only the changes since.
            extension_key: The key of the bot's extension, if it belongs to one.

        Raises:
            ValidationError: `limit` is out of range, or `bot` is not a valid identifier.
            ApiError: Cliq refused the request, or its answer cannot be read.
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
        """Iterate over all subscribers, page by page.

        Example:
            ```python
            ids = [subscriber.user_id async for subscriber in client.subscribers.iter("supportbot")]
            ```

        Args:
            bot: The bot's id or its unique name.
            limit: The most subscribers in a page, 1 or more.
            extension_key: The key of the bot's extension, if it belongs to one.
        """
        return follow(
            ENDPOINTS["list_subscribers"],
            lambda token: self.list(
                bot, limit=limit, next_token=token, extension_key=extension_key
            ),
        )
