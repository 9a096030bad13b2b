"""Handlers: the reactions of a bot to events."""

from collections.abc import Awaitable, Callable

import attrs

from cliq_async.endpoints import ENDPOINTS
from cliq_async.errors import ValidationError
from cliq_async.models.deserialization import data_of, read_one, read_written
from cliq_async.models.handler import (
    Handler,
    HandlerChanges,
    HandlerType,
    NewHandler,
    check_type,
)
from cliq_async.models.identifiers import path_segment
from cliq_async.models.serialization import unstructure
from cliq_async.models.validators import check_text
from cliq_async.transport.protocol import ApiCall

__all__ = ["Handlers"]


class Handlers:
    """`client.handlers`: the handlers of a bot. `bots.get` lists them.

    Source: the Bots API. 10 requests a minute each to create, update, get and delete. Scopes
    ZohoCliq.Bots.UPDATE and, to get, ZohoCliq.Bots.READ.
    """

    def __init__(self, send: Callable[[ApiCall], Awaitable[object]]) -> None:
        self._send = send

    async def create(self, bot_id: str, new: NewHandler) -> Handler:
        """Create a handler.

        Example:
            ```python
            await client.handlers.create(bot.id, NewHandler("mention_handler", script=source))
            ```

        Args:
            bot_id: The bot's id.
            new: The handler's type, with a script for a Deluge bot or permissions for a webhook
                bot.

        Returns:
            The handler as Cliq describes it, without an id.

        Raises:
            BadRequestError: Cliq refused the handler, for example with
                `execution_handler_create_failed`.
            OutcomeUnknownError: The request was sent but not answered.
        """
        if not isinstance(new, NewHandler):
            raise ValidationError("new", "a NewHandler", new)
        path = {"bot_id": path_segment("bot_id", bot_id)}
        call = ApiCall(ENDPOINTS["create_handler"], path, data=unstructure(new))
        return _written(await self._send(call), new.type)

    async def update(
        self,
        bot_id: str,
        type: HandlerType,  # noqa: A002 - the API's word
        changes: HandlerChanges,
        *,
        handler_id: str | None = None,
    ) -> Handler:
        """Update a handler.

        Args:
            bot_id: The bot's id.
            type: The handler's type.
            changes: The new values. Permissions and sub-actions replace the old ones.
            handler_id: The id of the menu action, if the bot has several.

        Returns:
            The handler as Cliq describes it: its id, permissions and displayed fields.

        Raises:
            ValidationError: A handler of this type may not have one of the permissions or fields.
            NotFoundError: The bot has no such handler.
            OutcomeUnknownError: The request was sent three times but not answered.
        """
        if not isinstance(changes, HandlerChanges):
            raise ValidationError("changes", "HandlerChanges", changes)
        path = _path(bot_id, check_type("type", type, changes))
        query = _query(handler_id)
        call = ApiCall(ENDPOINTS["update_handler"], path, query, unstructure(changes))
        return _written(await self._send(call), type)

    async def get(
        self,
        bot_id: str,
        type: HandlerType,  # noqa: A002 - the API's word
        *,
        handler_id: str | None = None,
    ) -> Handler:
        """Get a handler, with its script.

        Args:
            bot_id: The bot's id.
            type: The handler's type.
            handler_id: The id of the menu action, if the bot has several.

        Raises:
            NotFoundError: The bot has no such handler.
            ApiError: Cliq refused the request, or its answer cannot be read.
        """
        endpoint = ENDPOINTS["get_handler"]
        path = _path(bot_id, check_type("type", type, None))
        answer = await self._send(ApiCall(endpoint, path, _query(handler_id)))
        handler = read_one(endpoint, data_of(answer), Handler)
        return handler if handler.type else attrs.evolve(handler, type=type)

    async def delete(
        self,
        bot_id: str,
        type: HandlerType,  # noqa: A002 - the API's word
        *,
        handler_id: str | None = None,
    ) -> None:
        """Delete a handler permanently, with its script.

        Args:
            bot_id: The bot's id.
            type: The handler's type.
            handler_id: The id of the menu action, if the bot has several.

        Raises:
            NotFoundError: The bot has no such handler.
            BadRequestError: Cliq refused the request, for example with
                `default_handler_delete_not_allowed`.
            OutcomeUnknownError: The request was sent three times but not answered.
        """
        path = _path(bot_id, check_type("type", type, None))
        await self._send(ApiCall(ENDPOINTS["delete_handler"], path, _query(handler_id)))


def _path(bot_id: str, handler_type: str) -> dict[str, str]:
    return {"bot_id": path_segment("bot_id", bot_id), "handler_type": handler_type}


def _query(handler_id: str | None) -> dict[str, str | None]:
    # Cliq ignores an empty id and would act on a different menu action.
    return {"handler_id": None if handler_id is None else check_text("handler_id", handler_id, 1)}


def _written(answer: object, handler_type: str) -> Handler:
    handler = read_written(data_of(answer), Handler, Handler())
    return handler if handler.type else attrs.evolve(handler, type=handler_type)
