"""Bots: create, list, get, update and delete them, and add them to channels."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, Literal

from cliq_async.endpoints import ENDPOINTS
from cliq_async.errors import ValidationError
from cliq_async.models.bot import Bot, BotChanges, NewBot
from cliq_async.models.deserialization import data_of, read_one, read_written
from cliq_async.models.identifiers import page_limit, path_segment, query_text
from cliq_async.models.page import Page
from cliq_async.models.serialization import unstructure
from cliq_async.models.validators import check_text
from cliq_async.resources.paging import follow, read_page
from cliq_async.transport.protocol import ApiCall

__all__ = ["Bots"]

_MAX_LIMIT: Final = 50
_DETAILS: Final = "subscription_details"
_NO_BOT: Final = Bot(id="", unique_name="", name="")


class Bots:
    """`client.bots`: the bots that the user can see.

    Source: the Bots API. 30 requests a minute to list and to get, 10 to create, update and
    delete, 5 to associate. Scopes ZohoCliq.Bots.READ, CREATE, UPDATE, DELETE and, to associate,
    ZohoCliq.Channels.UPDATE.
    """

    def __init__(self, send: Callable[[ApiCall], Awaitable[object]]) -> None:
        self._send = send

    async def create(self, new: NewBot) -> Bot:
        """Create a bot.

        Example:
            ```python
            bot = await client.bots.create(NewBot("Ops Bot", description="Tells what is on fire"))
            ```

        Returns:
            The bot, with the id and the unique name that Cliq gave it. All fields are empty if
            the bot was created but the answer could not be read.

        Raises:
            ConflictError: Another bot has this name.
            BadRequestError: Cliq refused the bot, for example with `bot_creation_limit_exceeded`.
            OutcomeUnknownError: The request was sent but not answered.
        """
        if not isinstance(new, NewBot):
            raise ValidationError("new", "a NewBot", new)
        call = ApiCall(ENDPOINTS["create_bot"], data=unstructure(new))
        return read_written(data_of(await self._send(call)), Bot, _NO_BOT)

    async def list(
        self,
        *,
        limit: int | None = None,
        next_token: str | None = None,
        sync_token: str | None = None,
        search: str | None = None,
        scope: str | None = None,
    ) -> Page[Bot]:
        """List one page of bots.

        Args:
            limit: The most bots in the page, 1 to 50; Cliq's default is 20.
            next_token: The token from the previous page, unchanged.
            sync_token: The token from an earlier listing, to get only the bots that have changed
                or been deleted since.
            search: Words to look for in the catalog.
            scope: The part of the catalog to search. The API documents no values for it.

        Raises:
            ValidationError: `limit` is out of range.
            ApiError: Cliq refused the request, or its answer cannot be read.
        """
        endpoint = ENDPOINTS["list_bots"]
        query = {
            "limit": page_limit(limit, _MAX_LIMIT),
            "next_token": query_text("next_token", next_token),
            "sync_token": query_text("sync_token", sync_token),
            "search": query_text("search", search),
            "scope": query_text("scope", scope),
        }
        return read_page(endpoint, await self._send(ApiCall(endpoint, {}, query)), Bot)

    def iter(
        self, *, limit: int | None = 50, search: str | None = None, scope: str | None = None
    ) -> AsyncIterator[Bot]:
        """Iterate over all bots, page by page.

        Example:
            ```python
            async for bot in client.bots.iter():
                print(bot.unique_name)
            ```

        Args:
            limit: The most bots in a page, 1 to 50.
            search: Words to look for in the catalog.
            scope: The part of the catalog to search. The API documents no values for it.
        """
        return follow(
            ENDPOINTS["list_bots"],
            lambda token: self.list(limit=limit, next_token=token, search=search, scope=scope),
        )

    async def get(
        self, bot_id: str, *, fields: Literal["subscription_details"] | None = None
    ) -> Bot:
        """Get a bot by its id.

        Args:
            bot_id: The bot's id, with or without `b-` before it; not its unique name.
            fields: `subscription_details` adds the subscribers, in `Bot.extra`.

        Raises:
            NotFoundError: The bot does not exist.
            ApiError: Cliq refused the request, or its answer cannot be read.
        """
        endpoint = ENDPOINTS["get_bot"]
        if fields not in (None, _DETAILS):
            raise ValidationError("fields", f"{_DETAILS} or None", fields)
        path = {"bot_id": path_segment("bot_id", bot_id)}
        data = data_of(await self._send(ApiCall(endpoint, path, {"fields": fields})))
        return read_one(endpoint, data, Bot)

    async def update(self, bot_id: str, changes: BotChanges) -> Bot:
        """Update a bot.

        Returns:
            The bot after the update. All fields are empty if the bot was updated but the answer
            could not be read.

        Raises:
            NotFoundError: The bot does not exist.
            ConflictError: Another bot has this name.
            PermissionDeniedError: The user may not edit this bot.
            OutcomeUnknownError: The request was sent three times but not answered.
        """
        if not isinstance(changes, BotChanges):
            raise ValidationError("changes", "BotChanges", changes)
        path = {"bot_id": path_segment("bot_id", bot_id)}
        call = ApiCall(ENDPOINTS["update_bot"], path, data=unstructure(changes))
        return read_written(data_of(await self._send(call)), Bot, _NO_BOT)

    async def delete(self, bot_id: str) -> None:
        """Delete a bot permanently, with its handlers and its channel memberships.

        Raises:
            NotFoundError: The bot does not exist.
            PermissionDeniedError: The user may not delete this bot.
            OutcomeUnknownError: The request was sent three times but not answered.
        """
        path = {"bot_id": path_segment("bot_id", bot_id)}
        await self._send(ApiCall(ENDPOINTS["delete_bot"], path))

    async def associate(
        self,
        bot_unique_name: str,
        channel_unique_name: str,
        *,
        extension_key: str | None = None,
    ) -> None:
        """Add a bot to a channel.

        Args:
            bot_unique_name: The bot's unique name.
            channel_unique_name: The channel's unique name.
            extension_key: The key of the bot's extension, if it belongs to one.

        Raises:
            ConflictError: The bot is already in that channel.
            NotFoundError: The bot does not exist.
            OutcomeUnknownError: The request was sent but not answered.
        """
        path = {"bot_unique_name": path_segment("bot_unique_name", bot_unique_name)}
        body = {"channel_unique_name": check_text("channel_unique_name", channel_unique_name, 1)}
        endpoint = ENDPOINTS["associate_channel"]
        query = {"extension_key": query_text("extension_key", extension_key)}
        await self._send(ApiCall(endpoint, path, query, body))
