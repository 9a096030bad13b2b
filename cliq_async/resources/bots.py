"""Bots: who there is."""

from collections.abc import AsyncIterator, Awaitable, Callable

from cliq_async.endpoints import ENDPOINTS
from cliq_async.models.bot import Bot
from cliq_async.models.page import Page
from cliq_async.models.recipients import page_limit
from cliq_async.resources.paging import follow, read_page
from cliq_async.wire import Call

__all__ = ["Bots"]


class Bots:
    """`client.bots`: the bots that the user can see.

    Source: "List all bots" of the Bots API. 30 requests a minute, scope ZohoCliq.Bots.READ.
    """

    def __init__(self, send: Callable[[Call], Awaitable[object]]) -> None:
        self._send = send

    async def list(
        self,
        *,
        limit: int | None = None,
        next_token: str | None = None,
        sync_token: str | None = None,
        search: str | None = None,
        scope: str | None = None,
    ) -> Page[Bot]:
        """One page of bots.

        Args:
            limit: Bots in the page, 1 to 50; Cliq's own default is 20.
            next_token: From the page before, as it came.
            sync_token: From an earlier listing: only what changed since, and what was deleted.
            search: Words to look for in the catalogue.
            scope: Which part of the catalogue to look in.

        Raises:
            ValidationError: The limit is out of range.
            ApiError: Cliq refused it, or its answer cannot be read.
        """
        endpoint = ENDPOINTS["list_bots"]
        query = {
            "limit": page_limit(limit),
            "next_token": next_token,
            "sync_token": sync_token,
            "search": search,
            "scope": scope,
        }
        return read_page(endpoint, await self._send(Call(endpoint, {}, query)), Bot)

    def iter(
        self, *, limit: int | None = 50, search: str | None = None, scope: str | None = None
    ) -> AsyncIterator[Bot]:
        """All bots, page after page.

        Example:
            ```python
            async for bot in client.bots.iter():
                print(bot.unique_name)
            ```

        Args:
            limit: Bots in a page, 1 to 50.
            search: Words to look for in the catalogue.
            scope: Which part of the catalogue to look in.
        """
        return follow(
            ENDPOINTS["list_bots"],
            lambda token: self.list(limit=limit, next_token=token, search=search, scope=scope),
        )
