"""Functions: the code behind buttons and forms, and its handlers."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import attrs

from cliq_async.endpoints import ENDPOINTS
from cliq_async.errors import ValidationError
from cliq_async.models.deserialization import data_of, read_one, read_written
from cliq_async.models.function import (
    Function,
    FunctionChanges,
    FunctionHandler,
    FunctionHandlerChanges,
    FunctionHandlerType,
    NewFunction,
    NewFunctionHandler,
    check_function_handler_type,
)
from cliq_async.models.identifiers import page_limit, path_segment, query_text
from cliq_async.models.page import Page
from cliq_async.models.serialization import unstructure
from cliq_async.resources.paging import follow, read_page
from cliq_async.transport.protocol import ApiCall

__all__ = ["Functions"]

_NO_FUNCTION: Final = Function(id="", name="")


class Functions:
    """`client.functions`: the functions of the user, which buttons and forms invoke by name.

    Source: the Functions API. 30 requests a minute to list and to get functions, 10 for all else.
    Scopes ZohoCliq.Functions.READ, CREATE, UPDATE and DELETE.
    """

    def __init__(self, send: Callable[[ApiCall], Awaitable[object]]) -> None:
        self._send = send

    async def create(self, new: NewFunction) -> Function:
        """Create a function.

        Example:
            ```python
            new = NewFunction("approve", description="Approves it", function_type="button")
            function = await client.functions.create(new)
            ```

        Returns:
            The function, with the id that Cliq gave it. All fields are empty if the function was
            created but the answer could not be read.

        Raises:
            ConflictError: Another function has this name.
            BadRequestError: Cliq refused the function, for example with
                `function_creation_limit_exceeded`.
            OutcomeUnknownError: The request was sent but not answered.
        """
        if not isinstance(new, NewFunction):
            raise ValidationError("new", "a NewFunction", new)
        call = ApiCall(ENDPOINTS["create_function"], data=unstructure(new))
        return read_written(data_of(await self._send(call)), Function, _NO_FUNCTION)

    async def list(
        self,
        *,
        limit: int | None = None,
        next_token: str | None = None,
        sync_token: str | None = None,
    ) -> Page[Function]:
        """List one page of functions.

        Args:
            limit: The most functions in the page, 1 to 50; Cliq's default is 20.
            next_token: The token from the previous page, unchanged.
            sync_token: The token from an earlier listing, to get only the functions that have
                changed or been deleted since.

        Raises:
            ValidationError: `limit` is out of range.
            ApiError: Cliq refused the request, or its answer cannot be read.
        """
        endpoint = ENDPOINTS["list_functions"]
        query = {
            "limit": page_limit(limit),
            "next_token": query_text("next_token", next_token),
            "sync_token": query_text("sync_token", sync_token),
        }
        return read_page(endpoint, await self._send(ApiCall(endpoint, {}, query)), Function)

    def iter(self, *, limit: int | None = 50) -> AsyncIterator[Function]:
        """Iterate over all functions, page by page.

        Example:
            ```python
            async for function in client.functions.iter():
                print(function.name, function.execution_url)
            ```

        Args:
            limit: The most functions in a page, 1 to 50.
        """
        return follow(
            ENDPOINTS["list_functions"],
            lambda token: self.list(limit=limit, next_token=token),
        )

    async def get(self, function_id: str) -> Function:
        """Get a function by its id.

        Raises:
            NotFoundError: The function does not exist.
            ApiError: Cliq refused the request, or its answer cannot be read.
        """
        endpoint = ENDPOINTS["get_function"]
        answer = await self._send(ApiCall(endpoint, _path(function_id)))
        return read_one(endpoint, data_of(answer), Function)

    async def update(self, function_id: str, changes: FunctionChanges) -> Function:
        """Update a function.

        Returns:
            The function after the update. All fields are empty if the function was updated but the
            answer could not be read.

        Raises:
            NotFoundError: The function does not exist.
            ConflictError: Another function has this name.
            OutcomeUnknownError: The request was sent three times but not answered.
        """
        if not isinstance(changes, FunctionChanges):
            raise ValidationError("changes", "FunctionChanges", changes)
        call = ApiCall(ENDPOINTS["update_function"], _path(function_id), data=unstructure(changes))
        return read_written(data_of(await self._send(call)), Function, _NO_FUNCTION)

    async def delete(self, function_id: str) -> None:
        """Delete a function permanently, with its handlers.

        Buttons and forms that invoke it stop working.

        Raises:
            NotFoundError: The function does not exist.
            OutcomeUnknownError: The request was sent three times but not answered.
        """
        await self._send(ApiCall(ENDPOINTS["delete_function"], _path(function_id)))

    async def create_handler(self, function_id: str, new: NewFunctionHandler) -> FunctionHandler:
        """Create a handler of a function.

        Example:
            ```python
            handler = NewFunctionHandler("button_handler", permissions=["message", "user"])
            await client.functions.create_handler(function.id, handler)
            ```

        Args:
            function_id: The function's id.
            new: The handler's type, with a script for a Deluge function or permissions for a
                webhook function.

        Returns:
            The handler as Cliq describes it: its type and its function at least, since Cliq's
            answer may describe the function instead.

        Raises:
            ConflictError: The function has a handler of this type.
            BadRequestError: Cliq refused the handler, for example with
                `execution_handler_create_failed`.
            OutcomeUnknownError: The request was sent but not answered.
        """
        if not isinstance(new, NewFunctionHandler):
            raise ValidationError("new", "a NewFunctionHandler", new)
        path = _path(function_id)
        call = ApiCall(ENDPOINTS["create_function_handler"], path, data=unstructure(new))
        return _written(await self._send(call), function_id, new.type)

    async def update_handler(
        self,
        function_id: str,
        type: FunctionHandlerType,  # noqa: A002 - the API's word
        changes: FunctionHandlerChanges,
    ) -> FunctionHandler:
        """Update a handler of a function.

        Args:
            function_id: The function's id.
            type: The handler's type.
            changes: The new script, or the new permissions, which replace the old ones.

        Returns:
            The handler as Cliq describes it.

        Raises:
            ValidationError: A handler of this type may not have one of the permissions.
            NotFoundError: The function has no such handler.
            OutcomeUnknownError: The request was sent three times but not answered.
        """
        if not isinstance(changes, FunctionHandlerChanges):
            raise ValidationError("changes", "FunctionHandlerChanges", changes)
        path = _handler_path(function_id, type, changes)
        call = ApiCall(ENDPOINTS["update_function_handler"], path, data=unstructure(changes))
        return _written(await self._send(call), function_id, type)

    async def get_handler(
        self,
        function_id: str,
        type: FunctionHandlerType,  # noqa: A002 - the API's word
    ) -> FunctionHandler:
        """Get a handler of a function, with its script.

        Args:
            function_id: The function's id.
            type: The handler's type.

        Raises:
            NotFoundError: The function has no such handler.
            ApiError: Cliq refused the request, or its answer cannot be read.
        """
        endpoint = ENDPOINTS["get_function_handler"]
        data = data_of(await self._send(ApiCall(endpoint, _handler_path(function_id, type))))
        handler = read_one(endpoint, data, FunctionHandler)
        return attrs.evolve(handler, type=type, function_id=function_id)

    async def delete_handler(
        self,
        function_id: str,
        type: FunctionHandlerType,  # noqa: A002 - the API's word
    ) -> None:
        """Delete a handler of a function permanently, with its script.

        Args:
            function_id: The function's id.
            type: The handler's type.

        Raises:
            NotFoundError: The function has no such handler.
            BadRequestError: Cliq refused the request, for example with
                `default_handler_delete_not_allowed`.
            OutcomeUnknownError: The request was sent three times but not answered.
        """
        path = _handler_path(function_id, type)
        await self._send(ApiCall(ENDPOINTS["delete_function_handler"], path))


def _path(function_id: str) -> dict[str, str]:
    return {"function_id": path_segment("function_id", function_id)}


def _handler_path(
    function_id: str, handler_type: str, changes: FunctionHandlerChanges | None = None
) -> dict[str, str]:
    handler_type = check_function_handler_type("type", handler_type, changes)
    return {**_path(function_id), "handler_type": handler_type}


def _written(answer: object, function_id: str, handler_type: str) -> FunctionHandler:
    data = data_of(answer)
    if isinstance(data, dict):
        # It describes the whole function, or it calls the type a name.
        of_function = "function_type" in data
        data = {} if of_function else {key: data[key] for key in data if key != "name"}
    handler = read_written(data, FunctionHandler, FunctionHandler())
    return attrs.evolve(handler, type=handler_type, function_id=function_id)
